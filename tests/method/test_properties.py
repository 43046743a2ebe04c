"""What holds for all images, sizes, types, targets and batches, tried on examples that Hypothesis draws.

The methods are those that are registered and cheap. What is drawn is always the same: a test that fails once,
fails again.
"""

from __future__ import annotations

import functools
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import kerascope as ks
from kerascope.explanation import reduce_channels
from kerascope.testing.fixture import difference
from kerascope.testing.models import fill, sixteenths
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED

TOLERANCE = 1e-4
"""Relative; what rounding may do where a method divides, far below what a mistake does."""
NAMES = ("ant", "bee", "cat", "dog")
CLASSES = len(NAMES)
SHAPES = ((6, 9, 1), (9, 7, 2), (7, 7, 3))
CHEAP = 4
"""Forward and backward passes of a method that is tried here."""
# A score that is a sum has a map that is the sum of the maps.
LINEAR = ("GradCAM", "HiResCAM", "XGradCAM", "Saliency", "InputXGradient")
# A score twice as large has a map twice as large.
HOMOGENEOUS = (*LINEAR, "LayerCAM", "ElementWiseCAM", "EigenGradCAM", "GuidedBackprop")

# Drawn pictures may show nothing of a class; that is warned about, and is as it should be.
pytestmark = [
    pytest.mark.once,
    FLATTENED,
    pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning"),
]


def tried(examples: int) -> Any:
    # No search for the smallest example that fails: each costs passes of a network.
    phases = (Phase.explicit, Phase.generate)
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, phases=phases)


@functools.cache
def network(shape: tuple[int, ...]) -> keras.Model:
    """Convolutions without a corner and a Dense layer that tells places apart."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(4, 3, activation="softplus", kernel_initializer="zeros"),
            layers.Conv2D(5, 2, activation="softplus", kernel_initializer="zeros", name="last"),
            layers.Flatten(),
            layers.Dense(CLASSES, kernel_initializer="zeros"),
        ]
    )
    fill(model, 19)
    return model


@functools.cache
def probe(shape: tuple[int, ...], batch_size: int = 32) -> ks.Probe:
    return ks.Probe(network(shape), batch_size=batch_size, class_names=NAMES, compile=False)


def pictures(shape: tuple[int, ...], count: int, seed: int) -> Tensor:
    return sixteenths((count, *shape), seed, 0, 16)


def signed(method: ks.Method) -> ks.Method:
    """The method without a ReLU at its end, so that there is always something to compare."""
    taken = {one.name for one in fields(method)}
    if "method" in taken:
        return replace(method, method=signed(method.method))
    return replace(method, relu=False) if "relu" in taken else method


def made(kind: type[ks.Method]) -> ks.Method | None:
    """The method with its defaults; None where it needs parameters or cannot be had here."""
    try:
        return signed(kind())
    except (TypeError, ImportError, ks.errors.KerascopeError):
        return None


def named(names: tuple[str, ...]) -> list[ks.Method]:
    return [signed(getattr(ks, name)()) for name in names]


METHODS = [
    method
    for kind in ks.methods().values()
    if (method := made(kind)) is not None
    and method.forwards + method.backwards <= CHEAP
    # Those that take classes only would refuse most targets; how dear "sized" ones are is not declared.
    and not method.tags & {"pooled", "classes", "pooled_head", "sized"}
]
shapes = st.sampled_from(SHAPES)
methods = st.sampled_from(METHODS)
seeds = st.integers(0, 2**16)
counts = st.integers(1, 6)
classes = st.integers(0, CLASSES - 1)
pairs = st.permutations(range(CLASSES)).map(lambda order: tuple(order[:2]))


def score_of(index: int) -> Any:
    def score(outputs: Any) -> Any:
        return outputs[:, index]

    return score


def test_the_methods_tried_are_those_that_everybody_knows() -> None:
    assert {"grad_cam", "saliency", "guided_backprop"} <= {method.name for method in METHODS}
    assert all(np.any(ks.GradCAM()(probe(shape), pictures(shape, 4, 0), 0).values) for shape in SHAPES)


@tried(12)
@given(methods, shapes, counts, st.integers(1, 5), seeds, st.data())
def test_no_picture_depends_on_the_others(
    method: ks.Method, shape: tuple[int, ...], count: int, batch_size: int, seed: int, data: st.DataObject
) -> None:
    images = pictures(shape, count, seed)
    asked = data.draw(st.lists(classes, min_size=count, max_size=count))
    order = data.draw(st.permutations(range(count)))
    found = method(probe(shape, batch_size), images[order], [asked[place] for place in order])
    for place, number in enumerate(order):
        alone = method(probe(shape), images[number : number + 1], asked[number])
        assert difference(found.values[place], alone.values[0]) <= TOLERANCE
        # A score may be all but zero, where nothing is left but the rounding of what it is the sum of.
        assert np.allclose(found.scores[place], alone.scores[0], rtol=TOLERANCE, atol=TOLERANCE / 10)
        assert found.targets[place] == asked[number]


@tried(12)
@given(methods, shapes, st.sampled_from(["uint8", "int8", "int32", "int64", "float16", "float64"]), seeds)
def test_numbers_are_numbers_whatever_holds_them(
    method: ks.Method, shape: tuple[int, ...], dtype: str, seed: int
) -> None:
    whole = np.random.RandomState(seed).randint(0, 128, (2, *shape))
    expected = method(probe(shape), whole.astype("float32"), 1)
    found = method(probe(shape), whole.astype(dtype), 1)
    assert np.any(expected.values)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.images is not None
    np.testing.assert_array_equal(found.images, whole.astype("float32"))


@tried(8)
@given(methods, shapes, counts, classes, seeds)
def test_a_class_is_a_class_however_it_is_named(
    method: ks.Method, shape: tuple[int, ...], count: int, index: int, seed: int
) -> None:
    images = pictures(shape, count, seed)
    expected = method(probe(shape), images, index)
    forms = ([index] * count, np.full(count, index), NAMES[index], ks.Class(index), score_of(index))
    for form in forms:
        found = method(probe(shape), images, form)
        assert difference(found.values, expected.values) <= TOLERANCE
        assert difference(found.scores, expected.scores) <= TOLERANCE


@tried(8)
@given(methods, shapes, counts, st.integers(1, CLASSES), seeds)
def test_the_best_classes_are_explained_as_each_alone(
    method: ks.Method, shape: tuple[int, ...], count: int, best: int, seed: int
) -> None:
    images = pictures(shape, count, seed)
    found = method(probe(shape), images, ks.Top(best))
    scores = np.sort(np.asarray(keras.ops.convert_to_numpy(network(shape)(images))), axis=1)[:, ::-1]
    assert difference(found.scores, scores[:, :best]) <= TOLERANCE
    for place in range(best):
        alone = method(probe(shape), images, found.targets[:, place].tolist())
        assert difference(found.values[:, place], alone.values) <= TOLERANCE


targets = st.one_of(
    st.none(),
    classes,
    st.sampled_from(NAMES),
    st.integers(1, CLASSES).map(ks.Top),
    pairs.map(lambda pair: ks.Contrast(*pair)),
    classes.map(ks.LogOdds),
    classes.map(score_of),
)


@tried(20)
@given(methods, shapes, counts, targets, st.tuples(st.integers(1, 20), st.integers(1, 20)), seeds)
def test_shapes_sizes_and_finite_numbers(
    method: ks.Method, shape: tuple[int, ...], count: int, target: Any, size: tuple[int, int], seed: int
) -> None:
    images = pictures(shape, count, seed)
    found = method(probe(shape), images, target)
    first = (count, target.k) if isinstance(target, ks.Top) else (count,)
    grid = shape[:2]
    if not method.tags & {"input", "pixels"}:
        grid = probe(shape).activations(images, found.layer).shape[1:3]
    wanted = (*first, *grid, *([shape[2]] if "input" in method.tags else []))
    assert found.values.shape == wanted
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert found.signed or found.values.min() >= 0
    assert found.scores.shape == found.targets.shape == found.probabilities.shape == first
    assert found.heatmaps().shape == (*first, *shape[:2])
    maps = found.heatmaps(size)
    assert maps.shape == (*first, *size)
    # Between two values lies nothing that is larger than both.
    kept = reduce_channels(found.values, found.reduction)
    slack = TOLERANCE * np.abs(kept).max(initial=0)
    assert maps.min() >= kept.min() - slack
    assert maps.max() <= kept.max() + slack


@tried(12)
@given(methods, shapes, counts, targets, st.booleans(), seeds)
def test_what_is_saved_is_loaded(
    method: ks.Method, shape: tuple[int, ...], count: int, target: Any, images: bool, seed: int
) -> None:
    found = method(probe(shape), pictures(shape, count, seed), target)
    with tempfile.TemporaryDirectory() as folder:
        again = ks.load(found.save(Path(folder) / "map", images=images))
    for one in fields(found):
        before, after = getattr(found, one.name), getattr(again, one.name)
        if one.name == "images" and not images:
            assert after is None
        elif isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
        else:
            assert type(after) is type(before)
            assert after == before
    np.testing.assert_array_equal(again.heatmaps(), found.heatmaps())


@tried(12)
@given(st.sampled_from(named(LINEAR)), shapes, counts, pairs, seeds)
def test_a_contrast_turned_over_is_its_negative(
    method: ks.Method, shape: tuple[int, ...], count: int, pair: tuple[int, int], seed: int
) -> None:
    images = pictures(shape, count, seed)
    found = method(probe(shape), images, ks.Contrast(*pair))
    turned = method(probe(shape), images, ks.Contrast(*reversed(pair)))
    assert np.any(found.values)
    assert difference(-turned.values, found.values) <= TOLERANCE
    assert difference(-turned.scores, found.scores) <= TOLERANCE


@tried(12)
@given(st.sampled_from(named(LINEAR)), shapes, counts, pairs, st.integers(-4, 4), st.integers(1, 4), seeds)
def test_a_map_is_linear_in_the_score(
    method: ks.Method,
    shape: tuple[int, ...],
    count: int,
    pair: tuple[int, int],
    first: int,
    second: int,
    seed: int,
) -> None:
    images = pictures(shape, count, seed)

    def mixed(outputs: Any) -> Any:
        return first * outputs[:, pair[0]] + second * outputs[:, pair[1]]

    parts = [method(probe(shape), images, index) for index in pair]
    found = method(probe(shape), images, mixed)
    expected = first * parts[0].values + second * parts[1].values
    # Parts that cancel leave their rounding.
    slack = TOLERANCE * max(np.abs(part.values).max() for part in parts)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=slack)


@tried(12)
@given(st.sampled_from(named(HOMOGENEOUS)), shapes, counts, classes, st.integers(-6, 6), seeds)
def test_a_larger_score_has_a_larger_map(
    method: ks.Method, shape: tuple[int, ...], count: int, index: int, power: int, seed: int
) -> None:
    images = pictures(shape, count, seed)

    def larger(outputs: Any) -> Any:
        return 2.0**power * outputs[:, index]

    expected = method(probe(shape), images, index)
    found = method(probe(shape), images, larger)
    assert np.any(expected.values)
    assert difference(found.values, 2.0**power * expected.values) <= TOLERANCE
