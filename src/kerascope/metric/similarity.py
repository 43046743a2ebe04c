"""Similarities of two maps of the same image."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kerascope import errors
from kerascope.metric.statistics import pearson
from kerascope.typing import Array

_WINDOW = 7
"""Side of SSIM's window in pixels."""
_CELLS = 8
"""Cells along the longest side of a map for the histograms of gradients."""


def pixel_ranks(maps: Array) -> Array:
    """Return the rank of every pixel, (N, P); NaN where a map has NaN."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(maps.reshape(len(maps), -1), axis=1))


def magnitude_ranks(maps: Array) -> Array:
    """Return the rank of the magnitude of every pixel, (N, P)."""
    return pixel_ranks(np.abs(maps))


def hog_features(maps: Array) -> Array:
    """Return histograms of oriented gradients of the magnitudes, (N, D); NaN where maps are not images."""
    try:
        from skimage.feature import hog
    except ImportError:
        raise errors.MissingPackageError("skimage", "evaluate") from None
    if maps.ndim != 3 or min(maps.shape[1:]) < _CELLS:
        return np.full((len(maps), 1), np.nan)
    side = max(2, max(maps.shape[1:]) // _CELLS)
    options = {"orientations": 9, "pixels_per_cell": (side, side), "cells_per_block": (1, 1)}
    unit = _to_unit(maps)
    features = np.stack([hog(np.nan_to_num(unit_map), **options) for unit_map in unit])
    known = np.asarray(np.isfinite(unit).all(axis=(1, 2)))
    return np.where(known[:, None], features, np.nan)


FEATURES: Mapping[str, Callable[[Array], Array]] = {
    "spearman": pixel_ranks,
    "spearman_of_size": magnitude_ranks,
    "hog": hog_features,
}
"""Features of maps whose correlation is a similarity: ranks of pixels, with and without their signs, and
histograms of gradients."""

SIMILARITIES = ("ssim", *FEATURES)
"""The structural similarity, and the correlations of `FEATURES`."""


def ssim(first: Array, second: Array) -> Array:
    """Return the structural similarity of the magnitudes, scaled to 0 to 1, (N,), -1 to 1."""
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise errors.MissingPackageError("skimage", "evaluate") from None
    values = np.full(len(first), np.nan)
    for row, (left, right) in enumerate(zip(_to_unit(first), _to_unit(second), strict=True)):
        window = min(_WINDOW, min(left.shape))
        window -= 1 - window % 2
        if np.isfinite(left).all() and np.isfinite(right).all():
            values[row] = structural_similarity(left, right, data_range=1.0, win_size=window)
    return values


def similarity_of(name: str, first: Array, second: Array) -> Array:
    """Return the similarity of maps, (N,), -1 to 1, 1 if equal; NaN where one is constant or not finite."""
    return ssim(first, second) if name == "ssim" else pearson(FEATURES[name](first), FEATURES[name](second))


def _to_unit(maps: Array) -> Array:
    """Return the magnitudes of each map scaled to 0 to 1; NaN where one is constant or not finite."""
    flat = np.abs(maps.reshape(len(maps), -1))
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, np.nan)
    return np.asarray((flat - low) / span).reshape(maps.shape)
