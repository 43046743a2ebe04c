"""Two classes with relevance at the same place at the border, though their objects differ: a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.kinds import place
from kerascope.auditing.shortcuts.trial import TrialData
from kerascope.typing import Array

ALIKE = 0.9
"""The correlation of mean maps from which on two classes agree."""
MOST = 5
"""The most pairs that are suspected."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Pairs of classes that are suspected of the same place, with mean maps that correlate by 0.9 or more."""
    by_place: dict[str, list[Suspect]] = {}
    for suspect in suspects:
        if suspect.kind == "place":
            by_place.setdefault(suspect.what, []).append(suspect)
    pairs = []
    for what, candidates in by_place.items():
        for first, second in combinations(candidates, 2):
            correlation = _correlation(data, first.label, second.label)
            if correlation.value < ALIKE:
                continue
            assert first.region is not None
            assert second.region is not None
            pairs.append(
                replace(
                    first,
                    kind="pair",
                    what=f"{what}, both",
                    evidence={**first.evidence, "correlation of their mean maps": correlation},
                    strength=min(first.strength, second.strength),
                    region=first.region | second.region,
                    partner=second.label,
                )
            )
    pairs.sort(key=lambda suspect: -suspect.strength)
    return pairs[:MOST]


def _correlation(data: AuditData, first: int, second: int) -> Estimate:
    """Of the mean maps of two classes, with an interval over resampled images."""
    generator = np.random.default_rng([data.seed, first, second])
    positions = [data.positions[data.members(label)].reshape(-1, 64) for label in (first, second)]

    def correlate(samples: list[Array]) -> float:
        means = [sample.mean(axis=0) for sample in samples]
        if any(mean.std() == 0 for mean in means):
            return 0.0
        return float(np.corrcoef(*means)[0, 1])

    resamples = [
        correlate([own[generator.integers(0, len(own), len(own))] for own in positions]) for _ in range(200)
    ]
    low, high = np.quantile(resamples, [0.025, 0.975])
    return Estimate(correlate(positions), float(low), float(high), 0.0)


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Insert the region of each class into images of the other."""
    assert suspect.partner is not None
    return [
        outcome
        for label, partner in ((suspect.label, suspect.partner), (suspect.partner, suspect.label))
        for outcome in place.intervene(replace(suspect, label=label, partner=partner), interventions)
    ]
