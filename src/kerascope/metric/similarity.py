"""How alike two maps of one image are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.metric.drop import pearson

Array = np.ndarray[Any, Any]

Similarity = Callable[[Array, Array], Array]
"""`similarity(first, second) -> (N,)`, of maps (N, *spatial): 1 for equal ones; NaN where one is constant."""

_WINDOW = 7
"""Pixels along each side of SSIM's window."""
_CELLS = 8
"""Cells along the longest side of a map for the histograms of gradients."""


def spearman(first: Array, second: Array) -> Array:
    """The rank correlation, (N,), -1 to 1."""
    from scipy.stats import rankdata

    return pearson(*(rankdata(one.reshape(len(one), -1), axis=1) for one in (first, second)))


def spearman_of_size(first: Array, second: Array) -> Array:
    """The rank correlation of the maps without their signs, (N,), -1 to 1."""
    return spearman(np.abs(first), np.abs(second))


def ssim(first: Array, second: Array) -> Array:
    """The structural similarity of the maps' sizes, brought to 0 to 1 each, (N,), -1 to 1.

    Raises:
        MissingPackageError: scikit-image is needed and not installed.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise errors.MissingPackageError("skimage", "evaluate") from None
    found = np.full(len(first), np.nan)
    for number, (one, other) in enumerate(zip(_unit(first), _unit(second), strict=True)):
        window = min(_WINDOW, min(one.shape))
        if np.isfinite(one).all() and np.isfinite(other).all():
            found[number] = structural_similarity(
                one, other, data_range=1.0, win_size=window - (1 - window % 2)
            )
    return found


def hog(first: Array, second: Array) -> Array:
    """The correlation of the maps' histograms of oriented gradients, (N,), -1 to 1; NaN but on pictures.

    Raises:
        MissingPackageError: scikit-image is needed and not installed.
    """
    try:
        from skimage.feature import hog as histograms
    except ImportError:
        raise errors.MissingPackageError("skimage", "evaluate") from None
    if first.ndim != 3 or min(first.shape[1:]) < _CELLS:
        return np.full(len(first), np.nan)
    side = max(2, max(first.shape[1:]) // _CELLS)
    options = {"orientations": 9, "pixels_per_cell": (side, side), "cells_per_block": (1, 1)}

    def described(maps: Array) -> Array:
        return np.stack([histograms(np.nan_to_num(one), **options) for one in _unit(maps)])

    found = pearson(described(first), described(second))
    known = np.isfinite(_unit(first)).all(axis=(1, 2)) & np.isfinite(_unit(second)).all(axis=(1, 2))
    return np.where(known, found, np.nan)


SIMILARITIES: Mapping[str, Similarity] = {
    "spearman": spearman,
    "spearman_of_size": spearman_of_size,
    "ssim": ssim,
    "hog": hog,
}


def _unit(maps: Array) -> Array:
    """The sizes of maps, brought to 0 to 1 each; NaN where one is constant or not finite."""
    flat = np.abs(maps.reshape(len(maps), -1))
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, np.nan)
    return np.asarray((flat - low) / span).reshape(maps.shape)
