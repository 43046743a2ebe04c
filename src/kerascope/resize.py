"""Half-pixel bilinear resizing in any number of dimensions, the same on every backend.

Output pixel i of n, over an input of m pixels, is sampled at (i + 1/2) m / n - 1/2, clamped to the input, and
interpolated linearly between its two neighbours. Each axis is one matrix product, so the resize is separable,
and a resized map never leaves the range of the original.
"""

from __future__ import annotations

import functools

import numpy as np

from kerascope.typing import Array


@functools.lru_cache(maxsize=8)
def bilinear_weights(old: int, new: int) -> Array:
    """Return the matrix (new, old) that resizes an axis; each row sums to 1.

    Args:
        old: size of the axis, at least 1.
        new: size after resizing, at least 1.

    Example:
        >>> from kerascope.resize import bilinear_weights
        >>> bilinear_weights(2, 4)
        array([[1.  , 0.  ],
               [0.75, 0.25],
               [0.25, 0.75],
               [0.  , 1.  ]], dtype=float32)
    """
    weights = linear_weights((np.arange(new) + 0.5) * old / new - 0.5, old)
    # Weights are cached, since images of a data set mostly have one size.
    weights.setflags(write=False)
    return weights


def linear_weights(positions: Array, count: int) -> Array:
    """Return the matrix (places, count) that interpolates an axis linearly; each row sums to 1.

    Args:
        positions: (places,) on the axis, where element i lies at i; beyond its ends, these count.
        count: size of the axis, at least 1.
    """
    below, above, share = neighbours_at(positions, count)
    weights = np.zeros((len(below), count), "float32")
    np.add.at(weights, (np.arange(len(below)), below), 1 - share)
    np.add.at(weights, (np.arange(len(below)), above), share)
    return weights


def neighbours(old: int, new: int) -> tuple[Array, Array, Array]:
    """Return the two neighbours of each position of a resized axis, and the weight of the second.

    Args:
        old: size of the axis, at least 1.
        new: size after resizing, at least 1.

    Returns:
        int64, int64 and float64 (new,).
    """
    return neighbours_at((np.arange(new) + 0.5) * old / new - 0.5, old)


def neighbours_at(positions: Array, count: int) -> tuple[Array, Array, Array]:
    """Return the two neighbours of positions on an axis, and the weight of the second."""
    position = np.clip(positions, 0, count - 1)
    below = np.floor(position).astype(int)
    return below, np.minimum(below + 1, count - 1), position - below


def resize(maps: Array, size: tuple[int, ...], first: int = 1) -> Array:
    """Resize the spatial axes of maps to `size`.

    Args:
        maps: an array whose spatial axes start at `first`, one for each number of `size`.
        size: spatial size in pixels.
        first: index of the first spatial axis.

    Returns:
        float32, the other axes unchanged.
    """
    result = np.asarray(maps, "float32")
    for axis, new in enumerate(size, start=first):
        if result.shape[axis] != new:
            weights = bilinear_weights(result.shape[axis], new)
            result = np.moveaxis(np.tensordot(result, weights, axes=(axis, 1)), -1, axis)
    return np.ascontiguousarray(result)
