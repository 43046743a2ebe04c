"""The colour cast of the whole picture: a white balance, a lamp, a filter."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import CAST
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_cast
from kerascope.auditing.shortcuts.kinds.qualities.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Red or blue that discriminates a class even where there is least of it, or most.

    A cast is everywhere; what is red in one place only is red itself.
    """
    found: dict[int, Suspect] = {}
    for least, higher in ((True, True), (False, False)):
        names = [name for name in CAST if name.endswith("least") == least]
        for suspect in find_qualities(data, "cast", names, _word):
            if suspect.details["trait"].higher == higher:
                found.setdefault(suspect.label, suspect)
    return list(found.values())


def _word(trait: DiscriminativeTrait) -> str:
    return f"the colour cast of the picture ({'more' if trait.higher else 'less'} {trait.trait})"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Match the colours, and leave the brightness."""
    return exchange(suspect, interventions, transfer_cast)
