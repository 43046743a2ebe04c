"""Activation maximisation: the step against an oracle in loops, targets, inputs, cost, refusals."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import errors
from kerascope.maximization.ascent import likeness
from kerascope.maximization.parametrization import Parametrization
from kerascope.maximization.transforms import placed, turned
from kerascope.testing.bench import CLOSE, same
from kerascope.testing.clauses.effects import snapshot
from kerascope.testing.models import MODELS
from support import warned

BACKEND = os.environ["KERAS_BACKEND"]
UNIT = (0, 1)
STILL = ks.Transforms(jitter=0, scale=1)
Array = np.ndarray[Any, Any]


def maximize(model: Any, target: Any, **parameters: Any) -> ks.Maximization:
    """Few steps, quiet, on pixels from 0 to 1."""
    defaults: dict[str, Any] = {"steps": 4, "snapshots": 2, "input_range": UNIT}
    return ks.maximize(model, target, **(defaults | parameters))


# The step, again in loops over NumPy float64 numbers. The network is linear: s = sum of kernel times image.


def oracle(
    kernel: Array,
    coefficients: Array,
    steps: int,
    *,
    weight: float = 0.0,
    low: float = 0.0,
    high: float = 1.0,
    views: list[dict[str, Array]] | None = None,
    wrong: str = "",
) -> tuple[Array, list[float]]:
    """Coefficients (C, H, W) of pixels after some steps, and the score of each step, for one image.

    Kingma and Ba 2015, algorithm 1, uphill; Mahendran and Vedaldi 2015, section 3, beta = 2, as a mean.
    """
    height, width, channels = kernel.shape
    values = coefficients.astype("float64")
    mean, square = np.zeros_like(values), np.zeros_like(values)
    scores = []
    for step in range(1, steps + 1):
        rows, columns = np.eye(height), np.eye(width)
        if views is not None:
            view = views[step - 1]
            rows = looped_placement(height, view["shift"][0, 0], view["zoom"][0])
            columns = looped_placement(width, view["shift"][0, 1], view["zoom"][0])
        seen = np.zeros((height, width, channels))
        for c in range(channels):
            seen[:, :, c] = rows @ values[c] @ columns.T
        picture = 1 / (1 + np.exp(-seen))
        scores.append(float(np.sum(kernel * (low + (high - low) * picture))))
        at_picture = kernel * (high - low)
        count = (height - 1) * (width - 1) * channels
        for i in range(height - 1):
            for j in range(width - 1):
                for c in range(channels):
                    for other in ((i + 1, j, c), (i, j + 1, c)):
                        slope = 2 * weight * (picture[other] - picture[i, j, c]) / count
                        at_picture[other] -= slope
                        at_picture[i, j, c] += slope
        at_values = at_picture * picture * (1 - picture)
        gradient = np.stack([rows.T @ at_values[:, :, c] @ columns for c in range(channels)])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean if wrong == "bias" else mean / (1 - 0.9**step)
        change = corrected / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        values += -0.05 * change if wrong == "sign" else 0.05 * change
    return values, scores


def looped_placement(size: int, shift: float, zoom: float) -> Array:
    """Row i shows what lies at zoom (i - middle) + middle + shift size, by linear interpolation."""
    matrix = np.zeros((size, size))
    middle = (size - 1) / 2
    for i in range(size):
        place = float(np.float32(zoom)) * (i - middle) + middle + float(np.float32(shift)) * size
        for j in range(size):
            matrix[i, j] = max(0.0, 1 - abs(place - j))
    return matrix


def begin(shape: tuple[int, ...], seed: int = 0) -> Array:
    """The coefficients that the first copy of a target begins from."""
    return Parametrization("pixels", shape[:-1], shape[-1]).random(1, np.random.default_rng([seed, 0]))[0]


def final_coefficients(result: ks.Maximization, low: float = 0.0, high: float = 1.0) -> Array:
    picture = (result.images[0].astype("float64") - low) / (high - low)
    return np.moveaxis(np.log(picture / (1 - picture)), -1, 0)


@pytest.fixture(scope="module")
def linear() -> ks.testing.Tiny:
    return MODELS["linear"]()


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_steps_are_those_of_the_oracle(linear: ks.testing.Tiny, weight: float) -> None:
    kernel = linear.facts["gradients"][1].astype("float64")
    penalties = (ks.TotalVariation(weight),) if weight else ()
    found = maximize(
        linear.model, 1, steps=5, snapshots=1, transforms=STILL, penalties=penalties, input_range=(-1, 3)
    )
    expected, scores = oracle(kernel, begin((8, 8, 3)), 5, weight=weight, low=-1, high=3)
    same(found.history[:, 0], np.array(scores), 1e-4, "scores")
    same(final_coefficients(found, -1, 3), expected, 1e-4, "coefficients")
    for wrong in ("sign", "bias"):
        other, _ = oracle(kernel, begin((8, 8, 3)), 5, weight=weight, low=-1, high=3, wrong=wrong)
        with pytest.raises(AssertionError, match="relative difference"):
            same(final_coefficients(found, -1, 3), other, 1e-4, wrong)


def test_steps_with_transforms_are_those_of_the_oracle(linear: ks.testing.Tiny) -> None:
    transforms = ks.Transforms(jitter=0.2, scale=1.3, pad=0.1)
    generator = np.random.default_rng([7, 0])
    first = Parametrization("pixels", (8, 8), 3).random(1, generator)[0]
    views = [transforms.draw(1, 2, generator) for _ in range(4)]
    kernel = linear.facts["gradients"][0].astype("float64")
    found = maximize(linear.model, 0, snapshots=1, seed=7, transforms=transforms, penalties=())
    expected, scores = oracle(kernel, first, 4, views=views)
    same(found.history[:, 0], np.array(scores), 1e-4, "scores")
    same(final_coefficients(found), expected, 1e-4, "coefficients")


# What it is made of


def test_a_picture_becomes_coefficients_and_back() -> None:
    pictures = np.random.default_rng(0).uniform(0.01, 0.99, (2, 7, 5, 3))
    for kind in ("fourier", "pixels"):
        shape = Parametrization(kind, (7, 5), 3)  # type: ignore[arg-type]
        values = shape.values(ops.convert_to_tensor(shape.coefficients(pictures)), shape.bases)
        found = np.moveaxis(ops.convert_to_numpy(ops.sigmoid(values)), 1, -1)
        same(found, pictures, 1e-4, kind)


def test_waves_are_cosines_scaled_by_their_length() -> None:
    shape = Parametrization("fourier", (6, 4), 1)
    coefficients = np.random.default_rng(1).normal(size=(1, 1, 6, 4)).astype("float32")
    expected = np.zeros((6, 4))
    for i, j, k, m in np.ndindex(6, 4, 6, 4):
        frequency = max(np.hypot(k / 12, m / 8), 1 / 6)
        wave = np.cos(np.pi * k * (i + 0.5) / 6) * np.sqrt((2 - (k == 0)) / 6)
        wave *= np.cos(np.pi * m * (j + 0.5) / 4) * np.sqrt((2 - (m == 0)) / 4)
        expected[i, j] += coefficients[0, 0, k, m] * wave / (4 * frequency)
    found = shape.values(ops.convert_to_tensor(coefficients), shape.bases)
    same(ops.convert_to_numpy(found)[0, 0], expected, CLOSE, "waves")


def test_placement_and_turn() -> None:
    shift, zoom = np.array([0.1, -0.25], "float32"), np.array([1.2, 0.8], "float32")
    found = ops.convert_to_numpy(placed(9, ops.convert_to_tensor(shift), ops.convert_to_tensor(zoom)))
    for row in range(2):
        same(found[row], looped_placement(9, shift[row], zoom[row]), CLOSE, f"row {row}")
    picture = np.random.default_rng(0).random((1, 2, 5, 5)).astype("float32")
    angle = ops.convert_to_tensor(np.array([np.pi / 2], "float32"))
    quarter = ops.convert_to_numpy(turned(ops.convert_to_tensor(picture), angle))
    inner = (..., slice(1, 4), slice(1, 4))  # rounding may push corners out of the picture
    turns = [np.rot90(picture, turn, axes=(2, 3))[inner] for turn in (1, -1)]
    assert min(np.abs(quarter[inner] - turn).max() for turn in turns) < 1e-5


def test_transforms_are_symmetric_and_seeded() -> None:
    transforms = ks.Transforms(jitter=0.1, scale=1.5, rotate=20)
    draws = transforms.draw(20000, 2, np.random.default_rng(0))
    assert np.abs(draws["shift"]).max() <= 0.1
    assert abs(draws["shift"].mean()) < 1e-3
    assert abs(np.log(draws["zoom"]).mean()) < 5e-3
    assert abs(draws["angle"].mean()) < 5e-3
    assert np.abs(np.rad2deg(draws["angle"])).max() <= 20.001
    padded = ks.Transforms(jitter=0, scale=1, pad=0.25).draw(3, 2, np.random.default_rng(0))
    assert np.allclose(padded["zoom"], 1.5)


def test_penalties_are_those_of_loops() -> None:
    pictures = np.random.default_rng(2).random((2, 4, 5, 3))
    for beta in (1.0, 2.0):
        expected = np.zeros(2)
        for n, i, j, c in np.ndindex(2, 3, 4, 3):
            down = pictures[n, i + 1, j, c] - pictures[n, i, j, c]
            right = pictures[n, i, j + 1, c] - pictures[n, i, j, c]
            expected[n] += 0.5 * (down**2 + right**2) ** (beta / 2) / (3 * 4 * 3)
        found = ks.TotalVariation(0.5, beta)(pictures.astype("float32"))
        same(ops.convert_to_numpy(found), expected, 1e-4, f"total variation {beta}")
    expected = np.zeros(2)
    for n in range(2):
        for value in pictures[n].ravel():
            expected[n] += abs(2 * (value - 0.25)) ** 6 / 60
        expected[n] = 2 * expected[n] ** (1 / 6)
    found = ks.LPNorm(2, p=6, rest=0.25)(pictures.astype("float32"))
    same(ops.convert_to_numpy(found), expected, 1e-4, "Lp")
    flat = ops.convert_to_numpy(ks.LPNorm(2)(np.full((1, 2, 2, 1), 0.5, "float32")))
    assert flat.tolist() == [0.0]


def test_likeness_is_that_of_loops() -> None:
    activations = np.random.default_rng(3).normal(size=(3, 4, 5)).astype("float32")
    kin = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], "float32")
    gram = [one.astype("float64").T @ one for one in activations]
    cosine = np.sum(gram[0] * gram[1]) / np.linalg.norm(gram[0]) / np.linalg.norm(gram[1])
    found = likeness(ops.convert_to_tensor(activations), ops.convert_to_tensor(kin))
    same(ops.convert_to_numpy(found), np.array([cosine, cosine, 0]), CLOSE, "likeness")


# What comes out


def test_scores_are_exactly_those_of_the_images_and_rise() -> None:
    tiny = MODELS["softmax_head"]()
    probe = ks.Probe(tiny.model, class_names=["tench", "tabby", "teapot"])
    found = ks.maximize(probe, ["tabby", 2], steps=40, input_range=(-1, 1), transforms=ks.Transforms(0.05))
    assert found.images.shape == (2, 8, 16, 3)
    assert found.images.dtype == np.float32
    same(found.scores, probe.scores(found.images, [1, 2]), 0.0, "scores")
    assert np.array_equal(found.scores, found.snapshot_scores.max(axis=0))
    outputs = ops.convert_to_numpy(tiny.model(found.images))
    same(found.probabilities, outputs[[0, 1], [1, 2]], CLOSE, "probabilities")
    assert found.titles == ("tabby", "teapot")
    assert found.targets.tolist() == [1, 2]
    grey = probe.scores(np.zeros((2, 8, 16, 3)), [1, 2])
    assert (found.scores > grey + 0.5).all(), f"{found.scores} for {grey} of grey"
    assert np.abs(found.images).max() <= 1
    assert found.history.shape == (40, 2)
    assert found.frames.shape == (14, 2, 8, 16, 3)
    assert found.snapshots.tolist() == [*range(3, 40, 3), 40]
    assert found.pictures().shape == (2, 8, 16, 3)
    assert not found.warnings


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    tiny = MODELS["functional"]()
    together = maximize(tiny.model, [0, 1, 2])
    alone = maximize(tiny.model, 2)
    one_by_one = maximize(ks.Probe(tiny.model, batch_size=1), [0, 1, 2])
    padded = maximize(ks.Probe(tiny.model, batch_size=2), [0, 1, 2])
    same(together.images[2:], alone.images, 1e-4, "alone")
    same(one_by_one.images, together.images, 1e-4, "one by one")
    same(padded.images, together.images, 1e-4, "with padding")
    assert padded.titles == together.titles


def test_seeds_and_copies() -> None:
    tiny = MODELS["functional"]()
    first, again = (maximize(tiny.model, 1, copies=2) for _ in range(2))
    assert first.images.tobytes() == again.images.tobytes()
    assert first.titles == ("class 1", "class 1")
    assert np.abs(first.images[0] - first.images[1]).max() > 0.01, "copies begin differently"
    assert np.abs(maximize(tiny.model, 1, seed=1).images - first.images[:1]).max() > 0.01
    same(maximize(tiny.model, 1).images, first.images[:1], 1e-4, "the first copy")


def test_diversity_makes_copies_less_alike() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    kin = ops.convert_to_tensor(np.array([[0, 1], [1, 0]], "float32"))
    alike = []
    for weight in (0.0, 50.0):
        found = maximize(probe, 1, copies=2, steps=60, diversity=weight)
        activations = ops.convert_to_tensor(probe.activations(found.images))
        alike.append(float(ops.convert_to_numpy(likeness(activations, kin))[0]))
    assert alike[1] < alike[0] - 0.05, f"likeness {alike}"


def test_padding_does_not_count_among_copies() -> None:
    tiny, fixed = MODELS["functional"](), MODELS["fixed_batch"]()
    free = maximize(tiny.model, 1, copies=2, diversity=5.0)
    padded = maximize(fixed.model, 1, copies=2, diversity=5.0)
    assert fixed.model.inputs[0].shape[0] == 3
    same(padded.images, free.images, 1e-4, "with padding")


def test_targets_of_every_kind() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    found = maximize(probe, ks.Unit("conv2", channel=range(6)))
    assert found.titles == tuple(f"channel {channel} of conv2" for channel in range(6))
    expected = probe.activations(found.images, "conv2").mean(axis=(1, 2)).diagonal()
    same(found.scores, expected, CLOSE, "channels")
    neuron = maximize(probe, ks.Unit("conv2", channel=3, position=(2, 5)))
    same(neuron.scores, probe.activations(neuron.images, "conv2")[:, 2, 5, 3], CLOSE, "neuron")
    assert np.isnan(neuron.probabilities).all()
    layer = maximize(probe, ks.Unit("conv1"))
    same(layer.scores, probe.activations(layer.images, "conv1").mean(axis=(1, 2, 3)), CLOSE, "layer")
    mixed = [2, ks.Contrast(0, 1), lambda scores: scores[:, 0] + scores[:, 2], ks.Unit("conv1", channel=1), 0]
    several = maximize(probe, mixed)
    scores = np.stack([probe.scores(several.images, index) for index in range(3)], axis=1)
    assert several.targets.tolist() == [2, -1, -1, -1, 0]
    same(several.scores[[0, 4]], scores[[0, 4], [2, 0]], CLOSE, "classes among others")
    same(several.scores[1], scores[1, 0] - scores[1, 1], CLOSE, "contrast")
    same(several.scores[2], scores[2, 0] + scores[2, 2], CLOSE, "function")
    for numbers in (np.array([2, 0]), ks.Class(np.array([2, 0])), ks.Class((2, 0))):
        assert maximize(probe, numbers).targets.tolist() == [2, 0]
    odds = maximize(probe, ks.LogOdds(range(3)))
    same(odds.scores, probe.scores(odds.images, ks.LogOdds([0, 1, 2])), CLOSE, "log-odds")
    assert odds.targets.tolist() == [0, 1, 2]
    output = MODELS["dict_output"]()
    assert len(maximize(output.model, ks.Output(0, 1))) == 1


@pytest.mark.parametrize("name", ["conv1d", "conv3d", "grey", "dynamic_size", "fixed_batch", "mixed_float16"])
def test_inputs_of_every_kind(name: str) -> None:
    tiny = MODELS[name]()
    size = (8, 16) if name == "dynamic_size" else None
    probe = ks.Probe(tiny.model)
    found = maximize(probe, [0, 1], size=size, steps=8, learning_rate=0.2)
    assert found.images.shape[1:] == tiny.images.shape[1:]
    assert (found.history[-1] > found.history[0]).all(), found.history
    same(found.scores, probe.scores(found.images, [0, 1]), 1e-3, "scores")
    if name == "conv1d":
        assert found.plot().axes
    elif name == "conv3d":
        with pytest.raises(errors.ExplanationError, match="volumes"):
            found.plot()


@pytest.mark.skipif(BACKEND == "tensorflow", reason="no channels-first convolutions on a CPU")
def test_channels_first() -> None:
    tiny, last = MODELS["channels_first"](), MODELS["functional"]()
    found, expected = maximize(tiny.model, 1), maximize(last.model, 1)
    assert found.images.shape == (1, 3, 8, 16)
    same(np.moveaxis(found.images, 1, -1), expected.images, 1e-4, "images")
    assert np.abs(found.frames.astype(int) - expected.frames).max() <= 1


def test_of_several_inputs_one_is_maximised_and_the_others_stay() -> None:
    tiny = MODELS["dict_input"]()
    probe = ks.Probe(tiny.model)
    with pytest.raises(errors.InputError, match="start"):
        maximize(probe, 1)
    start = {name: array[:1] for name, array in tiny.images.items()}
    found = maximize(probe, [0, 1], start=start)
    others = {name: np.repeat(array, 2, axis=0) for name, array in start.items()}
    same(found.scores, probe.scores(others | {"image": found.images}, [0, 1]), CLOSE, "scores")


def test_it_begins_where_it_is_told() -> None:
    tiny = MODELS["functional"]()
    start = np.random.default_rng(0).uniform(0.1, 0.9, (2, 8, 16, 3))
    found = maximize(tiny.model, [0, 1], start=start, steps=1, learning_rate=1e-9)
    same(found.images, start, 1e-4, "two beginnings")
    found = maximize(
        tiny.model, [0, 1], start=start[:1], steps=1, learning_rate=1e-9, parametrization="fourier"
    )
    same(found.images, np.repeat(start[:1], 2, axis=0), 1e-3, "one beginning")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (layers.Rescaling(1 / 255), (0, 255)),
        (layers.Rescaling(1 / 127.5, -1), (0, 255)),
        (layers.Rescaling(2.0, -1.0), (0, 1)),
        (layers.Normalization(mean=[123.7, 116.3, 103.5], variance=[3400, 3300, 3300]), (0, 255)),
        ([layers.Resizing(6, 6), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.ZeroPadding2D(1), layers.RandomFlip(), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.Dropout(0.1), layers.Conv2D(2, 1), layers.Rescaling(1 / 255)], None),
        (layers.Rescaling(7.0), None),
        (layers.Normalization(mean=[0.5] * 3, variance=[0.1] * 3), None),
    ],
)
def test_the_range_is_that_of_the_models_own_preprocessing(first: Any, expected: Any) -> None:
    before = first if isinstance(first, list) else [first]
    model = keras.Sequential([keras.Input((8, 8, 3)), *before, layers.Flatten(), layers.Dense(2)])
    if expected is None:
        with warned(errors.RangeWarning, "input_range"):
            found = maximize(model, 0, input_range=None)
        assert found.input_range == (0, 1)
        assert found.warnings[0].startswith("RangeWarning")
    else:
        found = maximize(model, 0, input_range=None)
        assert found.input_range == expected
    assert found.images.min() >= found.input_range[0]
    assert found.images.max() <= found.input_range[1]


def test_a_range_per_channel() -> None:
    tiny = MODELS["linear"]()
    low, high = (-100.0, -110.0, -120.0), (150.0, 140.0, 130.0)
    found = maximize(tiny.model, 0, input_range=(low, high), steps=200, learning_rate=0.5, transforms=STILL)
    assert (found.images >= low).all()
    assert (found.images <= high).all()
    assert (found.images.max(axis=(0, 1, 2)) > np.array(high) - 1).all(), "the whole range is used"
    assert found.input_range == (low, high)


# Cost, by counting


def test_one_trace_and_the_declared_passes() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    maximize(probe, [0, 1], steps=6, snapshots=3)
    assert probe.trace_count == 2, "one step, one exact score"
    assert probe.forward_count == 2 * (6 + 3)
    assert probe.backward_count == 2 * 6
    maximize(probe, [2, 0], steps=9, learning_rate=0.1, seed=4, input_range=(0, 255))
    assert probe.trace_count == 2, "other classes, rates, seeds and ranges compile nothing"


def test_nothing_of_the_model_changes() -> None:
    tiny = MODELS["normalised"]()
    tiny.model.compile(optimizer="sgd", loss="mse")
    tiny.model(tiny.images)
    before = snapshot(tiny.model)
    generator = np.random.get_state()[1].tobytes()  # noqa: NPY002
    maximize(tiny.model, [0, 1], input_range=(0, 255))
    assert snapshot(tiny.model) == before
    assert np.random.get_state()[1].tobytes() == generator  # noqa: NPY002


def test_eight_images_are_one_batch() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    seen: list[Any] = []
    maximize(probe, [0, 1, 2, 0], copies=2, callbacks=[lambda at: seen.append(at.scores.shape)])
    assert seen == [(8,)] * 4, "four steps, each of all eight images"
    assert probe.trace_count == 2


def test_callbacks_see_every_step() -> None:
    tiny = MODELS["functional"]()
    seen: list[Any] = []
    found = maximize(tiny.model, 1, callbacks=[lambda at: seen.append((at.step, at.scores, at.images()))])
    assert [step for step, *_ in seen] == [1, 2, 3, 4]
    assert np.array_equal(np.stack([scores for _, scores, _ in seen]), found.history)
    same(seen[-1][2], found.images, CLOSE, "the last image")


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    maximize(MODELS["functional"]().model, 1, progress=True)
    assert "4/4" in capsys.readouterr().out
    maximize(MODELS["functional"]().model, 1)
    assert not capsys.readouterr().out, "a pipe sees nothing"


# Faults


def test_an_interrupted_run_gives_what_it_has() -> None:
    tiny = MODELS["functional"]()

    def stop(at: Any) -> None:
        if at.step == 3:
            raise KeyboardInterrupt

    with warned(errors.InterruptedWarning, "interrupted"):
        found = maximize(ks.Probe(tiny.model, batch_size=2), [0, 1, 2], steps=100, callbacks=[stop])
    assert found.interrupted
    assert len(found) == 2, "the third image was never begun"
    assert found.history.shape == (3, 2)
    same(found.scores, ks.Probe(tiny.model).scores(found.images, [0, 1]), CLOSE, "scores")
    assert found.warnings[0].startswith("InterruptedWarning")


def test_batches_of_different_length_share_a_table() -> None:
    probe = ks.Probe(MODELS["functional"]().model, batch_size=1)
    seen = []

    def stop(at: Any) -> None:
        seen.append(at.step)
        if len(seen) == 13:  # ten of the first image, three of the second
            raise KeyboardInterrupt

    with warned(errors.InterruptedWarning, "interrupted"):
        found = maximize(probe, [0, 1], steps=10, snapshots=2, callbacks=[stop])
    assert found.snapshots.tolist() == [3, 5, 10]
    missing = np.isnan(found.snapshot_scores)
    assert missing.tolist() == [[True, False], [False, True], [False, True]]
    assert found.frames.shape == (3, 2, 8, 16, 3)
    assert found.history.shape == (10, 2)
    assert np.isnan(found.history[3:, 1]).all()
    same(found.scores, np.nanmax(found.snapshot_scores, axis=0), 0.0, "scores")


def test_an_objective_that_becomes_nan_keeps_the_best() -> None:
    tiny = MODELS["linear"]()

    grey = float(ks.Probe(tiny.model).scores(np.full((1, 8, 8, 3), 0.5), 0)[0])

    def breaks(scores: Any) -> Any:
        return scores[:, 0] + 1e-6 * ops.log(grey + 1 - scores[:, 0])

    with pytest.raises(errors.ObjectiveError, match="finite") as caught:
        maximize(tiny.model, breaks, steps=200, snapshots=200, learning_rate=0.02, transforms=STILL)
    assert isinstance(caught.value, ArithmeticError)
    assert caught.value.result is not None
    assert np.isfinite(caught.value.result.scores).all()
    assert caught.value.result.scores[0] > grey
    with pytest.raises(errors.ObjectiveError) as caught:
        maximize(tiny.model, lambda scores: ops.log(-1 - ops.abs(scores[:, 0])))
    assert caught.value.result is None


def test_a_gradient_that_is_nan_is_named() -> None:
    tiny = MODELS["linear"]()
    with pytest.raises(errors.ObjectiveError, match="gradient"):
        maximize(tiny.model, lambda scores: ops.sqrt(ops.relu(scores[:, 0]) * 0))
    with pytest.raises(errors.ObjectiveError, match="penalt"):
        maximize(tiny.model, 0, penalties=(lambda pictures: ops.sqrt(0 * pictures[:, 0, 0, 0]),))


def test_a_unit_that_stays_closed_is_named() -> None:
    with warned(errors.StuckWarning, "channel 2 of dead"):
        found = maximize(MODELS["flat"]().model, ks.Unit("dead", channel=2), transforms=STILL)
    assert found.warnings[0].startswith("StuckWarning")


def no_gradient(scores: Any) -> Any:
    return ops.cast(ops.argmax(scores, axis=-1), "float32")


@pytest.mark.parametrize(
    ("target", "parameters", "error", "words"),
    [
        (1, {"input_range": (1, 0)}, errors.ParameterError, "lower one first"),
        (1, {"input_range": (0, np.inf)}, errors.ParameterError, "finite"),
        (1, {"input_range": 255}, errors.ParameterError, "input_range"),
        (1, {"input_range": ((0, 0), (1, 1))}, errors.ParameterError, "3 channels"),
        (None, {}, errors.TargetError, "must be given"),
        ([], {}, errors.TargetError, "at least one"),
        (ks.Top(2), {}, errors.TargetError, "one score"),
        (ks.Contrast(1), {}, errors.TargetError, "no predicted class"),
        (ks.Output(0), {}, errors.TargetError, "no predicted class"),
        (99, {}, errors.TargetError, "from 0 to 2"),
        (ks.Unit("conv2", channel=6), {}, errors.TargetError, "from 0 to 5"),
        (ks.Unit("nowhere"), {}, errors.UnknownLayerError, "nowhere"),
        (no_gradient, {}, errors.DisconnectedError, "depend on"),
        (1, {"steps": 0}, errors.ParameterError, "steps"),
        (1, {"copies": 1.5}, errors.ParameterError, "copies"),
        (1, {"learning_rate": 0}, errors.ParameterError, "learning_rate"),
        (1, {"diversity": -1}, errors.ParameterError, "diversity"),
        (1, {"seed": -1}, errors.ParameterError, "seed"),
        (1, {"parametrization": "wavelets"}, errors.ParameterError, "fourier"),
        (1, {"transforms": 3}, errors.ParameterError, "Transforms"),
        (1, {"penalties": [3]}, errors.ParameterError, "functions"),
        (1, {"iterations": 3}, errors.ParameterError, "iterations"),
        (1, {"size": (9, 9)}, errors.InputError, "size"),
        (1, {"size": -1}, errors.ParameterError, "size"),
        (1, {"start": np.full((1, 8, 16, 3), 2.0)}, errors.InputError, "input range"),
        (1, {"start": np.full((3, 8, 16, 3), 0.5)}, errors.InputError, "one image for all"),
    ],
)
def test_what_cannot_be_maximised_is_refused(target: Any, parameters: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        maximize(MODELS["functional"]().model, target, **parameters)


def test_a_size_too_small_for_the_network() -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3),
            layers.MaxPooling2D(4),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    with pytest.raises(errors.InputError, match="too small"):
        maximize(model, 0, size=8)
    assert maximize(model, 0, size=24).images.shape == (1, 24, 24, 3)
    with pytest.raises(errors.InputError, match="size"):
        maximize(model, 0)


def test_whole_numbers_have_no_gradient() -> None:
    model = keras.Sequential(
        [keras.Input((4, 4, 1), dtype="int32"), layers.Flatten(), layers.Rescaling(1.0), layers.Dense(2)]
    )
    with pytest.raises(errors.InputError, match="floating-point"):
        maximize(model, 0)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: ks.Transforms(jitter=-0.1), "jitter"),
        (lambda: ks.Transforms(scale=0.5), "scale"),
        (lambda: ks.Transforms(rotate=True), "rotate"),
        (lambda: ks.TotalVariation(-1), "weight"),
        (lambda: ks.LPNorm(p=0.5), "p of LPNorm"),
    ],
)
def test_parts_check_their_parameters(build: Any, name: str) -> None:
    with pytest.raises(errors.ParameterError, match=name):
        build()


def test_a_turn_needs_a_picture() -> None:
    with pytest.raises(errors.ParameterError, match="rotate"):
        maximize(MODELS["conv1d"]().model, 0, transforms=ks.Transforms(rotate=5))
    found = maximize(MODELS["functional"]().model, 0, transforms=ks.Transforms(rotate=5))
    assert np.isfinite(found.images).all()


# Pictures


def test_sheet_and_animation(tmp_path: Path) -> None:
    from PIL import Image

    found = maximize(MODELS["functional"]().model, [0, 1, 2], snapshots=4)
    assert len(found.plot().axes) == 3
    assert found._repr_png_().startswith(b"\x89PNG")
    with Image.open(found.save_gif(tmp_path / "run.gif")) as gif:
        assert (gif.n_frames, gif.size) == (4, (48, 8))
    with Image.open(found.save_gif(tmp_path / "one.gif", image=1)) as gif:
        assert gif.size == (16, 8)


def test_a_configuration_is_a_value() -> None:
    one = ks.Maximize(steps=3, penalties=[ks.LPNorm(1.0)])
    assert one == ks.Maximize(steps=3, penalties=(ks.LPNorm(1.0),))
    assert hash(one) == hash(ks.Maximize(steps=3, penalties=(ks.LPNorm(1.0),)))
    names = {name: getattr(ks, name) for name in ("Maximize", "LPNorm", "Transforms")}
    assert eval(repr(one), names) == one


@pytest.mark.once
@pytest.mark.slow
def test_a_photograph_classifier_is_convinced() -> None:
    """Optimised with transforms, judged without: more than 0.9, on every class tried."""
    from kerascope.demo.efficientnet_lite import class_names, efficientnet_lite0

    probe = ks.Probe(efficientnet_lite0(), class_names=class_names())
    found = ks.maximize(probe, ["strawberry", "zebra"], steps=96, snapshots=3, input_range=(-127 / 128, 1))
    assert not found.warnings
    assert (found.probabilities > 0.9).all(), found.probabilities
    assert found.images.min() >= -127 / 128
    assert found.images.max() <= 1
