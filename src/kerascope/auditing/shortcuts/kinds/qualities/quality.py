"""Qualities of the whole picture: how kinds of them are suspected and tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import QUALITIES
from kerascope.auditing.shortcuts.discrimination import AS_WELL, DiscriminativeTrait, find_trait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import Transfer
from kerascope.auditing.shortcuts.trial import LEAST_EFFECT_OF_QUALITY, TrialData
from kerascope.typing import Array

LEAST_INDEX = 0.5
"""The lower end of Youden's index must reach this: classes differ a little in all qualities."""
Wording = Callable[[DiscriminativeTrait], str]
"""From the quality that tells a class best to the words, to follow "class 3 relies on"."""


def find_qualities(data: AuditData, kind: str, names: Sequence[str], word: Wording) -> list[Suspect]:
    """Classes that one of some qualities discriminates from others.

    Args:
        data: of the audit.
        kind: of the suspects.
        names: of the qualities, among `QUALITIES`.
        word: names the suspect.
    """
    columns = [QUALITIES.index(name) for name in names]
    found = []
    for label in data.classes:
        best = find_trait(data.qualities[:, columns], names, data.targets == label)
        if best is None or best.index.low < LEAST_INDEX:
            continue
        evidence = f"how well {best.trait} tells the class (Youden's index)"
        found.append(
            Suspect(
                kind,
                label,
                word(best),
                {evidence: best.index},
                best.index.low,
                details={"trait": best, "columns": columns},
            )
        )
    return found


def is_in_the_middle(suspect: Suspect, data: AuditData, share: float = AS_WELL) -> bool:
    """Whether a quality tells the class in the middle of the picture, too, by a share as well."""
    trait: DiscriminativeTrait = suspect.details["trait"]
    values = data.middle_qualities[:, suspect.details["columns"][trait.column]]
    return trait.holds_in(values, data.targets == suspect.label, share)


def read_amount(suspect: Suspect, data: AuditData, rows: Array) -> Array:
    """How much of a quality some images have, beyond the threshold."""
    trait: DiscriminativeTrait = suspect.details["trait"]
    return trait.amount(data.qualities[rows][:, suspect.details["columns"]])


def exchange(suspect: Suspect, interventions: Interventions, transfer: Transfer) -> list[TrialData]:
    """Exchange a quality with other classes, of the images of the class that have it."""
    label, samples = suspect.label, interventions.samples
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return []
    trait: DiscriminativeTrait = suspect.details["trait"]
    qualities = interventions.data.qualities[own.rows][:, suspect.details["columns"]]
    having, kept = own.take(trait.select(qualities)), suspect.details.get("kept")
    outcomes = interventions.exchange_quality(label, having, others, transfer, kept)
    return [replace(outcome, least=LEAST_EFFECT_OF_QUALITY) for outcome in outcomes]
