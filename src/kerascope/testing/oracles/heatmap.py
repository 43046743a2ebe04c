"""Heat maps in loops: channels reduced, then resized."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64


def heatmap(values: NDArray[np.floating], reduction: str, size: tuple[int, int]) -> Float64:
    """One heat map of `size` (H, W) from raw values (h, w) or (h, w, C).

    Channels are reduced by the largest absolute value (`"max_abs"`) or the sum (`"sum"`). Output pixel i of n
    over m input pixels lies at (i + 1/2) m / n - 1/2, clamped to the input, and is interpolated linearly
    between its neighbours; rows and columns alike.
    """
    grid = np.asarray(values, "float64")
    if reduction != "none":
        reduced = np.zeros(grid.shape[:2])
        for i, j in np.ndindex(reduced.shape):
            for channel in range(grid.shape[2]):
                value = grid[i, j, channel]
                reduced[i, j] = (
                    max(reduced[i, j], abs(value)) if reduction == "max_abs" else reduced[i, j] + value
                )
        grid = reduced
    result = np.zeros(size)
    for i, j in np.ndindex(size):
        for row, row_weight in _neighbours(i, grid.shape[0], size[0]):
            for column, column_weight in _neighbours(j, grid.shape[1], size[1]):
                result[i, j] += row_weight * column_weight * grid[row, column]
    return result


def _neighbours(pixel: int, old: int, new: int) -> list[tuple[int, float]]:
    """The pixels that an output pixel is interpolated from, with their weights."""
    position = min(max((pixel + 0.5) * old / new - 0.5, 0.0), old - 1.0)
    below = int(position)
    share = position - below
    return [(below, 1.0 - share), (min(below + 1, old - 1), share)]
