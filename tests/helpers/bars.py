"""Small pictures and a network that learns them in seconds; shortcuts are planted by `testing.shortcuts`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, Any]


def pictures(count: int, size: int = 24, seed: int = 0) -> tuple[Array, Array]:
    """Grey noise with a bright bar in the middle: upright in class 0, level in class 1, aslant in class 2."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.uniform(0, 0.08, (count, size, size, 1)).astype("float32")
    rows, columns = np.mgrid[:size, :size]
    for image, label in zip(images, labels, strict=True):
        row, column = size / 2 + rng.uniform(-2, 2, 2)
        angle = (0, np.pi / 2, np.pi / 4)[label] + rng.normal(0, 0.12)
        down, right = rows - row, columns - column
        along = down * np.cos(angle) + right * np.sin(angle)
        beside = right * np.cos(angle) - down * np.sin(angle)
        bar = np.exp(-((beside / rng.uniform(1.0, 1.6)) ** 2)) * (np.abs(along) < rng.uniform(4, 7))
        image[..., 0] = np.maximum(image[..., 0], rng.uniform(0.6, 1.0) * bar)
    return images, labels


def network(images: Array, labels: Array, classes: int = 3, epochs: int = 25) -> keras.Model:
    """Three convolutions, trained for a few seconds."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ],
        name="bars",
    )
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)
    return model
