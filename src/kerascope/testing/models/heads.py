"""The network of `topology` under every kind of head; the pre-softmax scores never change."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerascope.testing.models.base import ZERO, Tiny, pictures, tiny
from kerascope.testing.models.topology import (
    CLASSES,
    INPUT,
    network_layers,
    set_network_weights,
    twin,
)


def _sequential(*after: keras.Layer, activation: str | None = None) -> Tiny:
    conv1, conv2, _ = network_layers()
    head = layers.Dense(CLASSES, activation=activation, name="head", **ZERO)
    pool = layers.GlobalAveragePooling2D()
    model = keras.Sequential([keras.Input(INPUT), conv1, conv2, pool, head, *after])
    return twin(model, (conv1, conv2, head))


@tiny("heads")
def linear_head() -> Tiny:
    """A Dense head with no activation: its output is the score."""
    return _sequential()


@tiny("heads")
def softmax_head() -> Tiny:
    """A Dense head with `activation="softmax"`."""
    return _sequential(activation="softmax")


@tiny("heads")
def softmax_layer() -> Tiny:
    """A linear Dense followed by a Softmax layer."""
    return _sequential(layers.Softmax(name="probabilities"))


@tiny("heads")
def activation_layer() -> Tiny:
    """A linear Dense followed by `Activation("softmax")`."""
    return _sequential(layers.Activation("softmax", name="probabilities"))


@tiny("heads")
def softmax_op() -> Tiny:
    """A linear Dense followed by the bare op `ops.softmax` in a functional graph."""
    conv1, conv2, head = network_layers()
    image = keras.Input(INPUT)
    pooled = layers.GlobalAveragePooling2D()(conv2(conv1(image)))
    model = keras.Model(image, ops.softmax(head(pooled), axis=-1))
    return twin(model, (conv1, conv2, head))


@tiny("heads")
def sigmoid_head() -> Tiny:
    """A Dense head with `activation="sigmoid"`: classes that do not exclude each other."""
    return _sequential(activation="sigmoid")


@tiny("heads")
def sigmoid_layer() -> Tiny:
    """A linear Dense followed by `Activation("sigmoid")`."""
    return _sequential(layers.Activation("sigmoid", name="probabilities"))


@tiny("heads")
def nested_softmax_head() -> Tiny:
    """A whole classifier with a softmax head, called as one layer of an outer model."""
    conv1, conv2, _ = network_layers()
    head = layers.Dense(CLASSES, activation="softmax", name="head", **ZERO)
    image = keras.Input(INPUT)
    pooled = layers.GlobalAveragePooling2D()(conv2(conv1(image)))
    inner = keras.Model(image, head(pooled), name="classifier")
    outer_image = keras.Input(INPUT)
    model = keras.Model(outer_image, inner(outer_image))
    return twin(model, (conv1, conv2, head), layer="classifier/conv2")


class Mixture(keras.Model):
    """A subclassed model that returns the mean of two softmaxes."""

    def __init__(self, parts: tuple[keras.Layer, ...]) -> None:
        super().__init__(name="mixture")
        self.conv1, self.conv2, self.head = parts

    def call(self, images: Any) -> Any:
        """Probabilities of a batch of images."""
        scores = self.head(ops.mean(self.conv2(self.conv1(images)), axis=(1, 2)))
        return (ops.softmax(scores) + ops.softmax(scores / 2)) / 2


@tiny("hidden_heads")
def mixture() -> Tiny:
    """Two softmaxes, mixed: no score stands in front of them, so a warning is owed."""
    parts = network_layers()
    model = Mixture(parts)
    model(pictures(1, *INPUT))
    set_network_weights(*parts)
    return twin(model, parts)
