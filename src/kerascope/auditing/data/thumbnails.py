"""Thumbnails of images with their maps, and the moments of their pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array

_SMOOTH = 1 / 40
"""Of the side of a thumbnail: over how much detail is smoothed."""


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small pictures of some images.

    Args:
        rows: (P,) of the images in the data.
        pictures: uint8 (P, h, w, 3).
        maps: float32 (P, h, w), the positive relevance.
    """

    rows: Array
    pictures: Array
    maps: Array

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: Array) -> Thumbnails:
        """Some of them: by a mask or by positions."""
        return Thumbnails(self.rows[which], self.pictures[which], self.maps[which])

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        height, width = self.pictures.shape[1:3]
        return height, width

    def sums(self) -> Array:
        """Number, sum and sum of squares of each pixel and of the detail there, 0 to 1: (3, h, w, 4)."""
        pixels = self.pictures.astype("float64") / 255
        pixels = np.concatenate([pixels, read_detail(pixels)[..., None]], axis=-1)
        count = np.full(pixels.shape[1:], float(len(pixels)))
        return np.stack([count, pixels.sum(axis=0), (pixels**2).sum(axis=0)])


def read_detail(pictures: Array) -> Array:
    """How much detail is about each pixel: the mean step of brightness to its neighbours, smoothed.

    Args:
        pictures: (P, h, w, 3), 0 to 1.
    """
    from scipy.ndimage import gaussian_filter

    luma = pictures.mean(axis=-1)
    down, across = (np.abs(np.diff(luma, axis=axis, append=luma.take([-1], axis))) for axis in (1, 2))
    sigma = _SMOOTH * min(luma.shape[1:])
    return np.asarray(gaussian_filter(down + across, (0, sigma, sigma)))


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of each pixel of some pictures.

    Args:
        count: number of pictures.
        mean: (h, w, 4), 0 to 1: red, green, blue and detail.
        variance: (h, w, 4).
    """

    count: int
    mean: Array
    variance: Array

    @classmethod
    def of(cls, sums: Array) -> Moments:
        """From number, sum and sum of squares."""
        count, total, squares = sums
        least = np.maximum(count, 1)
        return cls(int(count.max()), total / least, np.maximum(squares / least - (total / least) ** 2, 0))
