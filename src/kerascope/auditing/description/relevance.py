"""Positive relevance on grids: by cell, as weights of features, as ranks."""

from __future__ import annotations

import functools

import numpy as np

from kerascope.explanation import Explanation, reduce_channels
from kerascope.resize import bilinear_weights
from kerascope.typing import Array

CELLS = 8
"""Cells along each side of the grid on which the position of relevance is stored."""
_FEATURES = 64
"""Features that are stored; more are projected at random."""
_RANKED = 14
"""Cells along each side on which maps of several methods are compared."""


def positive_relevance(explanation: Explanation, size: tuple[int, ...]) -> Array:
    """Positive relevance, float32 (N, h, w); zero where a map is flat or not finite.

    Args:
        explanation: of images.
        size: the grid of its values, which stay as they are, or one that covers the image.
    """
    maps = positive_part(reduce_channels(explanation.values, explanation.reduction))
    first, placement = explanation.scores.ndim, explanation.placement
    maps = maps * ~explanation.flat.reshape(*explanation.flat.shape, *[1] * (maps.ndim - first))
    if (
        placement is not None
        and placement.kind == "measured"
        and (placement.grid != size or size == placement.size)
    ):
        maps = placement.to_image(maps, first=first)
    return resize_maps(maps, size).reshape(-1, *size)


def positive_part(maps: Array) -> Array:
    """The positive part of maps; zero where they are not finite."""
    return np.asarray(np.maximum(np.nan_to_num(maps, posinf=0.0, neginf=0.0), 0))


def resize_maps(maps: Array, size: tuple[int, ...]) -> Array:
    """Maps on another grid: interpolated where that is finer, the mean within each cell where it is coarser.

    Interpolation on a coarser grid would read a few pixels only and lose a mark between these.

    Args:
        maps: (..., H, W).
        size: (h, w).

    Returns:
        float32 (..., h, w).
    """
    down, across = (
        bilinear_weights(old, new) if old <= new else _overlaps(old, new) * np.float32(new / old)
        for old, new in zip(maps.shape[-2:], size, strict=True)
    )
    return np.asarray(down @ maps @ across.T, "float32")


def cell_shares(weights: Array, count: int = CELLS) -> Array:
    """The share of a map in each cell of a grid.

    Args:
        weights: (H, W), not negative.
        count: cells along each side.

    Returns:
        float32 (count, count), sums to 1, or all zero where the map is.
    """
    sums = _overlaps(weights.shape[0], count) @ weights @ _overlaps(weights.shape[1], count).T
    total = sums.sum()
    return np.asarray(sums / total if total > 0 else sums, "float32")


@functools.lru_cache(maxsize=8)
def _overlaps(old: int, new: int) -> Array:
    """How much each of the old cells of an axis lies in each of the new ones: (new, old)."""
    edges = np.arange(new + 1) * old / new
    starts = np.arange(old)
    low = np.maximum(edges[:-1, None], starts)
    high = np.minimum(edges[1:, None], starts + 1)
    return np.asarray(np.maximum(high - low, 0), "float32")


def pool_features(features: Array, weights: Array) -> Array:
    """The model's features pooled under maps, of unit length.

    Args:
        features: (N, h, w, C).
        weights: (N, h, w), not negative.

    Returns:
        float32 (N, min(C, 64)); more features are projected at random, always in the same way.

    Source:
        For the projection: Johnson and Lindenstrauss, Extensions of Lipschitz mappings, 1984.
    """
    total = weights.sum(axis=(1, 2), keepdims=True)
    shares = weights / np.where(total > 0, total, 1)
    pooled = np.einsum("nhwc,nhw->nc", features, shares)
    if pooled.shape[1] > _FEATURES:
        projection = np.random.default_rng(0).normal(size=(pooled.shape[1], _FEATURES)) / np.sqrt(_FEATURES)
        pooled = pooled @ projection
    length = np.linalg.norm(pooled, axis=1, keepdims=True)
    return np.asarray(pooled / np.where(length > 0, length, 1), "float32")


def unit_ranks(explanation: Explanation) -> Array:
    """Ranks of the cells of each map, (N, cells), centred and of unit length; zero for a flat map."""
    from scipy.stats import rankdata

    maps = resize_maps(np.nan_to_num(explanation.heatmaps()), (_RANKED, _RANKED))
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks = (ranks - ranks.mean(axis=1, keepdims=True)) * ~explanation.flat.reshape(-1, 1)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(ranks / np.where(length > 0, length, 1))
