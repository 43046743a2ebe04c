"""Statistics that metrics share: ranks, correlations, areas under curves, means."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array


def ranks(relevance: Array, seed: int = 0) -> Array:
    """Return the rank of each entry, int64 (N, P) from 0, the most relevant first.

    Equal entries, such as the zeros of many maps, get a random order, the same for every image. In the order
    of the pixels, the top of the image would seem more relevant.
    """
    tie_order = np.random.default_rng(seed).permutation(relevance.shape[1])
    shuffled = np.argsort(tie_order)
    order = shuffled[np.argsort(-relevance[:, shuffled], axis=1, kind="stable")]
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.arange(relevance.shape[1])[None], axis=1)
    return result


def auc(curves: Array, places: Array) -> Array:
    """Return the area under each curve by the trapezoid rule, (N,)."""
    return np.asarray(np.trapezoid(curves, places, axis=1))


def pearson(first: Array, second: Array) -> Array:
    """Return the correlation of each row of two arrays (N, m); NaN where a row is constant."""
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray((first * second).sum(axis=1) / np.where(scale > 0, scale, np.nan))


def finite_mean(values: Array, axis: int = -1) -> Array:
    """Return the mean over an axis of the finite values; NaN where there are none."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
