"""Where the cells of a layer look, from how they answer to changed patches of the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kerascope.layout import CHANNELS_LAST, Layout
from kerascope.placement import AxisPlacement, Placement, PlacementKind, no_picture, stretch_axis
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.placing.doubt import Doubt
from kerascope.probe.placing.fit import (
    answer_shares,
    explained_variance,
    fit_axis,
    pair_correlation,
    width_in_cells,
)
from kerascope.probe.placing.patches import Patches
from kerascope.probe.placing.readings import LayoutReading, list_readings
from kerascope.typing import Array

PLACES = 0.35
"""The least share of variance that a reading must explain for positions to be places of the image.

Tokens that were mixed or shuffled at random explained up to .30, the last ones of DINOv2, in other noise too,
.42 to .65.
"""
_PREFERENCE = 0.1
"""How much better than the guess another reading must be, in the sum of -log(1 - r^2) over axes."""
_NEAR, _NEAR_IF_WIDE = 0.25, 0.5
"""Cells that lie so near to the stretched ones are these, in cells."""
_WIDE = 1 / 6
"""Answers are wide where their standard deviation is so much of the grid, and more than a cell: they end at
its borders, and are no bells. Then the third power of their shares counts."""
_VAGUE = 0.5
"""The largest standard error of a placement that is used, in cells."""
_GROUPS = 11
"""Groups of patches that are left out in turn, for the standard error."""
_FEWEST = 6
"""So many patches must be answered."""


@dataclass(frozen=True, eq=False)
class Changes:
    """How strongly a layer answers to patches.

    Args:
        patches: what was changed.
        seen: for each axis of the image the first pixel that reaches the layer, and the one behind the last.
        differences: float32 (patches, ...), the change of the layer's output, in its own shape.
    """

    patches: Patches
    seen: tuple[tuple[int, int], ...]
    differences: Array


@dataclass(frozen=True, eq=False)
class _Answers:
    """What a reading makes of the changes: the shares of cells along each axis of its grid."""

    reading: LayoutReading
    shares: tuple[Array, ...]
    centres: tuple[Array, ...]

    @property
    def trust(self) -> float:
        """The share of the variance of places that the reading explains, along its worst axis."""
        return min(map(explained_variance, self.shares, self.centres), default=0.0)

    @property
    def score(self) -> float:
        """How well it tells places apart: the more axes, and the narrower the answers, the better."""
        return -sum(
            math.log1p(-min(pair_correlation(*pair), 0.9999))
            for pair in zip(self.shares, self.centres, strict=True)
        )


def guess_layout(call: LayerCall) -> Layout:
    """The layout that shapes and names suggest, or channels last."""
    return call.layout or Layout(CHANNELS_LAST, call.shape[1:-1], call.shape[-1])


def place(graph: Graph, call: LayerCall, changes: Changes, doubt: Doubt) -> tuple[Layout, Placement]:
    """The layout of a layer's output, and where its cells lie.

    Args:
        graph: of the model.
        call: of the layer.
        changes: how it answers.
        doubt: what shapes leave open; with `"where"` the layout is known.
    """
    image, guess = graph.image, guess_layout(call)
    assert image is not None
    grids = [other.layout.spatial for other in graph.calls[: call.number] if other.layout]
    readings = list_readings(call.shape, image, guess, [grid for grid in grids[::-1] if grid != image])
    if doubt == "where":
        readings = readings[:1]
    answers = [found for reading in readings if (found := _answer(reading, changes)) is not None]
    likely = [found for found in answers if found.trust >= PLACES]
    if likely:
        scores = [found.score + _PREFERENCE * (found.reading is readings[0]) for found in likely]
        best = likely[int(np.argmax(scores))]
        return best.reading.layout, _fit(best, image, changes)
    trust = max((found.trust for found in answers), default=0.0)
    if doubt == "where":
        note = "its cells hardly tell places apart, so they are stretched over the image"
        axes = dict(zip(readings[0].axes, guess.spatial, strict=True))
        stretched = tuple(stretch_axis(axes[axis], 0, side) for axis, side in enumerate(image))
        return guess, Placement(image, stretched, trust=trust, note=note)
    spatial = call.shape[1:-1]
    obstacle = (
        f"the {math.prod(spatial)} positions of {graph.name(call)!r} are no places of the image: each "
        "answers to patches anywhere; use `values`, or choose an earlier layer"
    )
    return Layout(CHANNELS_LAST, spatial, call.shape[-1]), no_picture(spatial, image, obstacle, trust)


def _answer(reading: LayoutReading, changes: Changes) -> _Answers | None:
    """What a reading makes of the changes; None where too few patches are answered."""
    values = reading.layout.channels_last(changes.differences, np)
    strengths = np.sqrt((values.astype("float64") ** 2).sum(axis=-1))
    shares, known = answer_shares(strengths)
    if known.sum() < min(_FEWEST, len(known)):
        return None
    wide = [axis for axis, cells in enumerate(shares.shape[1:]) if cells > 1]
    along = [
        shares[known].sum(axis=tuple(other + 1 for other in range(shares.ndim - 1) if other != axis))
        for axis in wide
    ]
    centres = [changes.patches.centres[known, reading.axes[axis]] for axis in wide]
    return _Answers(reading, tuple(along), tuple(centres)) if wide else None


def _fit(answers: _Answers, image: tuple[int, ...], changes: Changes) -> Placement:
    """The placement by a reading whose positions are places."""
    reading = answers.reading
    fits = iter(zip(answers.shares, answers.centres, strict=True))
    axes: list[AxisPlacement | None] = [None] * len(image)
    vague, moved = False, False
    for axis, cells in zip(reading.axes, reading.layout.spatial, strict=True):
        low, high = changes.seen[axis]
        if cells == 1:
            axes[axis] = stretch_axis(1, low, high)
            continue
        shares, centres = next(fits)
        found, unsure = _fit_axis(shares, centres, low, high)
        vague |= unsure
        moved |= found.step < 0 or found != stretch_axis(cells, 0, image[axis])
        axes[axis] = found
    note = (
        "its cells answer to wide parts of the image, so they are stretched over what is seen"
        if vague
        else ""
    )
    whole = tuple((0, side) for side in image)
    seen = () if changes.seen == whole else changes.seen
    kind: PlacementKind = "measured" if moved or seen else "stretched"
    return Placement(image, tuple(axes), kind, seen, answers.trust, note)


def _fit_axis(shares: Array, centres: Array, low: float, high: float) -> tuple[AxisPlacement, bool]:
    """Cells along one axis, and whether it is too vague where they lie, so that they are stretched."""
    cells = shares.shape[1]
    means = shares @ np.arange(cells)
    backwards = bool(np.cov(means, centres)[0, 1] < 0)
    stretched = stretch_axis(cells, low, high, backwards)
    wide = width_in_cells(shares) > max(1.0, _WIDE * cells)
    if wide:
        shares = shares**3 / (shares**3).sum(axis=1, keepdims=True)
    whole = fit_axis(shares, centres, low, high)
    ends = np.array([whole.start, whole.start + (cells - 1) * whole.step])
    errors = _standard_errors(shares, centres, low, high) / abs(stretched.step)
    apart = np.abs(ends - stretched.centres[[0, -1]]) / abs(stretched.step)
    if (apart < np.maximum(_NEAR_IF_WIDE if wide else _NEAR, 2 * errors)).all():
        return stretched, False
    if errors.max() > _VAGUE or not 0.2 < whole.step / stretched.step < 5:
        return stretched, True
    return _round(whole.start, whole.step, cells, float(errors.max() * abs(stretched.step))), False


def _standard_errors(shares: Array, centres: Array, low: float, high: float) -> Array:
    """Standard errors of the outer centres, in pixels, by leaving groups of patches out; Tukey, 1958."""
    cells = shares.shape[1]
    groups = min(_GROUPS, len(centres))
    ends = []
    for group in range(groups):
        kept = np.arange(len(centres)) % groups != group
        found = fit_axis(shares[kept], centres[kept], low, high)
        ends.append((found.start, found.start + (cells - 1) * found.step))
    return np.asarray(np.std(ends, axis=0) * np.sqrt(groups - 1))


def _round(start: float, step: float, cells: int, error: float) -> AxisPlacement:
    """Whole pixels from cell to cell, and half ones at the start, where that is within the error."""
    whole = round(step)
    if whole and abs(step - whole) * (cells - 1) / 2 <= max(2 * error, 0.5):
        start, step = start + (step - whole) * (cells - 1) / 2, float(whole)
    return AxisPlacement(cells, round(2 * start) / 2, float(step))
