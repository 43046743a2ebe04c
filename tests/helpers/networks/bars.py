"""Small pictures of bars, shortcuts planted into them, and small networks that tell them apart."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from kerascope.synthetic import shortcuts
from kerascope.typing import Array

layers = keras.layers


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


def planted(count: int, kind: str | None, seed: int = 0) -> shortcuts.Planted:
    """Pictures with a shortcut in class 1, or with none."""
    images, labels = pictures(count, seed=seed)
    if kind is None:
        nowhere = np.zeros(images.shape[:3], bool)
        return shortcuts.Planted(images, labels, labels < 0, nowhere, "", ())
    return shortcuts.plant(images, labels, kind, [1], seed=seed)


def everywhere(count: int, seed: int = 0) -> shortcuts.Planted:
    """Pictures half of which have the mark in the corner, whatever their class."""
    images, labels = pictures(count, seed=seed)
    marked = shortcuts.plant(images, np.zeros_like(labels), "corner", [0], rate=0.5, seed=seed)
    return replace(marked, labels=labels)


def network() -> keras.Model:
    """Three convolutions, the mean over space, and one layer to the three classes."""
    return keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(12, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ],
        name="bars",
    )


def placeless_network() -> keras.Model:
    """Without a layer that has places."""
    return keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ],
        name="placeless",
    )
