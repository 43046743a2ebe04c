"""Linear imputation: holes filled with the weighted mean of the eight neighbours of each pixel."""

from __future__ import annotations

import itertools

import numpy as np

from kerascope.typing import Array

DIRECT, DIAGONAL = 1 / 6, 1 / 12
"""Weights of a direct and of a diagonal neighbour."""


def impute(image: Array, hole: Array) -> Array:
    """Return an image (H, W, C) with its holes filled, without noise; zeros if the hole is the whole image.

    Every pixel in a hole is the weighted mean of its neighbours inside the image. The equations are solved
    exactly.

    Source:
        Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022,
        section 4.3.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    filled = np.array(image, "float64")
    if hole.all():
        return np.zeros_like(filled)
    if not hole.any():
        return filled
    (height, width), channels = hole.shape, image.shape[-1]
    pixels, inside = filled.reshape(-1, channels), hole.ravel()
    holes = np.flatnonzero(inside)
    index = np.zeros(len(inside), "int64")
    index[holes] = np.arange(len(holes))
    row, column = np.divmod(holes, width)
    total, known = np.zeros(len(holes)), np.zeros((len(holes), channels))
    entries: list[tuple[Array, Array, Array]] = []
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        if not (down or right):
            continue
        weight = DIAGONAL if down and right else DIRECT
        exists = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        hole_index = np.flatnonzero(exists)
        neighbour = (row[hole_index] + down) * width + column[hole_index] + right
        total[hole_index] += weight
        is_known = ~inside[neighbour]
        # A pixel has one neighbour in each direction, so no entry occurs twice.
        known[hole_index[is_known]] += weight * pixels[neighbour[is_known]]
        hole_index, neighbour = hole_index[~is_known], neighbour[~is_known]
        entries.append((hole_index, index[neighbour], np.full(len(hole_index), -weight)))
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
