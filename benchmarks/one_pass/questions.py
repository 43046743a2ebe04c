"""What is asked: a network, images, a class of each, and where what speaks for it lies."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Questions:
    """Images of which it is known where what is asked about lies.

    Args:
        model: the network.
        images: (N, H, W, C), as it takes them.
        targets: (N,), the class that is asked about.
        masks: bool (N, H, W), where it is.
        tiles: bool (N, H, W), the quarter in which it is, where others hold other classes; or None.
        curves: so many of the images are asked about under masks; all that there are where None.
        steps: of deletion and insertion.
        ground: the baseline of deletion and insertion.
        sane: ask for the sanity check too, which costs eighteen explanations.
    """

    model: keras.Model
    images: Array
    targets: Array
    masks: Array
    tiles: Array | None = None
    curves: int | None = None
    steps: int = 15
    ground: str | float = "blur"
    sane: bool = True


def textures(generator: np.random.Generator, size: int, channels: int, count: int) -> Array:
    """Grounds, (count, size, size, channels), 0 to 1: noise at three scales, which no class has."""
    from scipy.ndimage import gaussian_filter

    found = np.zeros((count, size, size, channels))
    for width, share in ((1, 0.3), (3, 0.6), (8, 1.0)):
        noise = gaussian_filter(generator.normal(size=found.shape), (0, width, width, 0), mode="wrap")
        found += share * noise / noise.std()
    found -= found.min(axis=(1, 2, 3), keepdims=True)
    return np.asarray(found / found.max(axis=(1, 2, 3), keepdims=True), "float32")


def right(model: keras.Model, images: Array, labels: Array, most: int) -> Array:
    """Places of the first images that a classifier gets right, the most of them `most`."""
    scores = model.predict(images, batch_size=256, verbose=0)
    return np.flatnonzero(scores.argmax(axis=1) == labels)[:most]
