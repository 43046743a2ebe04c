"""Placements: where the values of an explanation lie on the image. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from kerascope.errors import ExplanationError, ParameterError
from kerascope.placement.axis import AxisPlacement, is_identity, stretch_axis
from kerascope.typing import Array

PlacementKind = Literal["pixels", "stretched", "measured", "none"]
PlacementChoice = Literal["auto", "measured", "stretched"]
CHOICES: tuple[PlacementChoice, ...] = ("auto", "measured", "stretched")
"""How a probe places the cells of layers: see `Probe`."""


@dataclass(frozen=True)
class Placement:
    """Where values lie on the image.

    Args:
        size: spatial size of the image in pixels.
        axes: for each axis of the image its cells; None where values do not tell places along it apart, as
            those of a sequence of columns along the rows.
        kind: how it was found: `"pixels"`, values have the image's own grid; `"stretched"`, from shapes:
            the grid covers the image, or the part that is seen; `"measured"`, by changing patches; `"none"`,
            there is no picture.
        seen: for each axis the first pixel that reaches a cell, and the one behind the last.
        trust: the share of the variance of where patches lie that the reading explains, 0 to 1; None where
            nothing was measured.
        note: what was found, in words, or empty.
        obstacle: why there is no picture, or empty.
    """

    size: tuple[int, ...]
    axes: tuple[AxisPlacement | None, ...]
    kind: PlacementKind = "stretched"
    seen: tuple[tuple[int, int], ...] = ()
    trust: float | None = None
    note: str = ""
    obstacle: str = ""

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of cells along each axis of the values."""
        return tuple(axis.cells for axis in self.axes if axis is not None)

    def stretch(self) -> Placement:
        """The same cells, stretched over the whole image; where there is no picture, as it is."""
        if self.obstacle:
            return self
        axes = tuple(
            None if axis is None else stretch_axis(axis.cells, 0, side, axis.step < 0)
            for axis, side in zip(self.axes, self.size, strict=True)
        )
        return replace(self, axes=axes, kind="stretched", seen=())

    def choose(self, placement: PlacementChoice) -> Placement:
        """The placement to draw by: as it is, or stretched.

        Raises:
            ParameterError: `placement` is neither.
        """
        if placement not in CHOICES:
            raise ParameterError(
                f"placement must be one of {', '.join(map(repr, CHOICES))}; got {placement!r}."
            )
        return self.stretch() if placement == "stretched" else self

    def matrices(self, size: tuple[int, ...] | None = None) -> list[Array]:
        """For each axis of the image a matrix (side, cells) that brings cells to pixels.

        Rows of pixels that no cell sees are zero. An axis that values do not have gets a column of ones.

        Args:
            size: wanted size in pixels; None for the image's.

        Raises:
            ExplanationError: there is no picture.
        """
        if self.obstacle:
            raise ExplanationError(f"a heat map needs values that lie on the image; {self.obstacle}.")
        size = self.size if size is None else size
        if len(size) != len(self.size):
            raise ExplanationError(
                f"a heat map has the axes of the input of size {self.size}; got the size {size}; give one "
                "number for each."
            )
        found = []
        for index, (axis, side, wanted) in enumerate(zip(self.axes, self.size, size, strict=True)):
            centres = (np.arange(wanted) + 0.5) * (side / wanted)
            weights = np.ones((wanted, 1), "float32") if axis is None else axis.weights(centres)
            found.append(self._keep_seen(index, centres, weights))
        return found

    def _keep_seen(self, axis: int, centres: Array, weights: Array) -> Array:
        """The rows of weights at centres that some cell sees; others are zero."""
        low, high = self.seen[axis] if self.seen else (0, self.size[axis])
        return np.asarray(weights * ((centres > low) & (centres < high))[:, None].astype("float32"))

    def to_cells(self, maps: Array) -> Array:
        """The mean of maps of the image under each cell, float32 (N, *grid), weighted as in `to_image`.

        Args:
            maps: (N, *size).
        """
        result = np.asarray(maps, "float32")
        for axis, weights in enumerate(self.matrices(), start=1):
            sums = weights.sum(axis=0)
            shares = weights / np.where(sums > 0, sums, 1)
            result = np.moveaxis(np.tensordot(result, shares, axes=(axis, 0)), -1, axis)
        return result.reshape(len(result), *self.grid)

    def matrices_to(self, other: Placement) -> list[Array]:
        """For each axis of the grid a matrix that brings its cells to those of another layer's grid.

        Raises:
            ExplanationError: the grids run along different axes of the image.
        """
        pairs = list(zip(self.axes, other.axes, strict=False))
        if len(self.axes) != len(other.axes) or any(
            (own is None) != (wanted is None) for own, wanted in pairs
        ):
            raise ExplanationError(
                f"maps of several layers must run along the same axes of the image; got grids {self.grid} "
                f"and {other.grid}; choose layers that are all pictures, or all sequences."
            )
        found = []
        for index, (own, wanted) in enumerate(pairs):
            if own is not None and wanted is not None:
                weights = own.weights(wanted.centres)
                keeps = own == wanted or not self.seen  # cells in a padding are beyond the image, and stay
                found.append(weights if keeps else self._keep_seen(index, wanted.centres, weights))
        return found

    def to_image(self, maps: Array, size: tuple[int, ...] | None = None, first: int = 1) -> Array:
        """Maps on the image, by linear interpolation between the centres of cells.

        Args:
            maps: an array whose axes from `first` on are the grid.
            size: wanted size in pixels; None for the image's.
            first: index of the first axis of the grid.

        Returns:
            float32, the axes from `first` on are the image's; 0 where no cell sees the image.

        Raises:
            ExplanationError: there is no picture, or the maps lie on another grid.
        """
        if maps.shape[first:] != self.grid:
            raise ExplanationError(
                f"maps must lie on the grid {self.grid} of their placement; got the shape {maps.shape}."
            )
        matrices = self.matrices(size)
        lead = maps.shape[:first]
        result = np.asarray(maps, "float32").reshape(
            *lead, *(axis.cells if axis else 1 for axis in self.axes)
        )
        for axis, weights in enumerate(matrices, start=first):
            if not is_identity(weights):
                result = np.moveaxis(np.tensordot(result, weights, axes=(axis, 1)), -1, axis)
        return np.ascontiguousarray(result)


def stretch(grid: tuple[int, ...], size: tuple[int, ...]) -> Placement:
    """The placement of a grid that covers the image, by its shape alone.

    Args:
        grid: number of cells along each axis.
        size: spatial size of the image. Where it has another number of axes, there is no picture.
    """
    if len(grid) != len(size):
        return no_picture(
            grid,
            size,
            f"values on the grid {grid} have not as many spatial axes as the input of size {size}; use "
            "`values`, or choose another layer",
        )
    kind: PlacementKind = "pixels" if grid == size else "stretched"
    return Placement(
        size, tuple(stretch_axis(*pair) for pair in zip(grid, (0,) * len(size), size, strict=True)), kind
    )


def combine_finest(placements: Sequence[Placement]) -> Placement:
    """The placement of maps of several layers on the finest cells along each axis.

    Raises:
        ExplanationError: the grids run along different axes of the image.
    """
    first, *others = placements
    axes = list(first.axes)
    for other in others:
        first.matrices_to(other)  # raises
        axes = [
            _join_axes(own, new) if own is not None and new is not None else None
            for own, new in zip(axes, other.axes, strict=True)
        ]
    worst = min((other.trust for other in placements if other.trust is not None), default=None)
    plain = all(other.kind != "measured" for other in placements)
    notes = dict.fromkeys(other.note for other in placements if other.note)
    obstacle = next((other.obstacle for other in placements if other.obstacle), "")
    finest = next((other for other in placements if list(other.axes) == axes), None)
    if len(placements) == 1 or (finest is not None and plain and not obstacle):
        return finest or first
    seen = first.seen if all(other.seen == first.seen for other in placements) else ()
    kind: PlacementKind = "stretched" if plain else "measured"
    return Placement(first.size, tuple(axes), kind, seen, worst, "; ".join(notes), obstacle)


def _join_axes(one: AxisPlacement, other: AxisPlacement) -> AxisPlacement:
    """The finer cells; where the coarser ones reach further by a cell of theirs, as many as cover both."""
    fine, coarse = (other, one) if other.cells > one.cells else (one, other)
    low, high = fine.span
    coarse_low, coarse_high = coarse.span
    slack = abs(coarse.step)
    if coarse_low > low - slack and coarse_high < high + slack:
        return fine
    low, high = min(low, coarse_low), max(high, coarse_high)
    step = min(abs(fine.step), slack)
    return stretch_axis(max(1, round((high - low) / step)), low, high)


def no_picture(
    grid: tuple[int, ...], size: tuple[int, ...], obstacle: str, trust: float | None = None
) -> Placement:
    """The placement of values that are no places of the image: `heatmaps()` raises its obstacle."""
    axes = tuple(AxisPlacement(cells, 0.5, 1.0) for cells in grid)
    return Placement(size, axes, "none", (), trust, "", obstacle)


def from_dictionary(stored: Mapping[str, Any] | None) -> Placement | None:
    """A placement from what `dataclasses.asdict` made of it, by way of JSON."""
    if stored is None:
        return None
    axes: Sequence[Any] = stored["axes"]
    return Placement(
        **{
            **stored,
            "size": tuple(stored["size"]),
            "axes": tuple(None if axis is None else AxisPlacement(**axis) for axis in axes),
            "seen": tuple((int(low), int(high)) for low, high in stored["seen"]),
        }
    )
