"""The order of relevance: which pixel, or which region, comes first."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array


def ranks(relevance: Array, seed: int = 0) -> Array:
    """The place of each entry when the most relevant comes first.

    Entries that are equal, as the zeros of many maps are, come in random order, the same for every image:
    in the order of the pixels, whatever lies at the top would be taken for more relevant.

    Args:
        relevance: (N, P).
        seed: of that order.

    Returns:
        int64 (N, P), from 0.
    """
    chance = np.random.default_rng(seed).permutation(relevance.shape[1])
    shuffled = np.argsort(chance)
    order = shuffled[np.argsort(-relevance[:, shuffled], axis=1, kind="stable")]
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(relevance.shape[1])[None], axis=1)
    return found


def auc(curves: Array, places: Array) -> Array:
    """The area under each curve by the trapezoid rule, (N,)."""
    return np.asarray(np.trapezoid(curves, places, axis=1))
