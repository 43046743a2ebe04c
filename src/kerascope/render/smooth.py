"""Gaussian smoothing of maps for display."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

DEVIATION = 0.01
"""Standard deviation of the Gaussian, as a share of the shorter side."""
_LEAST = 0.5  # pixels: less changes hardly anything


def deviation_for(size: tuple[int, ...]) -> float:
    """Return the standard deviation in pixels for a map of a size; 0 for no smoothing.

    Args:
        size: (H, W); signals and volumes are not smoothed.

    Example:
        >>> deviation_for((224, 224)), deviation_for((28, 28))
        (2.24, 0.0)
    """
    deviation = DEVIATION * min(size)
    return deviation if len(size) == 2 and deviation >= _LEAST else 0.0


def smooth(maps: npt.NDArray[np.floating], deviation: float) -> npt.NDArray[np.float32]:
    """Smooth maps by a Gaussian along their last two axes; weights at edges are renormalised.

    Args:
        maps: (..., H, W).
        deviation: in pixels, above 0.

    Returns:
        float32, the same shape, within the range of each map.

    Example:
        >>> float(smooth(np.ones((1, 8, 8)), 1.0).min().round(5))
        1.0
    """
    height, width = (_weights(length, deviation) for length in maps.shape[-2:])
    result: npt.NDArray[np.float32] = height @ np.asarray(maps, np.float32) @ width.T
    return result


@functools.lru_cache(maxsize=8)
def _weights(length: int, deviation: float) -> npt.NDArray[np.float32]:
    """Return the matrix (length, length) that smooths an axis; each row sums to 1."""
    positions = np.arange(length)
    weights = np.exp(-0.5 * ((positions[:, None] - positions) / deviation) ** 2)
    shares: npt.NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    shares.setflags(write=False)
    return shares
