"""Every place where a rectifier may be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from tests.helpers.networks.rules import IMAGES, SIZE, WIDTHS, Calls, alternating, chain, conv, dense


class OwnReLU(layers.ReLU):
    """A subclass."""


class Holds(layers.Layer):
    """A layer that holds its function under a name of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.act = keras.activations.relu

    def call(self, features: Any) -> Any:
        return self.act(features)


class CallsActivation(layers.Layer):
    """A layer whose call names a function of `keras.activations`."""

    def call(self, features: Any) -> Any:
        return keras.activations.relu(features)


class CallsByKeyword(layers.Layer):
    """The same, with the tensor given by name."""

    def call(self, features: Any) -> Any:
        return keras.ops.relu(x=features)


class MapsOver(layers.Layer):
    """A layer that rectifies one image after the other, or all in one go."""

    def __init__(self, over: Any) -> None:
        super().__init__()
        self.over = over

    def call(self, features: Any) -> Any:
        return self.over(lambda row: keras.ops.relu(row), features)


def nested(number: int) -> keras.Model:
    """One step, two models deep."""
    inner = keras.Sequential([keras.Input((*SIZE, WIDTHS[number])), conv(number, "relu")])
    outer = keras.Input((*SIZE, WIDTHS[number]))
    return keras.Model(outer, inner(outer))


PLACES: dict[str, Callable[[], keras.Model]] = {
    "argument": lambda: chain(*[conv(number, "relu") for number in range(3)]),
    "function as argument": lambda: chain(*[conv(number, keras.activations.relu) for number in range(3)]),
    "layer as argument": lambda: chain(*[conv(number, layers.ReLU()) for number in range(3)]),
    "partial": lambda: alternating(
        *[layers.Activation(functools.partial(keras.activations.relu, threshold=0.0)) for _ in range(3)]
    ),
    "Activation": lambda: alternating(*[layers.Activation("relu") for _ in range(3)]),
    "Activation of a layer": lambda: alternating(*[layers.Activation(layers.ReLU()) for _ in range(3)]),
    "Lambda": lambda: alternating(*[layers.Lambda(keras.activations.relu) for _ in range(3)]),
    "Lambda of a call": lambda: alternating(*[layers.Lambda(lambda x: ops.nn.relu(x)) for _ in range(3)]),
    "operation": lambda: alternating(*[ops.relu] * 3),
    "function in a graph": lambda: alternating(*[keras.activations.relu] * 3),
    "subclass": lambda: alternating(*[OwnReLU() for _ in range(3)]),
    "TimeDistributed": lambda: alternating(*[layers.TimeDistributed(layers.ReLU()) for _ in range(3)]),
    "TimeDistributed call": lambda: alternating(*[layers.TimeDistributed(Calls("relu")) for _ in range(3)]),
    "attribute": lambda: alternating(*[Holds() for _ in range(3)]),
    "call of an activation": lambda: alternating(*[CallsActivation() for _ in range(3)]),
    "call by keyword": lambda: alternating(*[CallsByKeyword() for _ in range(3)]),
    "loop": lambda: alternating(*[MapsOver(ops.map) for _ in range(3)]),
    "shared layer": lambda: alternating(*[layers.ReLU()] * 3),
    "nested": lambda: chain(*[nested(number) for number in range(3)]),
    "subclassed model": lambda: Whole(),
}


class Whole(keras.Model):
    """A subclassed model with three ways to rectify."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = [conv(number) for number in range(3)]
        self.act = keras.activations.relu
        self.flat, self.head = layers.Flatten(), dense()
        self(IMAGES)

    def call(self, images: Any) -> Any:
        features = keras.ops.relu(self.convs[0](images))
        features = keras.activations.relu(self.convs[1](features))
        features = self.act(self.convs[2](features))
        return self.head(self.flat(features))
