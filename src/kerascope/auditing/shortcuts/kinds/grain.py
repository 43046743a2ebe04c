"""What lies finely over the whole picture: noise, traces of compression, a regular texture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.qualities import COMPRESSION, NOISE, TEXTURE
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.transfer import transfer_grain
from kerascope.auditing.shortcuts.quality import exchange, find_qualities
from kerascope.auditing.shortcuts.trial import TrialData

_SURE = 0.5
"""The least lower end of Youden's index for edges of blocks, or a peak of the spectrum, to give the name."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Edges of blocks, else peaks of the spectrum, else noise of the smooth parts that a class has more of.

    A class that has less of them is suspected of its sharpness.
    """
    found: dict[int, Suspect] = {}
    for kind, names, words, least in _KINDS:
        for suspect in find_qualities(data, kind, names, partial(_word, words)):
            trait = suspect.details["trait"]
            if trait.higher and trait.index.low >= least:
                found.setdefault(suspect.label, suspect)
    return list(found.values())


def _word(words: str, trait: DiscriminativeTrait) -> str:
    return words


_KINDS = (
    ("compression", COMPRESSION, "traces of compression (there are edges of blocks)", _SURE),
    ("texture", TEXTURE, "a fine regular texture over the picture", _SURE),
    ("noise", NOISE, "the noise or grain of the picture (there is more of it)", 0.0),
)


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the fine part of the picture."""
    return exchange(suspect, interventions, transfer_grain)
