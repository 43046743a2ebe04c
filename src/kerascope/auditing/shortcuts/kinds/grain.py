"""What lies finely over the whole picture: noise, traces of compression, a regular texture."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import COMPRESSION, NOISE, SHARPNESS, TEXTURE
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_fine_part
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Noise, edges of blocks, peaks and bands of the spectrum that discriminate a class."""
    return find_qualities(data, (*NOISE, *COMPRESSION, *TEXTURE, *SHARPNESS), _word)


def _word(trait: DiscriminativeTrait) -> tuple[str, str]:
    more = "more" if trait.higher else "less"
    if trait.trait in COMPRESSION:
        return "compression", f"traces of compression ({more} of the edges of blocks)"
    if trait.trait in TEXTURE:
        return "texture", f"a fine regular texture over the picture ({more} of it)"
    return "noise", f"the noise or grain of the picture ({more} of it)"


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the fine part of the picture."""
    return exchange(suspect, interventions, transfer_fine_part)
