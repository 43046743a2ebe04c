"""Inpainting: holes filled by diffusion from what a mask leaves.

What is sought is the picture u with u = m x + (1 - m) (the mean of u over the neighbours of each pixel), for
a mask m and a picture x: in a hole the harmonic function that its border fixes. It is begun on coarse grids,
since a sweep moves a value by one pixel only.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from kerascope.perturb.resampling import apply_along_axes
from kerascope.resize import bilinear_weights
from kerascope.typing import Array

_SWEEPS = 8
"""Sweeps on each grid."""


def inpaint(pictures: Any, masks: Any, numpy: Any) -> Any:
    """Pictures (B, *spatial, C) with the holes filled where masks (B, *spatial, 1) are 0."""
    spatial = tuple(int(side) for side in pictures.shape[1:-1])
    grids = [spatial]
    while max(grids[-1]) > 1:
        grids.append(tuple(-(-side // 2) for side in grids[-1]))
    # On coarser grids a cell holds the mean of its remaining pixels, and their share.
    levels = [(pictures * masks, masks)]
    for finer, coarser in itertools.pairwise(grids):
        halves = [_pair_means(old, new) for old, new in zip(finer, coarser, strict=True)]
        levels.append(tuple(apply_along_axes(part, halves, numpy) for part in levels[-1]))
    found: Any = None
    for (sums, kept), grid in zip(levels[::-1], grids[::-1], strict=True):
        known = sums / numpy.where(kept > 0, kept, 1.0)
        share = kept if grid == spatial else numpy.where(kept > 0, 1.0, 0.0)
        if found is None:
            # Of a picture of which nothing is left, its mean colour.
            axes = tuple(range(1, len(spatial) + 1))
            found = known = numpy.where(kept > 0, known, numpy.mean(pictures, axis=axes, keepdims=True))
        else:
            sizes = [int(side) for side in found.shape[1:-1]]
            enlarged = [bilinear_weights(old, new) for old, new in zip(sizes, grid, strict=True)]
            found = apply_along_axes(found, enlarged, numpy)
        for _ in range(_SWEEPS):
            found = share * known + (1.0 - share) * _neighbours(found, numpy)
    return found


def _neighbours(pictures: Any, numpy: Any) -> Any:
    """The mean over both neighbours of a pixel on each axis; an edge is its own neighbour."""
    rank = len(pictures.shape) - 2
    total: Any = 0.0
    for axis in range(1, rank + 1):
        side = int(pictures.shape[axis])
        before = numpy.take(pictures, np.maximum(np.arange(side) - 1, 0), axis=axis)
        after = numpy.take(pictures, np.minimum(np.arange(side) + 1, side - 1), axis=axis)
        total = total + before + after
    return total / (2.0 * rank)


def _pair_means(old: int, new: int) -> Array:
    """The matrix (new, old) of means over pairs; a last one without a partner is kept."""
    weights = np.zeros((new, old), "float32")
    for index in range(old):
        weights[index // 2, index] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
