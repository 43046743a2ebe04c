"""Cells along one axis of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.resize import linear_weights
from kerascope.typing import Array


@dataclass(frozen=True)
class AxisPlacement:
    """Cells along one axis: the centre of cell i lies at `start + i * step` pixels.

    Args:
        cells: number of cells, at least 1.
        start: centre of the first cell, in pixels; pixel i spans i to i + 1.
        step: distance of two centres, in pixels; below 0 where cells run the other way.
    """

    cells: int
    start: float
    step: float

    @property
    def centres(self) -> Array:
        """float64 (cells,), in pixels."""
        return np.asarray(self.start + self.step * np.arange(self.cells))

    @property
    def span(self) -> tuple[float, float]:
        """Where the first cell begins and the last one ends, in pixels, the lower first."""
        half = abs(self.step) / 2
        ends = self.start, self.start + self.step * (self.cells - 1)
        return min(ends) - half, max(ends) + half

    def weights(self, centres: Array) -> Array:
        """The matrix (places, cells) that interpolates cells linearly at places of the image; rows sum to 1.

        Args:
            centres: (places,), in pixels. Beyond the outer cells, these count.
        """
        return linear_weights((np.asarray(centres) - self.start) / self.step, self.cells)


def is_identity(weights: Array) -> bool:
    """Whether a matrix changes nothing."""
    return weights.shape[0] == weights.shape[1] and bool((weights == np.eye(len(weights))).all())


def stretch_axis(cells: int, low: float, high: float, backwards: bool = False) -> AxisPlacement:
    """Cells that cover the pixels from `low` to `high`.

    Args:
        cells: their number.
        low: the first pixel.
        high: the one behind the last.
        backwards: the first cell lies last.
    """
    step = (high - low) / cells
    return (
        AxisPlacement(cells, high - step / 2, -step)
        if backwards
        else AxisPlacement(cells, low + step / 2, step)
    )
