"""The sharpness of the whole picture: blurred, sharpened, or enlarged from a lower resolution."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import NOISE, SHARPNESS
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_fine_part, transfer_sharpness
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Bands of the spectrum, and the strength of edges, that discriminate a class."""
    return find_qualities(data, "sharpness", (*SHARPNESS, *NOISE), _word)


def _word(trait: DiscriminativeTrait) -> str:
    detail = "more fine detail, as after sharpening"
    if not trait.higher:
        detail = "less fine detail, as after a blur, or enlarged from a lower resolution"
    return f"the sharpness of the picture ({detail})"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Make the picture's own detail as strong as in the class, and exchange its fine part.

    Detail that is there can be made stronger; where the class has less, what is left of it is exchanged.
    """
    outcomes = exchange(suspect, interventions, transfer_fine_part)
    if suspect.details["trait"].higher:
        outcomes = [*exchange(suspect, interventions, transfer_sharpness), *outcomes]
    return outcomes
