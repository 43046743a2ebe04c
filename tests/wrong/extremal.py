"""Optimised masks gone wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import kerascope as ks
from kerascope.method import extremal
from kerascope.probe import Answer, Probe


@dataclass(frozen=True)
class Few(ks.ExtremalPerturbation):
    """What stands for `ExtremalPerturbation` here. Nothing is wrong with it."""

    cells: int = 8
    steps: int = 20


@dataclass(frozen=True)
class Downhill(Few):
    """Preserving goes the way of deleting: the mask keeps what matters least."""

    def explored(self, probe: Probe, first: Answer, pictures: Any) -> Answer:
        found = super().explored(probe, first, pictures)
        assert found.values is not None
        return replace(found, values=1 - found.values)


@dataclass(frozen=True)
class NoArea(Few):
    """The area does not count: the mask grows over all that helps."""

    area_weight: float = 1e-9


@dataclass(frozen=True)
class OneScaleForAll(Few):
    """Gradients are divided by the largest of the batch: a mask depends on the neighbours."""

    def explored(self, probe: Probe, first: Answer, pictures: Any) -> Answer:
        class Together(extremal.Climb):
            def step(self, ask: Any) -> bool:
                alive = super().step(ask)
                self._largest = np.full_like(self._largest, self._largest.max())
                return alive

        own, extremal.Climb = extremal.Climb, Together  # type: ignore[misc]
        try:
            return super().explored(probe, first, pictures)
        finally:
            extremal.Climb = own  # type: ignore[misc]


WRONG = [
    (Downhill, "oracle"),
    (Downhill, "planted_evidence"),
    (Downhill, "identities"),
    (NoArea, "oracle"),
    (NoArea, "identities"),
    (OneScaleForAll, "batch"),
]
