"""The network that rules are tested on, and its gradient by hand."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close, difference
from kerascope.typing import Tensor

Function = Callable[[Tensor], Tensor]

BACKEND = os.environ["KERAS_BACKEND"]
SIZE = (2, 3)
CLASS = 1

# The network: three times a convolution of one pixel and a rectifier, then a Dense head on all positions.
random = np.random.RandomState(4)
WIDTHS = (4, 4, 4, 4)
WEIGHTS = [
    (random.normal(0, 1.2, (before, after)), random.normal(0, 0.5, after))
    for before, after in itertools.pairwise(WIDTHS)
]
HEAD = random.normal(0, 1, (SIZE[0] * SIZE[1] * WIDTHS[-1], 3))
IMAGES = random.normal(0, 1.5, (2, *SIZE, WIDTHS[0])).astype("float32")


def sigmoid(z: Tensor) -> Tensor:
    return 1 / (1 + np.exp(-z))


def relu(z: Tensor) -> Tensor:
    return np.maximum(z, 0)


def relu6(z: Tensor) -> Tensor:
    return np.clip(z, 0, 6)


def leaky(alpha: Any) -> Function:
    return lambda z: np.where(z > 0, z, alpha * z)


def elu(z: Tensor) -> Tensor:
    return np.where(z > 0, z, np.expm1(z))


def selu(z: Tensor) -> Tensor:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z))


def gelu(z: Tensor) -> Tensor:
    return z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2


def gelu_by_tanh(z: Tensor) -> Tensor:
    return z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2


def silu(z: Tensor) -> Tensor:
    return z * sigmoid(z)


def softplus(z: Tensor) -> Tensor:
    return np.log1p(np.exp(z))


def mish(z: Tensor) -> Tensor:
    return z * np.tanh(softplus(z))


def squareplus(z: Tensor) -> Tensor:
    return (z + np.sqrt(z**2 + 4)) / 2


def sparse_plus(z: Tensor) -> Tensor:
    return np.where(z <= -1, 0, np.where(z < 1, (z + 1) ** 2 / 4, z))


def hard_silu(z: Tensor) -> Tensor:
    return z * np.clip(z + 3, 0, 6) / 6


def slope(function: Function, z: Tensor) -> Tensor:
    """f'(z), from a central difference in float64."""
    return (function(z + 1e-6) - function(z - 1e-6)) / 2e-6


WAYS_BACK: dict[str | None, Callable[[Tensor, Tensor], Tensor]] = {
    None: lambda gradient, slopes: gradient * slopes,
    "guided": lambda gradient, slopes: np.maximum(gradient, 0) * slopes,
    "deconvnet": lambda gradient, slopes: np.maximum(gradient, 0),
}


def by_hand(
    rule: str | None,
    functions: Sequence[Function],
    weights: Sequence[tuple[Tensor, Tensor]] = WEIGHTS,
    index: int = CLASS,
) -> Tensor:
    """The gradient at the images."""
    values, given = IMAGES.astype("float64"), []
    for (kernel, bias), function in zip(weights, functions, strict=True):
        given.append(values @ kernel + bias)
        values = function(given[-1])
    gradient = np.broadcast_to(HEAD[:, index].reshape(values.shape[1:]), values.shape)
    for (kernel, _), function, z in reversed(list(zip(weights, functions, given, strict=True))):
        assert (gradient > 0).any(), "with gradients of one sign a rule would not show"
        assert (gradient < 0).any(), "with gradients of one sign a rule would not show"
        gradient = WAYS_BACK[rule](gradient, slopes(function, z)) @ kernel.T
    return gradient


def slopes(function: Function, z: Tensor) -> Tensor:
    assert np.abs(z).min() > 1e-2, "a rectifier should not be asked at its kink"
    return slope(function, z)


def conv(number: int, activation: Any = None, **options: Any) -> keras.Layer:
    kernel, bias = WEIGHTS[number]
    return layers.Conv2D(
        len(bias),
        1,
        activation=activation,
        kernel_initializer=keras.initializers.Constant(kernel.astype("float32")),
        bias_initializer=keras.initializers.Constant(bias.astype("float32")),
        name=f"conv{number}",
        **options,
    )


def dense() -> keras.Layer:
    initializer = keras.initializers.Constant(HEAD.astype("float32"))
    return layers.Dense(3, kernel_initializer=initializer, name="head", dtype="float32")


def chain(*steps: Any) -> keras.Model:
    """A functional model of these steps and the head."""
    image = keras.Input((*SIZE, WIDTHS[0]))
    tensor = image
    for step in steps:
        tensor = step(tensor)
    return keras.Model(image, dense()(layers.Flatten()(tensor)))


def alternating(*rectifiers: Any) -> keras.Model:
    """Each convolution and what stands behind it."""
    steps: list[Any] = []
    for number, rectifier in enumerate(rectifiers):
        steps += [conv(number), rectifier]
    return chain(*steps)


def check(
    model: keras.Model,
    functions: Sequence[Function],
    weights: Sequence[tuple[Tensor, Tensor]] = WEIGHTS,
    tolerance: float = CLOSE,
    compile: bool | None = False,
) -> None:
    """Both rules are those by hand; compiled where that is asked for, which takes longer."""
    probe = ks.Probe(model, compile=compile)
    unruled = by_hand(None, functions, weights)
    for rule in ("guided", "deconvnet"):
        expected = by_hand(rule, functions, weights)
        assert difference(unruled, expected) > 0.1, "the rule must show"
        found = ks.Saliency(backprop=rule)(probe, IMAGES, CLASS)
        assert_close(found.values, expected, tolerance, f"{rule} of {model.name}")


class Calls(layers.Layer):
    """A layer whose call is a function of Keras, looked up by the name that is written there."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.wanted = name

    def call(self, features: Any) -> Any:
        module = keras.ops if hasattr(keras.ops, self.wanted) else keras.activations
        return getattr(module, self.wanted)(features)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


BY_HAND: dict[str, Function] = {
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky(0.2),
    "elu": elu,
    "selu": selu,
    "celu": elu,
    "gelu": gelu_by_tanh,
    "silu": silu,
    "swish": silu,
    "mish": mish,
    "softplus": softplus,
    "sparse_plus": sparse_plus,
    "squareplus": squareplus,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
}
