"""Which shift of a stretched map shows most: where arithmetic would shift it, every shift is tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.one_pass.questions import Questions
from kerascope.explanation import Explanation
from kerascope.metric.localisation import EnergyPointingGame
from kerascope.placement import Placement
from kerascope.typing import Array

SHIFTS = tuple(np.arange(-4, 5) / 8)
"""In cells, along both axes."""
_APART = 0.25
"""Arithmetic shifts where its centres are so many cells or more from the stretched ones."""


def is_shift(arithmetic: Placement) -> bool:
    """Whether arithmetic moves every stretched cell by the same number of pixels, and far."""
    pairs = [
        (own, plain)
        for own, plain in zip(arithmetic.axes, arithmetic.stretch().axes, strict=True)
        if own is not None and plain is not None
    ]
    return all(
        own.step == plain.step and abs(own.start - plain.start) >= _APART * abs(plain.step)
        for own, plain in pairs
    )


def scan(
    explanation: Explanation, stretched: Placement, questions: Questions
) -> dict[str, list[list[float]]]:
    """For each shift the energy of every image, and its focus where there are quarters."""
    masks = {"energy": questions.masks}
    if questions.tiles is not None:
        masks["focus"] = questions.tiles
    found: dict[str, list[list[float]]] = {name: [] for name in masks}
    for share in SHIFTS:
        axes = tuple(
            None if axis is None else replace(axis, start=axis.start + share * axis.step)
            for axis in stretched.axes
        )
        heatmaps = replace(explanation, placement=replace(stretched, axes=axes)).heatmaps()
        for name, values in found.items():
            values.append([_energy(*pair) for pair in zip(heatmaps, masks[name], strict=True)])
    return found


def _energy(heatmap: Array, mask: Array) -> float:
    value = EnergyPointingGame().score_map(heatmap, mask)
    return 0.0 if np.isnan(value) else value


def best_shift(values: Array) -> float:
    """The top of the parabola through the highest value (shifts,) and its neighbours, in cells."""
    top = int(np.clip(np.argmax(values), 1, len(values) - 2))
    before, at, behind = values[top - 1 : top + 2]
    curve = before - 2 * at + behind
    within = 0.0 if curve >= 0 else float(np.clip((before - behind) / (2 * curve), -1, 1))
    return float(SHIFTS[top] + within * (SHIFTS[1] - SHIFTS[0]))
