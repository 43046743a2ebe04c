"""Networks of rectifiers in which nothing rounds, and no unit is asked at its corner.

What is said about rules for rectifiers has to be compared on rectifiers. Images are whole numbers and kernels
hold -1, 0 and 1, so that every value is a multiple of a step; each bias is an odd multiple of half a step, so
that what a rectifier is given is one too, and never 0. All sums stay below 2^24 steps: they are exact in
float32, in any order, and every library finds every unit on the same side of its corner.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.layers import AveragePooling2D, Conv2D, Dense, Flatten

from kerascope.typing import Tensor

SHAPE = (20, 24, 3)
CONNECTIONS = 8
"""Inputs that one unit sums."""


def rectified(depth: str) -> tuple[keras.Model, Tensor]:
    """Convolutions, pooling and a hidden Dense layer, shallow or like VGG; and images."""
    convolutions: dict[str, list[Any]] = {
        "shallow": [
            Conv2D(6, 3, activation="relu"),
            AveragePooling2D(2),
            Conv2D(8, 3, strides=2, activation="relu"),
        ],
        "deep": [
            part
            for width in (8, 12, 16)
            for part in (
                Conv2D(width, 3, padding="same", activation="relu"),
                Conv2D(width, 3, padding="same", activation="relu"),
                AveragePooling2D(2),
            )
        ][:-1],
    }
    parts = [*convolutions[depth], Flatten(), Dense(10, activation="relu"), Dense(3)]
    model = keras.Sequential([keras.Input(SHAPE), *parts])
    images = np.random.RandomState(0).randint(-3, 4, (2, *SHAPE)).astype("float32")
    _set_weights(model, images)
    return model, images


def _set_weights(model: keras.Model, images: Tensor) -> None:
    """Set the weights, and assert of each layer that it is as the text above says."""
    random = np.random.RandomState(6)
    values, step = images, 1.0
    for layer in model.layers:
        if layer.weights:
            kernel = np.zeros(layer.kernel.shape, "float32")
            for unit in kernel.reshape(-1, kernel.shape[-1]).T:
                unit[random.permutation(len(unit))[:CONNECTIONS]] = random.choice([-1, 1], CONNECTIONS)
            step /= 2
            layer.set_weights([kernel, step * (2 * random.randint(-2, 3, kernel.shape[-1]) + 1)])
            assert CONNECTIONS * np.abs(values).max() < 2**23 * step, "sums must be exact in float32"
        elif isinstance(layer, AveragePooling2D):
            step /= 4
        values = keras.ops.convert_to_numpy(layer(values))
        assert (values % step == 0).all(), "nothing may be rounded"
        if layer.weights:
            assert (values[values > 0] >= step).all()
            assert (values > 0).any(axis=0).mean() > 0.2, "most units must be open for some image"
