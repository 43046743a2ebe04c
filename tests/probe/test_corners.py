"""At a corner a gradient is one of a set, and each backend takes its own: it must be of that set, and finite.

Elsewhere, maps are compared where there is no corner. Here they are asked exactly there: at the bends of
rectifiers, where values tie for the largest, and where a class activation map is cut off at 0. What the
backend takes is in the report of `pytest --junit-xml`, as a property of each test.

What a backend differentiates is how a function is written, piece by piece, and not the function: where it is
written with two corners at one place, each of them has a slope of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.probes import BACKEND

COMPILED = pytest.mark.parametrize("compiled", [False, None], ids=["eager", "compiled"])
BESIDE = 1 / 16
"""How far from a corner its two slopes are asked."""
WEIGHTS = np.array([1.0, -2.0, 3.0], "float32")
"""What three places before a corner, three at it and three behind it add to the score of class 0."""
ROUNDING = 1e-6


def explained(method: ks.Method, model: keras.Model, images: Tensor, compiled: bool | None) -> Tensor:
    """The map of class 0."""
    return method(ks.Probe(model, compile=compiled), images, 0).values


def weighted(function: Callable[[Any], Any], shape: tuple[int, ...], weights: Tensor) -> keras.Model:
    """A model whose first score is the sum of weights times what a function makes of an image."""
    image = keras.Input(shape)
    flat = layers.Flatten()(function(image))
    head = layers.Dense(2, use_bias=False, kernel_initializer="zeros")
    model = keras.Model(image, head(flat))
    head.set_weights([np.stack([weights, -weights], axis=1).astype("float32")])
    return model


def between(found: Tensor, one: Tensor, other: Tensor) -> bool:
    """All values lie between two ends, which may be equal."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    return bool(((low - ROUNDING <= found) & (found <= high + ROUNDING)).all())


RECTIFIERS: dict[str, tuple[Callable[[Any], Any], float, float, float]] = {
    "relu": (ops.relu, 0, 0, 1),
    "leaky relu": (lambda x: ops.leaky_relu(x, negative_slope=0.25), 0, 0.25, 1),
    "prelu": (layers.PReLU(keras.initializers.Constant(0.5), shared_axes=[1, 2]), 0, 0.5, 1),
    "relu6 at 0": (ops.relu6, 0, 0, 1),
    "relu6 at 6": (ops.relu6, 6, 1, 0),
    "relu with a ceiling": (layers.ReLU(max_value=2), 2, 1, 0),
    "relu above a threshold": (lambda x: keras.activations.relu(x - 0.5), 0.5, 0, 1),
}
"""Function, corner, and the slopes before and behind it; all of them follow the rules."""
PIECES = {"prelu": (0.0, 1.5)}
"""Other sets of slopes: Keras writes it as relu(x) - 0.5 relu(-x)."""
BENT: dict[str, tuple[Callable[[Any], Any], float, float, float]] = {
    **RECTIFIERS,
    "abs": (ops.abs, 0, -1, 1),
    "maximum of two": (lambda x: ops.maximum(x, 1 - x), 0.5, -1, 1),
    "minimum of two": (lambda x: ops.minimum(2 * x, x), 0, 2, 1),
    "clip": (lambda x: ops.clip(x, 0, 1), 1, 1, 0),
    "hard sigmoid below": (ops.hard_sigmoid, -3, 0, 1 / 6),
    "hard sigmoid above": (ops.hard_sigmoid, 3, 1 / 6, 0),
    "hard tanh": (ops.hard_tanh, -1, 0, 1),
    "soft shrink": (lambda x: ops.soft_shrink(x, 0.5), 0.5, 0, 1),
}


def asked(corner: float) -> Tensor:
    """An image of one row: three places before the corner, three at it, three behind it."""
    values = corner + BESIDE * np.arange(-1, 2).repeat(3)
    return values.reshape(1, 1, 9, 1).astype("float32")


def slopes(method: ks.Method, function: Any, corner: float, compiled: bool | None) -> Tensor:
    """The map, (before, at, behind the corner; places)."""
    model = weighted(function, (1, 9, 1), np.tile(WEIGHTS, 3))
    return explained(method, model, asked(corner), compiled).reshape(3, 3)


@COMPILED
@pytest.mark.parametrize("name", BENT)
def test_a_bend(name: str, compiled: bool | None, request: pytest.FixtureRequest) -> None:
    function, corner, before, behind = BENT[name]
    found = slopes(ks.Saliency(), function, corner, compiled)
    np.testing.assert_allclose(found[0], before * WEIGHTS, atol=ROUNDING, err_msg="the slope before it")
    np.testing.assert_allclose(found[2], behind * WEIGHTS, atol=ROUNDING, err_msg="the slope behind it")
    low, high = PIECES.get(name, (before, behind))
    assert between(found[1], low * WEIGHTS, high * WEIGHTS), found[1]
    # One slope for all places, whatever is added to the score there.
    np.testing.assert_allclose(found[1] / WEIGHTS, found[1, 0], atol=ROUNDING)
    request.node.user_properties.append(("slope", float(found[1, 0])))


@COMPILED
@pytest.mark.parametrize("name", RECTIFIERS)
def test_rules_at_a_bend(name: str, compiled: bool | None) -> None:
    function, corner, before, behind = RECTIFIERS[name]
    positive = np.maximum(WEIGHTS, 0)
    guided = slopes(ks.GuidedBackprop(), function, corner, compiled)
    np.testing.assert_allclose(guided[0], before * positive, atol=ROUNDING)
    np.testing.assert_allclose(guided[2], behind * positive, atol=ROUNDING)
    low, high = PIECES.get(name, (before, behind))
    assert between(guided[1], low * positive, high * positive), guided[1]
    # It does not ask for the slope, and has no corner.
    deconvnet = slopes(ks.Deconvnet(), function, corner, compiled)
    np.testing.assert_array_equal(deconvnet, np.broadcast_to(positive, (3, 3)))


ROW = np.array([2, 2, 1, 3, 3, 3, 0, 0], "float32")
"""In each half, some of the four values tie for the largest."""
TIED = ROW.reshape(2, 4).max(axis=1).repeat(4) == ROW
POOLS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "pooling of signals": (layers.MaxPooling1D(4), (8, 1)),
    "pooling of pictures": (layers.MaxPooling2D((1, 4)), (1, 8, 1)),
    "pooling of volumes": (layers.MaxPooling3D((1, 1, 4)), (1, 1, 8, 1)),
    "maximum over an axis": (lambda x: ops.max(ops.reshape(x, (-1, 2, 4)), axis=-1), (8, 1)),
    "the first of the sorted": (lambda x: ops.top_k(ops.reshape(x, (-1, 2, 4)), 1)[0], (8, 1)),
    "global pooling": (
        lambda x: layers.GlobalMaxPooling1D()(ops.transpose(ops.reshape(x, (-1, 2, 4)), (0, 2, 1))),
        (8, 1),
    ),
}


@COMPILED
@pytest.mark.parametrize("name", POOLS)
def test_a_tie_for_the_largest(name: str, compiled: bool | None, request: pytest.FixtureRequest) -> None:
    """Whatever is shared out among those that tie adds up to what the largest brings."""
    pool, shape = POOLS[name]
    weights = np.array([2.0, -3.0])
    model = weighted(pool, shape, weights)
    found = explained(ks.Saliency(), model, ROW.reshape(1, *shape), compiled).reshape(2, 4)
    assert not found.ravel()[~TIED].any()
    # TensorFlow's kernel for volumes, not compiled, gives all of it to each of those that tie.
    greedy = BACKEND == "tensorflow" and compiled is False and name == "pooling of volumes"
    shared = TIED.reshape(2, 4).sum(axis=1) if greedy else 1
    np.testing.assert_allclose(found.sum(axis=1), weights * shared, atol=ROUNDING)
    assert between(found, np.zeros((2, 1)), weights[:, None])
    request.node.user_properties.append(("shares", (found / weights[:, None]).tolist()))


@COMPILED
@pytest.mark.parametrize("largest", [ops.maximum, ops.minimum, lambda *both: layers.Maximum()(both)])
def test_a_tie_of_a_value_with_itself_is_no_corner(largest: Any, compiled: bool | None) -> None:
    found = slopes(ks.Saliency(), lambda x: largest(x, x), 0.5, compiled)
    np.testing.assert_allclose(found, np.broadcast_to(WEIGHTS, (3, 3)), atol=ROUNDING)


# Class activation maps: their own ReLU, and a rectifier behind their layer. One channel, -1, 0, 2 and 3.

LINE = np.array([-1, 0, 2, 3], "float32").reshape(1, 1, 4, 1)


def line() -> keras.Model:
    """A convolution that returns its image, a rectifier, and a sum."""
    model = keras.Sequential(
        [
            keras.Input((1, 4, 1)),
            layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="conv"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2, use_bias=False, kernel_initializer="ones"),
        ]
    )
    model.layers[-1].set_weights([np.array([[1, -1]] * 4, "float32")])
    return model


@FLATTENED
@COMPILED
def test_a_mean_of_gradients_across_a_corner(compiled: bool | None) -> None:
    """The mean is 2/4 or 3/4, or between: one place of four is at its corner."""
    signed = explained(ks.GradCAM(layer="conv", relu=False), line(), LINE, compiled)
    assert between(signed, LINE[..., 0] / 2, LINE[..., 0] * 3 / 4)
    # The ReLU of the map is at its own corner where the activation is 0.
    rectified = explained(ks.GradCAM(layer="conv"), line(), LINE, compiled)
    np.testing.assert_allclose(rectified, np.maximum(signed, 0), atol=ROUNDING)


@COMPILED
@pytest.mark.parametrize(
    "method",
    [ks.LayerCAM("conv"), ks.HiResCAM("conv"), ks.ElementWiseCAM("conv"), ks.InputXGradient()],
    ids=lambda method: method.name,
)
def test_gradient_times_value_has_no_corner(method: ks.Method, compiled: bool | None) -> None:
    """Where the slope is not known, the value that it is multiplied with is 0."""
    found = explained(method, line(), LINE, compiled)
    np.testing.assert_allclose(found.ravel(), [0, 0, 2, 3], atol=ROUNDING)


@FLATTENED
@pytest.mark.parametrize(
    "method",
    [
        ks.GradCAM("conv"),
        ks.GradCAMPlusPlus("conv"),
        ks.XGradCAM("conv"),
        ks.GuidedGradCAM("conv"),
        ks.GradCAM("conv", backprop="guided"),
        ks.GradCAM("conv", backprop="deconvnet"),
        ks.EigenGradCAM("conv"),
        ks.IntegratedGradients(steps=4, baseline=-1.0),
        ks.FullGrad(),
    ],
    ids=lambda method: method.describe(),
)
def test_maps_at_corners_are_finite_and_the_same_compiled(method: ks.Method) -> None:
    eager, compiled = (explained(method, line(), LINE, how) for how in (False, None))
    assert np.isfinite(eager).all()
    assert eager.any()
    np.testing.assert_allclose(compiled, eager, atol=ROUNDING)
