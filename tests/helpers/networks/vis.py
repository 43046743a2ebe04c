"""The network that the keras-vis interface is tested on."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import ops

from kerascope.vis import losses

REPOSITORY = Path(__file__).parents[3]
HEAD = -1
CLOSE = 1e-5


def network(channels: int = 2, activation: str = "softmax") -> keras.Model:
    """Conv, conv, dense, dense, without a corner; the same weights for every backend."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, channels)),
            keras.layers.Conv2D(4, 3, activation="silu", name="first"),
            keras.layers.Conv2D(3, 3, activation="silu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="silu", name="hidden"),
            keras.layers.Dense(4, activation=activation, name="head"),
        ]
    )
    generator = np.random.default_rng(0)
    model.set_weights(
        [
            generator.normal(0, 0.7 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
            if weight.ndim > 1
            else np.full(weight.shape, 0.5)
            for weight in model.get_weights()
        ]
    )
    return model


def stretched(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min())


class Symbolic(losses.Loss):
    """As in keras-vis: an expression of what a layer returns."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.name = "Symbolic Loss"
        self.layer = layer

    def build_loss(self):
        return -ops.mean(self.layer.output[..., 1]) - ops.mean(self.layer.output[..., 2])
