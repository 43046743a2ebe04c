"""The sharpness of the whole picture: blurred, sharpened, or enlarged from a lower resolution."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import SHARPNESS
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_sharpness
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Bands of the spectrum, and the strength of edges, that discriminate a class."""
    return find_qualities(data, SHARPNESS, _word)


def _word(trait: DiscriminativeTrait) -> tuple[str, str]:
    why = (
        "more fine detail, as after sharpening"
        if trait.higher
        else "less fine detail, as after a blur or enlarging"
    )
    return "sharpness", f"the sharpness of the picture ({why})"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Make the picture's own detail as strong as in the other class."""
    return exchange(suspect, interventions, transfer_sharpness)
