"""How alike two maps of one image are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kerascope import errors
from kerascope.metric.faithfulness.drop import pearson
from kerascope.typing import Array

_WINDOW = 7
"""Pixels along each side of SSIM's window."""
_CELLS = 8
"""Cells along the longest side of a map for the histograms of gradients."""


def ranked(maps: Array) -> Array:
    """The rank of every pixel, (N, P); NaN where a map has NaN."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(maps.reshape(len(maps), -1), axis=1))


def ranked_sizes(maps: Array) -> Array:
    """The rank of every pixel without its sign, (N, P)."""
    return ranked(np.abs(maps))


def described(maps: Array) -> Array:
    """Histograms of oriented gradients of the maps' sizes, (N, D); NaN of what is no picture.

    Raises:
        MissingPackageError: scikit-image is needed and not installed.
    """
    try:
        from skimage.feature import hog
    except ImportError:
        raise errors.MissingPackageError("skimage", "evaluate") from None
    if maps.ndim != 3 or min(maps.shape[1:]) < _CELLS:
        return np.full((len(maps), 1), np.nan)
    side = max(2, max(maps.shape[1:]) // _CELLS)
    options = {"orientations": 9, "pixels_per_cell": (side, side), "cells_per_block": (1, 1)}
    found = np.stack([hog(np.nan_to_num(one), **options) for one in _unit(maps)])
    known = np.asarray(np.isfinite(_unit(maps)).all(axis=(1, 2)))
    return np.where(known[:, None], found, np.nan)


ROWS: Mapping[str, Callable[[Array], Array]] = {
    "spearman": ranked,
    "spearman_of_size": ranked_sizes,
    "hog": described,
}
"""What is correlated, of likenesses that are correlations: the ranks of pixels, with and without their signs,
and the histograms of gradients."""


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


def alike(name: str, first: Array, second: Array) -> Array:
    """How alike maps are, (N,), -1 to 1: 1 for equal ones; NaN where one is constant or not finite.

    Args:
        name: one of `SIMILARITIES`.
        first: (N, *spatial).
        second: the same.
    """
    return ssim(first, second) if name == "ssim" else pearson(ROWS[name](first), ROWS[name](second))


SIMILARITIES = ("ssim", *ROWS)
"""The structural similarity; Spearman's coefficient, with and without signs; the correlation of histograms of
gradients."""


def _unit(maps: Array) -> Array:
    """The sizes of maps, brought to 0 to 1 each; NaN where one is constant or not finite."""
    flat = np.abs(maps.reshape(len(maps), -1))
    low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, np.nan)
    return np.asarray((flat - low) / span).reshape(maps.shape)
