"""The scales of a network: which layer of each grid, and whether the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks

# What is found depends on the graph, which is the same on every backend.
pytestmark = pytest.mark.once

SIZE = (8, 8, 3)


def conv(name: str, activation: str | None = "relu", size: int = 3) -> layers.Layer:
    return layers.Conv2D(4, size, padding="same", activation=activation, name=name)


def pool(name: str) -> layers.Layer:
    return layers.MaxPooling2D(2, name=name)


def behind(tensor: Any, image: Any) -> keras.Model:
    """The deepest layer, and a head."""
    deep = layers.Conv2D(4, 1, name="deep")(pool("half")(tensor))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(deep)))


def found(model: keras.Model, layer: str | None = None) -> ks.probe.Scales:
    probe = ks.Probe(model, compile=False)
    scales = probe.scales(np.zeros((2, *model.inputs[0].shape[1:])), 1, layer)
    assert probe.forward_count == 0
    return scales


def beside(inside: Any) -> Callable[[Any], Any]:
    """A block that is added to what goes past it."""
    return lambda tensor: layers.Add(name="sum")([tensor, inside(tensor)])


def branches(tensor: Any) -> Any:
    stem = conv("stem")(tensor)
    return layers.Concatenate(name="both")([conv("wide")(stem), conv("narrow", size=1)(stem)])


def gated(tensor: Any) -> Any:
    seen = conv("seen")(tensor)
    gate = layers.Dense(4, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(seen))
    return layers.Multiply(name="gated")([seen, gate])


ON_THE_FINE_GRID: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "the last that is rectified": ("second", lambda x: conv("second")(conv("first")(x))),
    "rectified behind a normalisation": (
        "relu",
        lambda x: layers.ReLU(name="relu")(layers.BatchNormalization()(conv("linear", None)(x))),
    ),
    "not a linear one behind it": ("conv", lambda x: conv("linear", None, 1)(conv("conv")(x))),
    "not one that is shifted": ("conv", lambda x: conv("conv")(x) + 1.0),
    "the one that every way passes": (
        "stem",
        lambda x: beside(lambda y: conv("linear", None)(conv("inside")(y)))(conv("stem")(x)),
    ),
    "a sum of rectified ones": ("sum", lambda x: beside(conv("inside"))(conv("stem")(x))),
    "where branches meet": ("both", branches),
    "what is gated": ("gated", gated),
    "in front of what drops out": ("conv", lambda x: layers.Dropout(0.5)(conv("conv")(x))),
}


@pytest.mark.parametrize("case", ON_THE_FINE_GRID)
def test_which_layer_of_a_grid(case: str) -> None:
    name, part = ON_THE_FINE_GRID[case]
    image = keras.Input(SIZE)
    assert found(behind(part(image), image)) == ks.probe.Scales(("deep", name), image=True)


def test_a_layer_for_each_grid_from_the_one_that_is_given_on() -> None:
    image = keras.Input((16, 16, 3))
    tensor = image
    for name in ("a", "b", "c"):
        tensor = pool(f"pool_{name}")(conv(name)(tensor))
    model = keras.Model(image, layers.Dense(3)(layers.Flatten()(tensor)))
    assert found(model).layers == ("pool_c", "c", "b", "a")
    assert found(model, "b").layers == ("b", "a")


def test_frames() -> None:
    parts = [
        keras.Input((5, *SIZE)),
        layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"), name="fine"),
        layers.TimeDistributed(layers.MaxPooling2D(2), name="deep"),
        layers.TimeDistributed(layers.Flatten()),
        layers.GRU(4),
    ]
    assert found(keras.Sequential(parts)) == ks.probe.Scales(("deep", "fine"), image=True)


class Net(keras.Model):
    """What is between its layers cannot be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [conv("first"), conv("second"), pool("half"), conv("deep"), layers.Dense(3)]

    def call(self, tensor: Any) -> Any:
        for part in self.parts:
            tensor = part(tensor) * 2.0
        return ops.mean(tensor, axis=(1, 2))


def test_where_the_way_cannot_be_followed_it_is_the_last_that_is_rectified() -> None:
    model, images = Net(), np.zeros((2, *SIZE), "float32")
    model(images)
    assert ks.Probe(model, compile=False).scales(images, 1, "deep").layers == ("deep", "second")


NO_IMAGE: dict[str, Callable[[], keras.Model]] = {
    "whole numbers": lambda: keras.Sequential(
        [keras.Input(SIZE, dtype="uint8"), layers.Rescaling(1 / 255), conv("deep"), layers.Flatten()]
    ),
    "coarser than the layer": lambda: keras.Sequential(
        [keras.Input(SIZE), layers.UpSampling2D(2), conv("deep"), layers.Flatten()]
    ),
    "words": lambda: keras.Sequential(
        [keras.Input((6,), dtype="int32"), layers.Embedding(9, 4, name="deep"), layers.Flatten()]
    ),
}


@pytest.mark.parametrize("case", NO_IMAGE)
def test_an_input_that_is_no_scale(case: str) -> None:
    assert found(NO_IMAGE[case]()) == ks.probe.Scales(("deep",), image=False)


def test_another_inputs_layers_are_no_scales_of_the_explained_one() -> None:
    inputs = [keras.Input(SIZE, name=name) for name in ("one", "other")]
    halves = [pool(f"half_{one.name}")(conv(f"conv_{one.name}")(one)) for one in inputs]
    deep = layers.Conv2D(4, 1, name="deep")(layers.Add()(halves))
    probe = ks.Probe(keras.Model(inputs, layers.GlobalAveragePooling2D()(deep)), input="one", compile=False)
    images = [ops.zeros((2, *SIZE))] * 2
    assert probe.scales(images, 1) == ks.probe.Scales(("deep", "conv_one"), image=True)
