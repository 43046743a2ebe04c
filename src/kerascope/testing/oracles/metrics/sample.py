"""One image with its map, as the oracle of a metric takes it, and a network in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64

Pixel = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, eq=False)
class DenseNetwork:
    """Image, one hidden layer with a tanh, scores, softmax. It has no corners.

    Args:
        hidden: (H * W * C, U) weights of the hidden layer, float64.
        head: (U, K) weights of the scores, float64.
    """

    hidden: Float64
    head: Float64

    def scores(self, image: Float64) -> Float64:
        """Of all classes, before the softmax, for an image (H, W, C)."""
        scores: Float64 = np.tanh(image.reshape(-1) @ self.hidden) @ self.head
        return scores

    def score(self, image: Float64, label: int) -> float:
        """Of one class."""
        return float(self.scores(image)[label])

    def probability(self, image: Float64, label: int) -> float:
        """Of one class."""
        powers = np.exp(self.scores(image) - self.scores(image).max())
        return float(powers[label] / powers.sum())

    def saliency(self, image: Float64, label: int) -> Float64:
        """The size of the score's gradient, the largest of the channels, (H, W)."""
        slope = 1 - np.tanh(image.reshape(-1) @ self.hidden) ** 2
        gradient = (self.hidden @ (slope * self.head[:, label])).reshape(image.shape)
        sizes: Float64 = np.abs(gradient).max(axis=-1)
        return sizes


@dataclass(frozen=True, eq=False)
class MetricSample:
    """One image, the facts about it, and its map. A metric that asks for a method explains by `saliency`.

    Args:
        image: (H, W, C) float64.
        relevance: (H, W) float64, its map.
        label: the class that is explained, which is also the true one.
        mask: bool (H, W), where the object is.
        network: that was explained.
        randomized: the same with other random weights, by the seed.
        index: of this image among all.
        images: (N, H, W, C) float64, all images.
        labels: their classes.
    """

    image: Float64
    relevance: Float64
    label: int
    mask: NDArray[np.bool_]
    network: DenseNetwork
    randomized: Callable[[int], DenseNetwork]
    index: int
    images: Float64
    labels: tuple[int, ...]

    def probability(self, image: Float64) -> float:
        """Of the class that is explained, for any image."""
        return self.network.probability(image, self.label)

    def score(self, image: Float64) -> float:
        """Of the class that is explained, for any image."""
        return self.network.score(image, self.label)

    def saliency(self, image: Float64) -> Float64:
        """The map of any image."""
        return self.network.saliency(image, self.label)

    def pixels(self) -> list[Pixel]:
        """Row and column of every pixel."""
        height, width = self.relevance.shape
        return [(row, column) for row in range(height) for column in range(width)]

    def descending(self, relevance: Float64 | None = None) -> list[Pixel]:
        """The pixels, the most relevant first."""
        relevance = self.relevance if relevance is None else relevance
        return sorted(self.pixels(), key=lambda pixel: -relevance[pixel])

    def without(self, pixels: list[Pixel], base: Float64) -> Float64:
        """The image with these pixels taken from another one."""
        changed = self.image.copy()
        for pixel in pixels:
            changed[pixel] = base[pixel]
        return changed

    def cells(self, rows: int, columns: int) -> Iterator[list[Pixel]]:
        """The pixels of each cell of a grid, cells of the same size."""
        height, width = self.relevance.shape
        for i in range(rows):
            for j in range(columns):
                down = range(i * height // rows, (i + 1) * height // rows)
                right = range(j * width // columns, (j + 1) * width // columns)
                yield [(row, column) for row in down for column in right]
