"""The tone of the whole picture: an offset, a gamma, a contrast, as of another camera or scanner."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import TONE
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_tone
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Quantiles of the brightness that discriminate a class."""
    found: dict[int, Suspect] = {}
    # Brighter even in its dark parts, or darker even in its light ones; else it shows something else.
    for names, higher in ((TONE[:4], True), (TONE[3:], False)):
        for suspect in find_qualities(data, "tone", names, _word):
            if suspect.details["trait"].higher == higher:
                found.setdefault(suspect.label, suspect)
    return list(found.values())


def _word(trait: DiscriminativeTrait) -> str:
    verb = "is" if trait.trait.endswith("half") else "are"
    return f"the tone of the picture ({trait.trait} {verb} {'brighter' if trait.higher else 'darker'})"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Match the histograms of brightness."""
    return exchange(suspect, interventions, transfer_tone)
