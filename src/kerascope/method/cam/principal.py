"""The first principal component of channels, and its sign."""

from __future__ import annotations

from typing import Any

from keras import ops

SILENT = 1e-5
"""A sum smaller than this part of the sum of absolute values is rounding, and has no sign."""
POLISHES = 4
"""Power steps behind an eigenvector, which undo the rounding of its decomposition."""


def principal_component(channels: Any, centre: bool = False) -> Any:
    """Each channel times its part of the first right singular vector; their sum is the first component.

    The sum over the channels (N, *spatial, C) decides the sign. `centre` takes each channel's mean off first.
    """
    # Products of numbers far from 1 leave the range of float32.
    largest = ops.max(ops.abs(channels), axis=tuple(range(1, len(channels.shape))), keepdims=True)
    scaled = channels / ops.where(largest > 0, largest, 1.0)
    reference = ops.sum(scaled, axis=-1)
    if centre:
        scaled = scaled - ops.mean(scaled, axis=tuple(range(1, len(scaled.shape) - 1)), keepdims=True)
    weighted = scaled * first_direction(scaled)
    return largest * agreement_sign(ops.sum(weighted, axis=-1), reference)[..., None] * weighted


def agreement_sign(values: Any, reference: Any) -> Any:
    """The sign, 1 or -1 for each image, that a map needs to agree with a reference.

    Where the reference says nothing, as behind a normalisation that makes the channels of each place sum to
    zero, the map itself gets a positive sum.
    """
    axes = tuple(range(1, len(values.shape)))
    products = values * reference
    agreement = ops.sum(products, axis=axes, keepdims=True)
    size = ops.sum(ops.abs(products), axis=axes, keepdims=True)
    own = ops.sum(values, axis=axes, keepdims=True)
    return ops.where(ops.where(ops.abs(agreement) > SILENT * size, agreement, own) < 0, -1.0, 1.0)


def first_direction(table: Any) -> Any:
    """The first right singular vector, (N, 1, ..., 1, C), of numbers near 1, since they are squared."""
    count, *space, channels = table.shape
    rows = ops.reshape(table, (count, -1, channels))
    columns = ops.transpose(rows, (0, 2, 1))
    if rows.shape[1] < channels:
        products = ops.matmul(rows, columns)
        direction = refine_eigenvectors(products, ops.eigh(products)[1][:, :, -1:])
        direction = _unit(ops.matmul(columns, direction))
    else:
        products = ops.matmul(columns, rows)
        direction = refine_eigenvectors(products, ops.eigh(products)[1][:, :, -1:])
    return ops.reshape(direction, (count, *[1] * len(space), channels))


def refine_eigenvectors(matrix: Any, vectors: Any) -> Any:
    """Eigenvectors (N, M, 1) of the largest eigenvalue, after some power steps.

    The matrices (N, M, M) are symmetric and have no negative eigenvalue as large.
    """
    for _ in range(POLISHES):
        vectors = _unit(ops.matmul(matrix, vectors))
    return vectors


def _unit(vectors: Any) -> Any:
    """Vectors (N, C, 1) of length 1; zero where they are zero."""
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True))
    return vectors / ops.where(length > 0, length, 1.0)
