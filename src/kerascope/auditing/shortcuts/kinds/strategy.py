"""An odd strategy: some images of a class, predicted confidently by something else in another place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.kinds.place import exchange_fixed_region
from kerascope.auditing.shortcuts.trial import FEWEST, TrialData

OVERLAP = 0.4
"""The most that two strategies may have of their relevance in the same cells, for one of them to be odd."""
ALIKE = 0.5
"""The largest cosine of their contents."""
CONFIDENT = 0.7
"""The least mean probability of an odd strategy."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Strategies that are confident, and unlike the rest of their class in position and content."""
    found = []
    for label, clusters in data.clusters.items():
        members = data.members(label)
        for cluster in range(1, clusters.count):
            own, rest = members[clusters.numbers == cluster], members[clusters.numbers != cluster]
            probability = data.columns["probability"][own]
            if len(own) < FEWEST or not np.nanmean(probability) >= CONFIDENT:
                continue
            mine, theirs = (data.positions[rows].mean(axis=0) for rows in (own, rest))
            overlap = float(np.minimum(mine, theirs).sum())
            contents = [data.columns["content"][rows].mean(axis=0) for rows in (own, rest)]
            lengths = [np.linalg.norm(content) for content in contents]
            cosine = float(contents[0] @ contents[1] / max(lengths[0] * lengths[1], 1e-9))
            if overlap > OVERLAP or cosine > ALIKE:
                continue
            found.append(
                Suspect(
                    "strategy",
                    label,
                    f"something else in {len(own)} of {len(members)} images",
                    {
                        "probability of the class in these images": Estimate.mean(probability),
                        "relevance in the same cells as the rest": Estimate(overlap, overlap, overlap, 1.0),
                        "likeness of what is looked at": Estimate(cosine, cosine, cosine, 1.0),
                    },
                    1 - overlap,
                    region=enlarge(mine >= mine.max() / 2, data.thumbnails.size),
                    rows=own,
                )
            )
    return found


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the region of the strategy with other classes, in its images."""
    assert suspect.rows is not None
    own = interventions.samples.of_class(suspect.label)
    positions = np.flatnonzero(np.isin(own.rows, suspect.rows))
    if len(positions) < FEWEST:
        return []
    return exchange_fixed_region(suspect, interventions, own.take(positions))
