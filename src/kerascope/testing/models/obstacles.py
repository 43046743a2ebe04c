"""Layers that run where a tap does not easily reach: in a loop, when recomputed, in int8."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerascope.testing.models.base import ZERO, Tiny, UnavailableError, fill, pictures, tiny


@tiny("sequences", "loops")
def time_distributed() -> Tiny:
    """A convolution applied to each of 3 frames (2, 3, 8, 8, 2) by TimeDistributed.

    The place to tap is `frames`, not the inner layer, which runs once per frame.
    """
    model = keras.Sequential(
        [
            keras.Input((3, 8, 8, 2)),
            layers.TimeDistributed(
                layers.Conv2D(4, 3, padding="same", activation="relu", name="inner", **ZERO),
                name="frames",
            ),
            layers.GlobalAveragePooling3D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 31)
    images = pictures(2, 3, 8, 8, 2, seed=21)
    return Tiny(model, images, "frames", "frames", (3, 8, 8), facts={"inside": "frames/inner"})


@tiny("sequences")
def conv_lstm() -> Tiny:
    """Frames (2, 3, 8, 8, 2) through a ConvLSTM2D that returns its last state (2, 8, 8, 4)."""
    model = keras.Sequential(
        [
            keras.Input((3, 8, 8, 2)),
            layers.ConvLSTM2D(4, 3, padding="same", name="memory", recurrent_initializer="zeros", **ZERO),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 32)
    images = pictures(2, 3, 8, 8, 2, seed=22)
    return Tiny(model, images, "memory", None, (8, 8), facts={"rectifier": False})


@keras.saving.register_keras_serializable(package="kerascope_testing")
class LoopCell(layers.Layer):
    """A recurrent cell that calls a layer of its own at every step: tanh(inner(x) + state)."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.state_size = units
        self.inner = layers.Dense(units, name="inner", **ZERO)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Build the inner layer."""
        self.inner.build(shape)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """One step of the loop."""
        output = ops.tanh(self.inner(inputs) + states[0])
        return output, [output]


@tiny("loops")
def loop() -> Tiny:
    """Signals (2, 8, 3) through an RNN whose cell calls a Dense: tap `loop`, not the Dense."""
    model = keras.Sequential(
        [
            keras.Input((8, 3)),
            layers.RNN(LoopCell(4, name="cell"), return_sequences=True, name="loop"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 37)
    images = pictures(2, 8, 3, seed=23)
    return Tiny(model, images, "loop", "loop", (8,), facts={"inside": "loop/cell/inner", "rectifier": False})


@tiny("recomputed")
def rematerialised() -> Tiny:
    """A convolution made in a RematScope: it is run again during the backward pass."""
    if not hasattr(keras, "RematScope"):
        raise UnavailableError("this Keras has no RematScope")
    with keras.RematScope(mode="full"):
        conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            conv,
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 34)
    return Tiny(model, pictures(2, 8, 8, 3, seed=24), "conv", None, (8, 8))


@tiny("quantised")
def int8_dense() -> Tiny:
    """A Dense layer in int8 before the head; `quantized_call` runs in place of its `call`."""
    quantised = layers.Dense(6, activation="relu", name="quantised", **ZERO)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO),
            quantised,
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 35)
    quantised.quantize("int8")
    images = pictures(2, 8, 8, 3, seed=25)
    return Tiny(model, images, "conv", None, (8, 8), facts={"quantised": "quantised"})
