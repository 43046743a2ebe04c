"""Fusion of the maps of several layers, on the finest grid among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.perturb.resampling import apply_along_axes
from kerascope.placement import Placement, combine_finest, stretch

SHARPNESS = 2.0
"""The factor gamma of the tanh; 2 in the paper."""


def mean(maps: Any) -> Any:
    """The mean over layers, in raw units: layers with large values dominate."""
    return ops.mean(maps, axis=0)


def maximum(maps: Any) -> Any:
    """The largest value over layers, in raw units: layers with large values dominate."""
    return ops.max(maps, axis=0)


def tanh_maximum(maps: Any) -> Any:
    """The largest of tanh(2 M / max |M|) over layers: every layer counts alike.

    Jiang et al., LayerCAM, 2021, section III-C. On maps at least 0, max |M| is the paper's max(M).
    """
    places = tuple(range(2, len(maps.shape)))
    largest = ops.max(ops.abs(maps), axis=places, keepdims=True)
    return maximum(ops.tanh(SHARPNESS * maps / ops.where(largest > 0, largest, 1.0)))


def product(maps: Any) -> Any:
    """The product over layers, each map divided by its max |M|.

    As the layers of Poly-CAM (Englebert et al., 2022) are multiplied. Of signed maps, the product of the
    positive parts less the product of the negative parts.
    """
    places = tuple(range(2, len(maps.shape)))
    largest = ops.max(ops.abs(maps), axis=places, keepdims=True)
    shares = maps / ops.where(largest > 0, largest, 1.0)
    return ops.prod(ops.relu(shares), axis=0) - ops.prod(ops.relu(-shares), axis=0)


def total(maps: Any) -> Any:
    """The sum over layers, in raw units: of branches, whose contributions to the score add up."""
    return ops.sum(maps, axis=0)


FUSIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"mean": mean, "max": maximum, "scaled": tanh_maximum, "product": product, "sum": total}
)
"""Every fusion by the name that `fusion=` takes: from maps (layers, N, *spatial) to (N, *spatial)."""


def fuse(maps: Sequence[Any], fusion: str, placements: Sequence[Placement | None]) -> Any:
    """One map (N, *spatial) from the maps of several layers, of any sizes, each image by itself."""
    # Of a sum, a cell that becomes four gives each a quarter of its value, so that the sum over places stays.
    enlarged = to_finest(maps, placements, share=fusion == "sum")
    return FUSIONS[fusion](ops.stack(enlarged))


def to_finest(maps: Sequence[Any], placements: Sequence[Placement | None], share: bool = False) -> list[Any]:
    """Maps (N, *spatial) of any sizes, brought to the finest grid among them.

    Args:
        maps: of several layers.
        placements: where each lies on the image; None where that is unknown: they are stretched then.
        share: share the value of a cell out among those that it becomes.

    Raises:
        LayerError: the grids have different axes.
    """
    grids = [tuple(values.shape[1:]) for values in maps]
    known = [placement for placement in placements if placement is not None]
    axes = {tuple(axis is None for axis in placement.axes) for placement in known}
    if len({len(grid) for grid in grids}) > 1 or len(axes) > 1:
        raise errors.LayerError(
            f"layers whose maps are fused must have grids with as many axes; got {grids}; choose layers "
            "that are all pictures, or all sequences."
        )
    if len(known) < len(maps):
        finest = tuple(map(max, zip(*grids, strict=True)))
        shared = [stretch(grid, finest) for grid in grids]
        return _bring_to(maps, shared, stretch(finest, finest), share)
    return _bring_to(maps, known, combine_finest(known), share)


def _bring_to(
    maps: Sequence[Any], placements: Sequence[Placement], wanted: Placement, share: bool
) -> list[Any]:
    brought = []
    for values, placement in zip(maps, placements, strict=True):
        matrices = placement.matrices_to(wanted)
        if share:
            sums = [matrix.sum(axis=0) for matrix in matrices]
            matrices = [
                matrix / np.where(sum_ > 0, sum_, 1) for matrix, sum_ in zip(matrices, sums, strict=True)
            ]
        brought.append(apply_along_axes(values, matrices, ops))
    return brought
