"""Any function from images to scores, in the place of a Keras model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import warned

# A black box has no backend.
pytestmark = pytest.mark.once

IMAGES = np.random.default_rng(0).random((3, 8, 8, 3)).astype("float32")
KERNEL = np.random.default_rng(1).standard_normal((8, 8, 3, 4)).astype("float32")


def scores(images: Tensor) -> Tensor:
    return np.einsum("nhwc,hwck->nk", images, KERNEL)


def same_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4, use_bias=False)])
    model.set_weights([KERNEL.reshape(-1, 4)])
    return model


METHODS = [
    ks.Occlusion(window=3),
    ks.RISE(masks=100),
    ks.Occlusion(window=4, baseline=("inpaint", "noise")),
]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(
    "target", [None, 2, [0, 1, 2], ks.Top(2), ks.Contrast(0, 1)], ids=lambda one: str(one)[:12]
)
def test_a_black_box_gives_the_maps_of_the_same_model(method: ks.Method, target: Any) -> None:
    found = method(ks.BlackBox(scores), IMAGES, target)
    expected = method(same_model(), IMAGES, target)
    scale = np.abs(expected.values).max()
    assert np.allclose(found.values, expected.values, atol=1e-4 * scale)
    assert np.array_equal(found.targets, expected.targets)
    assert np.array_equal(found.predictions, expected.predictions)  # type: ignore[arg-type]
    assert np.array_equal(found.masks, expected.masks)  # type: ignore[arg-type]
    assert not found.warnings


def test_the_function_gets_numpy_of_the_type_that_was_given() -> None:
    seen: list[tuple[type, Any]] = []

    def predict(images: Tensor) -> Tensor:
        seen.append((type(images), images.dtype))
        return images.reshape(len(images), -1)[:, :2].astype("float64")

    for dtype in ("float32", "float64", "uint8"):
        ks.Occlusion(window=4)(ks.BlackBox(predict), (255 * IMAGES).astype(dtype), 0)
        assert {one for one, _ in seen} == {np.ndarray}
        assert {one for _, one in seen} == {np.dtype(dtype)}
        seen.clear()


def test_channels_first_and_class_names_and_one_score() -> None:
    box = ks.BlackBox(
        lambda x: scores(np.moveaxis(x, 1, -1)), data_format="channels_first", class_names="abcd"
    )
    found = ks.Occlusion(window=3)(box, np.moveaxis(IMAGES, -1, 1), "c")
    expected = ks.Occlusion(window=3)(ks.BlackBox(scores), IMAGES, 2)
    assert np.allclose(found.values, expected.values, atol=1e-5)
    assert found.title(0) == "c"
    single = ks.Occlusion(window=3)(ks.BlackBox(lambda x: scores(x)[:, 2]), IMAGES)
    assert np.allclose(single.values, expected.values, atol=1e-5)
    assert (single.target, len(single.notes)) == ("value", 1 + len(expected.notes))
    binary = ks.BlackBox(lambda x: scores(x)[:, 2], output="binary")
    assert np.allclose(ks.Occlusion(window=3)(binary, IMAGES, 0).values, -expected.values, atol=1e-5)


def test_several_outputs_by_name() -> None:
    box = ks.BlackBox(lambda x: {"shape": scores(x)[:, :2], "colour": scores(x)})
    found = ks.Occlusion(window=3)(box, IMAGES, ks.Output("colour", 3))
    assert np.allclose(found.values, ks.Occlusion(window=3)(ks.BlackBox(scores), IMAGES, 3).values, atol=1e-5)


def test_probabilities_are_warned_about_unless_asked_for() -> None:
    def probabilities(images: Tensor) -> Tensor:
        powers = np.exp(scores(images) / 10)
        return powers / powers.sum(axis=1, keepdims=True)

    with warned(errors.ProbabilityWarning, "probabilities"):
        ks.Occlusion(window=4)(ks.BlackBox(probabilities), IMAGES, 1)
    found = ks.Occlusion(window=4)(ks.BlackBox(probabilities), IMAGES, ks.Probability(1))
    assert not found.warnings
    assert np.allclose(found.scores, probabilities(IMAGES)[:, 1], atol=1e-6)
    with pytest.raises(errors.TargetError, match="probability"):
        ks.Occlusion(window=4)(ks.BlackBox(scores), IMAGES, ks.Probability(1))


@pytest.mark.parametrize(
    "method",
    [
        ks.GradCAM(),
        ks.Saliency(),
        ks.ScoreCAM(),
        ks.AblationCAM(),
        ks.FullGrad(),
        ks.MultiScaleCAM(),
        ks.Auto(layer="conv"),
    ],
    ids=repr,
)
def test_what_needs_a_model_says_so(method: ks.Method) -> None:
    with pytest.raises(errors.ModelError, match="black box has neither"):
        method(ks.BlackBox(scores), IMAGES, 1)


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (lambda x: scores(x)[:2], r"returned float32 of shape \(2, 4\)"),
        (lambda x: scores(x).sum(), r"shape \(\)"),
        (lambda x: np.asarray(["a"] * len(x)), "<U1"),
        (lambda x: x["image"], "IndexError"),
    ],
)
def test_what_is_no_score_is_refused(predict: Any, words: str) -> None:
    with pytest.raises(errors.BlackBoxError, match=words):
        ks.Occlusion(window=4)(ks.BlackBox(predict), IMAGES, 0)


def test_a_wrong_shape_halfway_keeps_what_was_found() -> None:
    calls = 0

    def predict(images: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return scores(images) if calls < 4 else scores(images)[1:]

    with warned(errors.InterruptedWarning, "partial"), pytest.raises(errors.BlackBoxError) as caught:
        ks.RISE(masks=300)(ks.BlackBox(predict), IMAGES, 1)
    assert caught.value.result.masks.tolist() == [22, 21, 21]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"predict": 3}, "predict"),
        ({"batch_size": 0}, "batch_size"),
        ({"data_format": "first"}, "data_format"),
        ({"input_range": (1, 0)}, "input_range"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.ParameterError, match=word):
        ks.BlackBox(**{"predict": scores, **options})


@pytest.mark.parametrize(
    "images", [np.zeros((0, 8, 8, 3)), np.full((1, 8, 8, 3), np.nan), np.zeros(3), np.array(["a"])]
)
def test_bad_images_are_refused(images: Tensor) -> None:
    with pytest.raises(errors.InputError):
        ks.Occlusion()(ks.BlackBox(scores), images, 0)


def test_a_function_that_writes_to_its_images_changes_nothing() -> None:
    def predict(images: Tensor) -> Tensor:
        found = scores(images)
        images -= 1
        return found

    images = IMAGES.copy()
    found = ks.Occlusion(window=4)(ks.BlackBox(predict), images, 1)
    assert np.array_equal(images, IMAGES)
    assert np.allclose(found.values, ks.Occlusion(window=4)(ks.BlackBox(scores), IMAGES, 1).values, atol=1e-6)


def test_nothing_is_no_score() -> None:
    with pytest.raises(errors.BlackBoxError, match="returned"):
        ks.Occlusion()(ks.BlackBox(lambda images: {}), IMAGES, 0)


def test_bytes_beyond_their_range_are_cut() -> None:
    images = (255 * IMAGES).astype("uint8")
    below = ks.Occlusion(window=4, baseline=-1.0)(ks.BlackBox(scores), images, 0)
    assert np.allclose(
        below.values, ks.Occlusion(window=4, baseline=0.0)(ks.BlackBox(scores), images, 0).values
    )


def test_around_a_method_failures_and_interruptions_come_through() -> None:
    for error in (ValueError("gone"), KeyboardInterrupt()):
        calls = 0

        def predict(images: Tensor, error: BaseException = error) -> Tensor:
            nonlocal calls
            calls += 1
            if calls > 5:
                raise error
            return scores(images)

        expected = errors.BlackBoxError if isinstance(error, ValueError) else KeyboardInterrupt
        with pytest.raises(expected):
            ks.Augmented(ks.Occlusion(window=2))(ks.BlackBox(predict), IMAGES, 0)
        assert calls == 6
