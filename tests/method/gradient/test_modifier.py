"""Gradient modifiers: each is its formula, on the image and on a layer's gradient before it is pooled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.method.gradient.modifier import MODIFIERS, UNSIGNED
from kerascope.testing import MODELS
from kerascope.testing.fixture import CLOSE, EXACT, assert_close, difference
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED

pytestmark = FLATTENED

BY_HAND: dict[str, Callable[[Tensor], Tensor]] = {
    "positive": lambda gradient: np.maximum(gradient, 0),
    "negative": lambda gradient: np.maximum(-gradient, 0),
    "negate": lambda gradient: -gradient,
    "absolute": np.abs,
    "invert": lambda gradient: 1 / (gradient + 1e-7),
    "small_values": lambda gradient: np.abs(1 / (gradient + 1e-7)),
}
CLASS = 1


@pytest.fixture(scope="module")
def probe() -> ks.Probe:
    """Two linear layers, whose gradients are known: see `testing.MODELS`."""
    return ks.Probe(MODELS["linear_map"]().model, compile=False)


@pytest.fixture(scope="module")
def facts() -> dict[str, Tensor]:
    tiny = MODELS["linear_map"]()
    found = {"images": tiny.images, "activations": tiny.facts["activations"].astype("float64")}
    found["at_layer"] = tiny.facts["layer_gradients"][CLASS].astype("float64")
    found["at_input"] = tiny.facts["gradients"][CLASS].astype("float64")
    for name in ("at_layer", "at_input"):
        assert (found[name] > 0).any()
        assert (found[name] < 0).any()
    return found


def weighted(gradients: Tensor, activations: Tensor) -> Tensor:
    """Grad-CAM without its ReLU."""
    return (gradients.mean(axis=(0, 1)) * activations).sum(axis=-1)


@pytest.mark.once
def test_every_modifier_is_in_the_table() -> None:
    assert MODIFIERS.keys() == BY_HAND.keys()
    some = np.array([-2.0, -0.5, 0.0, 3.0])
    assert {name for name, function in BY_HAND.items() if (function(some) >= 0).all()} == UNSIGNED


@pytest.mark.parametrize("name", BY_HAND)
def test_saliency(name: str, probe: ks.Probe, facts: dict[str, Tensor]) -> None:
    found = ks.Saliency(gradients=name)(probe, facts["images"], CLASS)
    # Zeros of the gradient become 1e7, beside which nothing else would count.
    expected = np.broadcast_to(BY_HAND[name](facts["at_input"]), found.values.shape)
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    assert found.signed == (name not in UNSIGNED)
    assert (found.values < 0).any() == found.signed


@pytest.mark.parametrize("name", BY_HAND)
def test_grad_cam_before_pooling(name: str, probe: ks.Probe, facts: dict[str, Tensor]) -> None:
    gradients, activations = facts["at_layer"], facts["activations"]
    expected = weighted(BY_HAND[name](gradients), activations)
    after_pooling = (BY_HAND[name](gradients.mean(axis=(0, 1))) * activations).sum(axis=-1)
    assert name == "negate" or difference(after_pooling, expected) > 0.1, "the order must show"
    signed = ks.GradCAM(relu=False, gradients=name)(probe, facts["images"], CLASS)
    assert_close(signed.values, expected, CLOSE, name)
    assert signed.signed
    rectified = ks.GradCAM(gradients=name)(probe, facts["images"], CLASS)
    assert_close(rectified.values, np.maximum(expected, 0), CLOSE, name)
    assert not rectified.signed


def cubed(gradient: Any) -> Any:
    return gradient * ops.square(gradient)


def test_a_function(probe: ks.Probe, facts: dict[str, Tensor]) -> None:
    found = ks.Saliency(gradients=cubed)(probe, facts["images"], CLASS)
    expected = np.broadcast_to(facts["at_input"] ** 3, found.values.shape)
    assert_close(found.values, expected, CLOSE, "at the image")
    assert found.signed
    cam = ks.GradCAM(relu=False, gradients=cubed)(probe, facts["images"], CLASS)
    assert_close(cam.values, weighted(facts["at_layer"] ** 3, facts["activations"]), CLOSE, "at the layer")


def test_a_function_sees_the_gradient_channels_last_in_float32(
    probe: ks.Probe, facts: dict[str, Tensor]
) -> None:
    seen: list[tuple[tuple[int, ...], str]] = []

    def spy(gradient: Any) -> Any:
        seen.append((tuple(gradient.shape), keras.backend.standardize_dtype(gradient.dtype)))
        return gradient

    ks.Saliency(gradients=spy)(probe, facts["images"], CLASS)
    ks.GradCAM(gradients=spy)(probe, facts["images"], CLASS)
    assert seen == [((2, 8, 8, 3), "float32"), ((2, 8, 8, 4), "float32")]


def test_modifiers_are_programs_of_their_own_and_compiled(facts: dict[str, Tensor]) -> None:
    probe = ks.Probe(MODELS["linear_map"]().model)
    for _ in range(2):
        for name in ("positive", None, "negative"):
            found = ks.Saliency(gradients=name)(probe, facts["images"], CLASS).values
            expected = BY_HAND[name](facts["at_input"]) if name else facts["at_input"]
            assert_close(found, np.broadcast_to(expected, found.shape), EXACT, str(name))
    assert probe.trace_count == 3


@pytest.mark.parametrize(
    "function",
    [lambda gradient: ops.sum(gradient, axis=-1), lambda gradient: gradient[:1], lambda gradient: 1.0],
    ids=["reduced", "another batch", "a number"],
)
@pytest.mark.parametrize("method", [ks.Saliency, ks.GradCAM])
def test_a_function_of_another_shape_is_refused(
    method: type[ks.Method], function: Any, probe: ks.Probe, facts: dict[str, Tensor]
) -> None:
    modified: Any = method(gradients=function)  # type: ignore[call-arg]
    with pytest.raises(
        ks.errors.ParameterError, match=r"must return a tensor of the gradient's shape \(2, 8, 8"
    ):
        modified(probe, facts["images"], CLASS)


@pytest.mark.once
@pytest.mark.parametrize("method", [ks.Saliency, ks.GradCAM])
def test_an_unknown_name_is_refused(method: Any) -> None:
    for wrong, hint in (
        ("positve", "did you mean 'positive'"),
        ("small_value", "did you mean 'small_values'"),
        ("Absolute", "did you mean 'absolute'"),
        ("relevance", "got 'relevance'"),
        (3, "got 3"),
        (["positive"], r"got \['positive'\]"),
        (True, "got True"),
    ):
        with pytest.raises(ks.errors.ParameterError, match=hint):
            method(gradients=wrong)


def test_negative_shows_what_speaks_against_the_class() -> None:
    tiny = MODELS["planted"]()
    head = tiny.model.get_layer("head")
    # Each colour speaks for its own class and against the two others.
    head.set_weights([2 * np.eye(3, dtype="float32") - 1, head.get_weights()[1]])
    probe = ks.Probe(tiny.model, compile=False)
    own, other = tiny.boxes, tiny.facts["distractor_boxes"]
    assert own is not None
    for gradients, boxes, empty in ((None, own, other), ("negative", other, own)):
        found = ks.GradCAM(gradients=gradients)(probe, tiny.images, list(range(3)))
        maps = found.heatmaps()
        for image in range(3):
            row, column = np.unravel_index(int(np.argmax(maps[image])), maps[image].shape)
            top, bottom, left, right = boxes[image]
            assert top <= row < bottom, f"{gradients}, image {image}"
            assert left <= column < right, f"{gradients}, image {image}"
            top, bottom, left, right = empty[image]
            assert not maps[image, top + 1 : bottom - 1, left + 1 : right - 1].any()
        assert not found.signed


def test_a_rule_and_a_modifier_go_together() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model, compile=False)
    guided = ks.GuidedBackprop()(probe, tiny.images, CLASS).values
    found = ks.Saliency(gradients="negative", backprop="guided")(probe, tiny.images, CLASS)
    assert_close(found.values, np.maximum(-guided, 0), EXACT, "of the guided gradient")
