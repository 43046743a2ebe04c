"""Where the cells of a layer look, from how they answer to changed patches of the image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kerascope.layout import CHANNELS_LAST, Layout
from kerascope.placement import AxisPlacement, Placement, PlacementKind, no_picture, stretch, stretch_axis
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.placing.doubt import Doubt
from kerascope.probe.placing.fit import (
    AxisFit,
    explained_variance,
    find_excess,
    fit_axis,
    to_shares,
    width_in_cells,
)
from kerascope.probe.placing.patches import Patches
from kerascope.probe.placing.readings import LayoutReading, list_readings
from kerascope.typing import Array

PLACES = 0.4
"""The least share of variance that a reading must explain for positions to be places of the image.

Of tokens and cells of the zoo in tests/ 0.54 and more was seen, of latents and queries 0.3 at most.
"""
_PLACES_OF_FEWER = 0.85
"""The same of a reading with fewer axes than the image: rows of tokens tell rows of the image apart, too."""
_LOW_TRUST = 0.7
"""A placement that is trusted less is noted."""
_PREFERENCE = 0.1
"""How much better than the guess another reading must be, in the sum of -log(1 - r^2) over axes."""
_WIDTHS = (0.6, 1.0)
"""Standard deviations of answers, in cells, above which the second and third power of their strength count:
wide answers end at the borders of the grid, and are no bells."""
_NEAR, _NEAR_IF_WIDE = 0.2, 0.4
"""Cells that lie so near to the stretched ones are these, in cells; the second above the second width."""
_VAGUE = 0.5
"""The largest standard error of a placement that is used, in cells, or in widths of wider answers."""
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
    """What a reading makes of the changes, of the patches that are answered.

    Args:
        reading: the reading.
        excess: (patches, *grid), how much more cells answer than to every patch.
        centres: (patches, axes), where the patches are along the axes of the grid.
    """

    reading: LayoutReading
    excess: Array
    centres: Array

    @cached_property
    def variances(self) -> list[float]:
        """The share of the variance of places that each axis of more than one cell explains."""
        return [
            explained_variance(shares, self.centres[:, axis])
            for axis, shares in enumerate(to_shares(self.excess, 2))
            if shares.shape[1] > 1
        ]

    @property
    def trust(self) -> float:
        """The share of the variance of places that the reading explains, along its worst axis."""
        return min(self.variances, default=0.0)

    def is_likely(self, image: tuple[int, ...]) -> bool:
        """Whether positions are places of an image of this size, by this reading.

        Fewer axes than the image has, such as columns, must tell nearly all and be no finer than pixels.
        """
        cells = zip(self.reading.layout.spatial, self.reading.axes, strict=True)
        if len(self.reading.axes) < len(image) and any(count > image[axis] for count, axis in cells):
            return False
        return self.trust >= (PLACES if len(self.reading.axes) == len(image) else _PLACES_OF_FEWER)

    @property
    def score(self) -> float:
        """How well it tells places apart: the more axes, and the better along each, the higher."""
        return -sum(math.log1p(-min(variance, 0.9999)) for variance in self.variances)


def guess_layout(call: LayerCall) -> Layout:
    """The layout that shapes and names suggest, or channels last."""
    return call.layout or Layout(CHANNELS_LAST, call.shape[1:-1], call.shape[-1])


def place(graph: Graph, call: LayerCall, changes: Changes, doubt: Doubt) -> tuple[Layout, Placement]:
    """The layout of a layer's output, and where its cells lie.

    Args:
        graph: of the model.
        call: of the layer.
        changes: how it answers.
        doubt: what shapes leave open; but for `"whether"` the layout is known.
    """
    image, guess = graph.image, guess_layout(call)
    assert image is not None
    if not np.isfinite(changes.differences).all():
        note = "where its cells look could not be measured: it gave NaN or infinity on pictures of noise"
        return guess, replace(stretch(guess.spatial, image), note=note)
    grids = [other.layout.spatial for other in graph.calls[: call.number] if other.layout]
    readings = list_readings(call.shape, image, guess, [grid for grid in grids[::-1] if grid != image])
    if doubt != "whether":
        readings = readings[:1]
    answers = [found for reading in readings if (found := _answer(reading, changes, doubt)) is not None]
    likely = [found for found in answers if found.is_likely(image)]
    if likely:
        scores = [found.score + _PREFERENCE * (found.reading is readings[0]) for found in likely]
        best = likely[int(np.argmax(scores))]
        return best.reading.layout, _fit(best, image, changes)
    trust = max((found.trust for found in answers), default=0.0)
    if doubt != "whether":
        note = "its cells hardly tell places apart, so they are stretched over the image"
        axes = dict(zip(readings[0].axes, guess.spatial, strict=True))
        stretched = tuple(stretch_axis(axes[axis], 0, side) for axis, side in enumerate(image))
        return guess, Placement(image, stretched, trust=trust, note=note)
    spatial = call.shape[1:-1]
    how = "each answers to patches anywhere" if answers else "they answer to too few changes of noise"
    how = how if readings else f"there is no reading of {len(spatial)} axes as those of the image"
    obstacle = (
        f"the {math.prod(spatial)} positions of {graph.name(call)!r} are no places of the image: {how}; use "
        "`values`, or choose an earlier layer"
    )
    return Layout(CHANNELS_LAST, spatial, call.shape[-1]), no_picture(spatial, image, obstacle, trust)


def _answer(reading: LayoutReading, changes: Changes, doubt: Doubt) -> _Answers | None:
    """What a reading makes of the changes; None where too few patches are answered."""
    values = reading.layout.channels_last(changes.differences, np)
    strengths = np.sqrt((values.astype("float64") ** 2).sum(axis=-1))
    # Convolutions mix no places that lie apart; other layers may mix all.
    excess = (
        find_excess(strengths) if doubt == "whether" else strengths - strengths.min(axis=0, keepdims=True)
    )
    most = excess.reshape(len(excess), -1).max(axis=1)
    answered = most > 1e-6 * most.max()
    if answered.sum() < min(_FEWEST, len(answered)):
        return None
    return _Answers(reading, excess[answered], changes.patches.centres[answered][:, list(reading.axes)])


def _fit(answers: _Answers, image: tuple[int, ...], changes: Changes) -> Placement:
    """The placement by a reading whose positions are places."""
    axes: list[AxisPlacement | None] = [None] * len(image)
    vague, moved = False, False
    for number, axis in enumerate(answers.reading.axes):
        axes[axis], unsure = _fit_axis(answers, number, image[axis], *changes.seen[axis])
        vague |= unsure
        moved |= axes[axis] != stretch_axis(answers.excess.shape[1 + number], 0, image[axis])
    note = ""
    if vague:
        note = "its cells answer to wide parts of the image, so they are stretched over what is seen"
    elif answers.trust < _LOW_TRUST:
        note = (
            f"where its cells look is little trusted ({answers.trust:.2f}): they know much of the whole image"
        )
    whole = tuple((0, side) for side in image)
    seen = () if changes.seen == whole else changes.seen
    kind: PlacementKind = "measured" if moved or seen else "stretched"
    return Placement(image, tuple(axes), kind, seen, answers.trust, note)


def _fit_axis(
    answers: _Answers, number: int, side: int, low: float, high: float
) -> tuple[AxisPlacement, bool]:
    """Cells along one axis, and whether it is too vague where they lie, so that they are stretched."""
    sharper, centres = to_shares(answers.excess, 2)[number], answers.centres[:, number]
    cells = sharper.shape[1]
    if cells == 1:
        return stretch_axis(1, low, high), False
    backwards = bool(np.cov(sharper @ np.arange(cells), centres)[0, 1] < 0)
    stretched = stretch_axis(cells, low, high, backwards)
    width = width_in_cells(to_shares(answers.excess, 1)[number])
    shares = to_shares(answers.excess, 1 + sum(width > limit for limit in _WIDTHS))[number]
    whole = fit_axis(shares, centres, low, high)
    ends = np.array([whole.start, whole.start + (cells - 1) * whole.step])
    errors = _standard_errors(shares, centres, low, high) / abs(stretched.step)
    apart = np.abs(ends - stretched.centres[[0, -1]]) / abs(stretched.step)
    if (apart < np.maximum(_NEAR_IF_WIDE if width > _WIDTHS[1] else _NEAR, 2 * errors)).all():
        return stretched, False
    if errors.max() > _VAGUE * max(1.0, width) or not 0.2 < whole.step / stretched.step < 5:
        return stretched, True
    return _round(whole, stretched, side, float(errors.max() * abs(stretched.step))), False


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


def _round(found: AxisFit, stretched: AxisPlacement, side: int, error: float) -> AxisPlacement:
    """The step of stretched cells, else whole pixels, and half ones at the start, where errors allow it."""
    half = (stretched.cells - 1) / 2
    start, step = found
    whole = math.copysign(side / stretched.cells, step)
    near = _NEAR * abs(whole)
    steps = ((stretched.step, near), (whole, near), (float(round(step)), max(2 * error, 0.5)))
    likely = [other for other, slack in steps if other and abs(step - other) * half <= slack]
    if likely:
        nearest = min(likely, key=lambda other: abs(step - other))
        start, step = start + (step - nearest) * half, nearest
    return AxisPlacement(stretched.cells, round(2 * start) / 2, float(step))
