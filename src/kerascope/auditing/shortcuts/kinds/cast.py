"""The colour cast of the whole picture: a white balance, a lamp, a filter."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import CAST
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_cast
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Quantiles of red or blue, less the brightness, that discriminate a class."""
    return find_qualities(data, "cast", CAST, _word)


def _word(trait: DiscriminativeTrait) -> str:
    return f"the colour cast of the picture ({'more' if trait.higher else 'less'} {trait.trait})"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Match the colours, and leave the brightness."""
    return exchange(suspect, interventions, transfer_cast)
