"""An odd strategy: images of a class, told confidently by something else in another place than others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import FEWEST, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory
from kerascope.auditing.shortcuts.regions import elsewhere, enlarged

OVERLAP = 0.4
"""The most that two strategies may have of their relevance in the same cells, for one of them to be odd."""
ALIKE = 0.5
"""The largest cosine of their contents."""
CONFIDENT = 0.7
"""The least mean probability of an odd strategy."""


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Strategies that are confident and unlike the rest of their class, in where and at what they look."""
    suspects = []
    for label, clusters in material.strategies.items():
        members = material.members(label)
        if clusters.count < 2:
            continue
        for number in range(1, clusters.count):
            own, rest = members[clusters.numbers == number], members[clusters.numbers != number]
            probability = material.columns["probability"][own]
            if len(own) < FEWEST or not np.nanmean(probability) >= CONFIDENT:
                continue
            mine, theirs = (material.positions[places].mean(axis=0) for places in (own, rest))
            overlap = float(np.minimum(mine, theirs).sum())
            contents = [material.columns["content"][places].mean(axis=0) for places in (own, rest)]
            lengths = [np.linalg.norm(one) for one in contents]
            alike = float(contents[0] @ contents[1] / max(lengths[0] * lengths[1], 1e-9))
            if overlap > OVERLAP or alike > ALIKE:
                continue
            region = enlarged(mine >= mine.max() / 2, material.gallery.size)
            suspects.append(
                Suspect(
                    "strategy",
                    label,
                    f"something else in {len(own)} of {len(members)} images",
                    {
                        "probability of the class in these images": Measured.mean(probability),
                        "relevance in the same cells as the rest": Measured(overlap, overlap, overlap, 1.0),
                        "likeness of what is looked at": Measured(alike, alike, alike, 1.0),
                    },
                    1 - overlap,
                    region=region,
                    images=own,
                )
            )
    return suspects


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The region of the strategy is exchanged with other classes, in its images."""
    assert suspect.region is not None
    assert suspect.images is not None
    own = laboratory.own(suspect.label)
    chosen = np.flatnonzero(np.isin(own.places, suspect.images)) if len(own) else np.zeros(0, int)
    if len(chosen) < FEWEST:
        return []
    size = own.images.shape[1:3]
    beside = elsewhere(suspect.region)
    masks = np.broadcast_to(enlarged(suspect.region, size), (len(chosen), *size))
    controls = None if beside is None else np.broadcast_to(enlarged(beside, size), (len(chosen), *size))
    return laboratory.swapped(suspect.label, own.taken(chosen), masks, controls)


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: nothing is tried after it."""
    return None
