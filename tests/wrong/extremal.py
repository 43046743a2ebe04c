"""Masks that are optimised, gone wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope.method.masks import extremal_perturbation
from kerascope.method.masks.extremal_perturbation import ExtremalPerturbation, MaskOptimizer
from kerascope.probe import Answer, AnyProbe


@dataclass(frozen=True)
class WhatIsRemoved(ExtremalPerturbation):
    """The mask is 1 where the baseline is put."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        assert found.values is not None
        return replace(found, values=1 - found.values)


@dataclass(frozen=True)
class OneMaskForAll(ExtremalPerturbation):
    """All classes have the mask of the first one."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        if found.scores.ndim == 1:
            return found
        assert found.values is not None
        return replace(found, values=np.broadcast_to(found.values[:, :1], found.values.shape))


class ScaledTogether(MaskOptimizer):
    """One scale of scores for the whole pass."""

    def begin(self, ask: Any) -> bool:
        alive = super().begin(ask)
        self._scale = np.full_like(self._scale, self._scale.max())
        return alive


@dataclass(frozen=True)
class ScaleOfTheBatch(ExtremalPerturbation):
    """Scores are divided by the largest change of the batch: a mask depends on its neighbours."""

    def optimizer(self, whole: Any, grid: tuple[int, ...]) -> MaskOptimizer:
        return ScaledTogether(self, whole, grid)


class SortedByPosition(MaskOptimizer):
    """Of equal cells, a sort takes the last ones for the ones of r_a."""

    def step(self, number: int, ask: Any) -> bool:
        shared = extremal_perturbation.target_mask
        try:
            extremal_perturbation.target_mask = _by_position
            return super().step(number, ask)
        finally:
            extremal_perturbation.target_mask = shared


def _by_position(masks: Any, area: float) -> Any:
    places = np.argsort(np.argsort(masks, axis=1, kind="stable"), axis=1, kind="stable")
    return (places >= round((1 - area) * masks.shape[1])).astype("float64")


@dataclass(frozen=True)
class Sorted(ExtremalPerturbation):
    """The area is put where cells stand in memory, whatever the score says of them."""

    def optimizer(self, whole: Any, grid: tuple[int, ...]) -> MaskOptimizer:
        return SortedByPosition(self, whole, grid)


@dataclass(frozen=True)
class NoArea(ExtremalPerturbation):
    """The area does not count: the mask grows over all that helps."""

    area_weight: float = 1e-9

    def optimizer(self, whole: Any, grid: tuple[int, ...]) -> MaskOptimizer:
        return MaskOptimizer(replace(self, area_weight=1e-9), whole, grid)


class Restless(MaskOptimizer):
    """The area counts the same from the first step to the last, as if each were the first."""

    def step(self, number: int, ask: Any) -> bool:
        return super().step(0, ask)


@dataclass(frozen=True)
class SameWeight(ExtremalPerturbation):
    """The weight of the area does not grow."""

    def optimizer(self, whole: Any, grid: tuple[int, ...]) -> MaskOptimizer:
        return Restless(self, whole, grid)


class Shown(MaskOptimizer):
    """Masks are shown as they are, also where none of them changes the score."""

    @property
    def final_masks(self) -> Any:
        return self.masks


@dataclass(frozen=True)
class SomethingOfNothing(ExtremalPerturbation):
    """Where the score does not depend on the image, the mask is where the area has pushed it."""

    def optimizer(self, whole: Any, grid: tuple[int, ...]) -> MaskOptimizer:
        return Shown(self, whole, grid)


@dataclass(frozen=True)
class BaselineNotCounted(ExtremalPerturbation):
    """The score of the baseline is asked for, and not told of."""

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return 1 + self.steps


WRONG = [
    (WhatIsRemoved, "planted_evidence"),
    (WhatIsRemoved, "oracle"),
    (OneMaskForAll, "several_classes"),
    (ScaleOfTheBatch, "batch"),
    (Sorted, "identities"),
    (SomethingOfNothing, "flat_maps_are_named"),
    (NoArea, "oracle"),
    (NoArea, "identities"),
    (SameWeight, "oracle"),
    (BaselineNotCounted, "cost"),
]
