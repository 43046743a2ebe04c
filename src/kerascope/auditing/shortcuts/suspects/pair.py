"""Two classes that look at the same place at the border, though their objects differ: a code is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory
from kerascope.auditing.shortcuts.suspects import place
from kerascope.typing import Array

ALIKE = 0.9
"""The correlation of mean maps from which on two classes agree."""
MOST = 5
"""The most pairs that are suspected."""


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Pairs of classes that are suspected of the same place, with mean maps that correlate by 0.9 or more."""
    by_place: dict[str, list[Suspect]] = {}
    for suspect in found:
        if suspect.kind == "place":
            by_place.setdefault(suspect.what, []).append(suspect)
    pairs = []
    for what, suspects in by_place.items():
        for one, two in combinations(suspects, 2):
            alike = _correlation(material, one.label, two.label)
            if alike.value < ALIKE:
                continue
            assert one.region is not None
            assert two.region is not None
            pairs.append(
                replace(
                    one,
                    kind="pair",
                    what=f"{what}, both",
                    evidence={**one.evidence, "correlation of their mean maps": alike},
                    strength=min(one.strength, two.strength),
                    region=one.region | two.region,
                    partner=two.label,
                )
            )
    pairs.sort(key=lambda suspect: -suspect.strength)
    return pairs[:MOST]


def _correlation(material: Material, one: int, two: int) -> Measured:
    """Of the mean maps of two classes, with an interval over resampled images."""
    generator = np.random.default_rng([material.seed, one, two])
    members = [material.positions[material.members(label)].reshape(-1, 64) for label in (one, two)]

    def alike(samples: list[Array]) -> float:
        means = [sample.mean(axis=0) for sample in samples]
        if any(mean.std() == 0 for mean in means):
            return 0.0
        return float(np.corrcoef(*means)[0, 1])

    drawn = [alike([one[generator.integers(0, len(one), len(one))] for one in members]) for _ in range(200)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measured(alike(members), float(low), float(high), 0.0)


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The region of each class is brought to the other."""
    assert suspect.partner is not None
    return [
        outcome
        for label, partner in ((suspect.label, suspect.partner), (suspect.partner, suspect.label))
        for outcome in place.trials(replace(suspect, label=label, partner=partner), laboratory)
    ]


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: each of the two classes has a suspect of its own."""
    return None
