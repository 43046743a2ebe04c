"""Pictures with red, green and blue squares, a label each, and networks with weights by hand for them."""

from __future__ import annotations

import keras
import numpy as np

from kerascope.typing import Array

layers = keras.layers
NAMES = ("red", "green", "blue")
SIZE, SIDE, MARGIN = 24, 5, 4


def pictures(labels: Array, seed: int = 0) -> Array:
    """Dark noise with a square of each of an image's labels, in one of three rows each, off the margin.

    Args:
        labels: 0 and 1, (N, 3).
        seed: of noise and places.
    """
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 0.2, (len(labels), SIZE, SIZE, 3)).astype("float32")
    for image, own in zip(images, labels, strict=True):
        rows = MARGIN + rng.permutation(3) * SIDE
        for label in np.flatnonzero(own):
            top, left = rows[label], rng.integers(MARGIN, SIZE - MARGIN - SIDE)
            image[top : top + SIDE, left : left + SIDE, label] = rng.uniform(0.8, 1.0)
    return images


def going_along(count: int, rate: float, seed: int = 0) -> Array:
    """Labels (N, 3): half of all are red; so many of the red are green, and of the others as many are not."""
    rng = np.random.default_rng(seed)
    red = np.arange(count) % 2
    follows = rng.random(count) < rate
    return np.stack([red, np.where(follows, red, 1 - red), rng.integers(0, 2, count)], axis=1)


def network(red_by_green: float = 0.0) -> keras.Model:
    """A sigmoid for each colour, above 0 where more than half a square of it is there.

    Args:
        red_by_green: how much a green square counts for red, of what a red one does.
    """
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(3, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="sigmoid"),
        ],
        name="blobs",
    )
    # A pixel of a square is 0.3 to 0.5 above the threshold, a square SIDE ** 2 of SIZE ** 2 pixels.
    square = 0.4 * SIDE**2 / SIZE**2
    mixing = np.eye(3)
    mixing[1, 0] = red_by_green
    weights = [np.eye(3).reshape(1, 1, 3, 3), np.full(3, -0.5), 10 * mixing / square, np.full(3, -5.0)]
    model.set_weights(weights)
    return model
