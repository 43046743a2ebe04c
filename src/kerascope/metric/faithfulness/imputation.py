"""Noisy linear imputation: holes whose pixels are the weighted mean of their eight neighbours."""

from __future__ import annotations

import itertools

import numpy as np

from kerascope.typing import Array

DIRECT, DIAGONAL = 1 / 6, 1 / 12
"""The weight of a neighbour beside a pixel, and of one across a corner."""


def imputed(picture: Array, hole: Array) -> Array:
    """A picture whose holes are filled, without noise.

    Every pixel in a hole is the weighted mean of its neighbours; at the border, of those that there are. The
    equations are solved exactly.

    Args:
        picture: (H, W, C).
        hole: bool (H, W).

    Returns:
        float64 (H, W, C); zeros where nothing at all is left.

    Source:
        Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022,
        section 4.3.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    filled = np.array(picture, "float64")
    if hole.all():
        return np.zeros_like(filled)
    if not hole.any():
        return filled
    (height, width), channels = hole.shape, picture.shape[-1]
    pixels, inside = filled.reshape(-1, channels), hole.ravel()
    holes = np.flatnonzero(inside)
    number = np.zeros(len(inside), "int64")
    number[holes] = np.arange(len(holes))
    row, column = np.divmod(holes, width)
    total, known = np.zeros(len(holes)), np.zeros((len(holes), channels))
    entries: list[tuple[Array, Array, Array]] = []
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        if not (down or right):
            continue
        weight = DIAGONAL if down and right else DIRECT
        there = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        mine = np.flatnonzero(there)
        other = (row[mine] + down) * width + column[mine] + right
        total[mine] += weight
        left = ~inside[other]
        # A pixel has one neighbour in each direction, so no entry is met twice.
        known[mine[left]] += weight * pixels[other[left]]
        mine, other = mine[~left], other[~left]
        entries.append((mine, number[other], np.full(len(mine), -weight)))
    entries.append((np.arange(len(holes)), np.arange(len(holes)), total))
    rows, columns, weights = map(np.concatenate, zip(*entries, strict=True))
    system = sparse.csc_matrix((weights, (rows, columns)), shape=(len(holes), len(holes)))
    # Symmetric and positive definite: no pivoting, and an order for symmetric matrices.
    solver = splu(
        system,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    pixels[holes] = solver.solve(known)
    return filled
