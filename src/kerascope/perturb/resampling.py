"""Resizing on the device: matrices along the spatial axes of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from kerascope.placement import Placement, is_identity
from kerascope.resize import bilinear_weights
from kerascope.typing import Array, Tensor


def enlarge(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps (N, *spatial) resized bilinearly, as `kerascope.resize` does it."""
    old = tuple(maps.shape[1:])
    return maps if old == size else apply_along_axes(maps, list(map(bilinear_weights, old, size)), ops)


def to_image(maps: Tensor, placement: Placement, size: tuple[int, ...] | None = None) -> Tensor:
    """Maps (N, *grid) on the image, as `Placement.to_image` brings them there.

    Args:
        maps: on the grid of the placement.
        placement: where they lie.
        size: wanted size in pixels; None for the image's.
    """
    whole = (axis.cells if axis else 1 for axis in placement.axes)
    return apply_along_axes(ops.reshape(maps, (-1, *whole)), placement.matrices(size), ops)


def apply_along_axes(tensor: Tensor, weights: Sequence[Array], numpy: Any) -> Tensor:
    """A tensor (B, *spatial, ...) with a matrix (new, old) applied along each spatial axis."""
    for axis, matrix in enumerate(weights, start=1):
        if is_identity(matrix):
            continue
        moved = numpy.matmul(
            numpy.moveaxis(tensor, axis, -1), to_tensor(np.ascontiguousarray(matrix.T), numpy)
        )
        tensor = numpy.moveaxis(moved, -1, axis)
    return tensor


def to_tensor(array: Array, numpy: Any) -> Any:
    """An array as `keras.ops` takes it, or as it is for NumPy."""
    return array if numpy is np else numpy.convert_to_tensor(array)


def to_integers(numbers: Any, numpy: Any) -> Any:
    """Numbers as int32, for indices."""
    return numbers.astype("int32") if numpy is np else numpy.cast(numbers, "int32")
