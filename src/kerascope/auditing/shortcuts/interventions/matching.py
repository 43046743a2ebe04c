"""Matching: each image gets a donor that resembles it in all but the cue, so that cloth is put on cloth."""

from __future__ import annotations

import numpy as np

from kerascope.auditing.data.thumbnails import Thumbnails
from kerascope.auditing.description.relevance import resize_maps
from kerascope.typing import Array

_CELLS = 8
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")


def describe_layout(thumbnails: Thumbnails, without: Array | None = None) -> Array:
    """Where a picture is light and dark: (n, 64), of mean 0 and unit length, so that tone does not count.

    Args:
        thumbnails: of some images.
        without: bool (h, w), what is to be exchanged and does not count, or None.
    """
    luma = thumbnails.pictures.astype("float32") @ _LUMA / 255
    cells = resize_maps(luma, (_CELLS, _CELLS)).reshape(len(luma), -1)
    if without is not None:
        counts = resize_maps(without.astype("float32"), (_CELLS, _CELLS)).ravel() < 0.5
        cells = cells[:, counts] if counts.any() else cells
    cells = cells - cells.mean(axis=1, keepdims=True)
    length = np.linalg.norm(cells, axis=1, keepdims=True)
    return np.asarray(cells / np.where(length > 1e-6, length, 1))


def match_donors(recipients: Array, donors: Array, different: Array | None = None) -> Array:
    """The donor of each recipient: positions (n,), all as alike as can be, none used much more often.

    Args:
        recipients: (n, D) layouts.
        donors: (m, D) layouts, at least one.
        different: bool (n, m), pairs that are not allowed unless nothing else is left, or None.

    Source:
        Kuhn, The Hungarian method for the assignment problem, 1955.
    """
    from scipy.optimize import linear_sum_assignment

    times = -(-len(recipients) // len(donors))
    cost = -(recipients @ donors.T)
    if different is not None:
        cost = cost + 10.0 * different
    _, columns = linear_sum_assignment(np.tile(cost, (1, times)))
    return np.asarray(columns % len(donors))
