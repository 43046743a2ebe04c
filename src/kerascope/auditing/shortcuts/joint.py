"""Causes tried jointly: with one of them removed, does another one still act?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.traits import COLOUR, TRAITS
from kerascope.auditing.shortcuts.discrimination import find_trait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.kinds import KINDS, background, place
from kerascope.auditing.shortcuts.kinds.qualities.quality import is_in_the_middle
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, REMOVE, TrialData
from kerascope.typing import Array

_STILL = 0.5
"""The share of its effect that a cause must keep without another one, to be a cause of its own."""
_PART, _MUCH_LESS = 0.7, 0.7
"""The share of a place that lies in another one, and the share of its effect that a background may have."""
_SMALL, _TEXTURED = 0.15, 0.5
"""The share of the picture up to which a place is small, and how well texture of the background must tell."""
_MOSTLY_GAIN = 0.8
"""The share of the effect of sharpness that stronger detail of the picture itself must have."""
_CLOSE = 0.06
"""Of the side of the picture: what is so close to a place may belong to it."""
_ONLY = 0.1
"""The most effect on images of other classes, for a finding that acts on the images of one class."""


@dataclass(frozen=True, eq=False)
class Tested:
    """A suspect with the outcomes of its trials.

    Args:
        suspect: that was tested.
        outcomes: of its trials; none if it could not be tested.
        reason: why it could not.
        same: suspects that act no more once this one is removed.
        absence: classes that rest on the absence of it.
    """

    suspect: Suspect
    outcomes: Sequence[TrialData]
    reason: str | None = None
    same: tuple[Suspect, ...] = ()
    absence: tuple[int, ...] = ()

    def confirms(self, trials: int) -> bool:
        """Whether predictions follow it."""
        return any(outcome.to_trial(trials).confirms for outcome in self.outcomes)

    @property
    def insertion(self) -> TrialData | None:
        """Its insertion into other images; the stronger one of two."""
        found = [outcome for outcome in self.outcomes if outcome.name == INSERT]
        return max(found, key=lambda outcome: outcome.effect, default=None)

    @property
    def effect(self) -> float:
        """Of its insertion; 0 without one."""
        return 0.0 if self.insertion is None else self.insertion.effect

    @property
    def removal(self) -> TrialData | None:
        """Its removal from images of the class."""
        return next((outcome for outcome in self.outcomes if outcome.name == REMOVE), None)

    @property
    def weight(self) -> float:
        """How much predictions depend on it: by its insertion, and by its removal if there was one."""
        return sum(found.effect for found in (self.insertion, self.removal) if found is not None)


def join_causes(tested: Sequence[Tested], interventions: Interventions) -> list[Tested]:
    """The causes among the confirmed suspects of one class, each with those that are the same.

    Args:
        tested: confirmed suspects of a class.
        interventions: that test them again.

    Cost:
        For each two of them up to 4 forwards for each of 96 images, twice.
    """
    causes: list[Tested] = []
    for new in sorted(tested, key=lambda found: -found.weight):
        for position, cause in enumerate(causes):
            if _is_part(new, cause):
                causes[position] = replace(cause, same=(*cause.same, new.suspect, *new.same))
                break
            ranked = _rank_by_data(new, cause, interventions.data)
            if ranked is None:
                left = _left_without(new, cause, interventions)
                left_of_cause = _left_without(cause, new, interventions)
                if min(left, left_of_cause) >= _STILL:
                    continue
                ranked = (new, cause) if left > left_of_cause else (cause, new)
                if max(left, left_of_cause) < _STILL:
                    ranked = _by_extent(new, cause)
            first, second = ranked
            causes[position] = replace(first, same=(*first.same, second.suspect, *second.same))
            break
        else:
            causes.append(new)
    return causes


def _is_part(new: Tested, cause: Tested) -> bool:
    """Whether a weaker suspect lies where a stronger one does, or is a background with that in it."""
    if new.suspect.region is None or cause.suspect.region is None:
        return False
    wide = _widen(cause.suspect.region)
    if new.suspect.kind == "background":
        return new.effect <= _MUCH_LESS * cause.effect
    return bool((new.suspect.region & wide).sum() >= _PART * new.suspect.region.sum())


def _rank_by_data(new: Tested, cause: Tested, data: AuditData) -> tuple[Tested, Tested] | None:
    """A background, or the colour under a map, and something else, the one first that the data speak for.

    Exchanges cannot tell them apart: a network reads a quality where it is plain to see, on the background.
    It is the quality if the middle of the picture has it, too. Tone varies too much there to tell; it is the
    tone if the background has no texture of its own, which no tone makes.
    """
    by_kind = {found.suspect.kind == "colour": found for found in (new, cause)}
    if len(by_kind) == 2 and by_kind[False].effect >= _STILL * by_kind[True].effect:
        return by_kind[False], by_kind[True]  # where a map lies says less than anything else
    by_kind = {found.suspect.kind == "sharpness": found for found in (new, cause)}
    if len(by_kind) == 2 and by_kind[False].suspect.kind in ("noise", "compression", "texture"):
        # What is made by stronger detail of its own is sharpness; else something lies over the picture.
        sharp, grain = by_kind[True], by_kind[False]
        gain = next(outcome.effect for outcome in sharp.outcomes if outcome.name == INSERT)
        is_gain = sharp.suspect.details["trait"].higher and gain >= _MOSTLY_GAIN * sharp.effect
        return (sharp, grain) if is_gain else (grain, sharp)
    by_kind = {found.suspect.kind == "background": found for found in (new, cause)}
    if len(by_kind) < 2 or "columns" not in by_kind[False].suspect.details:
        return None
    whole, behind = by_kind[False], by_kind[True]
    if min(whole.effect, behind.effect) < _STILL * max(whole.effect, behind.effect):
        return (whole, behind) if whole.effect > behind.effect else (behind, whole)
    if whole.suspect.kind == "tone":
        own = data.targets == whole.suspect.label
        texture = find_trait(data.traits[:, COLOUR + 1 :], TRAITS[COLOUR + 1 :], own)
        is_whole = texture is None or not texture.higher or texture.index.low < _TEXTURED
    else:
        is_whole = is_in_the_middle(whole.suspect, data) or background.is_in_the_middle(behind.suspect, data)
    return (whole, behind) if is_whole else (behind, whole)


def _by_extent(new: Tested, cause: Tested) -> tuple[Tested, Tested]:
    """Two suspects neither of which acts without the other: a small or distant place says more.

    Else the larger one of them explains the other.
    """
    small, large = sorted((new, cause), key=lambda found: _extent(found.suspect))
    distant = small.suspect.details.get("distance", 0.0) >= place.DISTANT
    if _extent(small.suspect) <= _SMALL or _extent(large.suspect) < 1 or distant:
        return small, large
    return large, small


def _extent(suspect: Suspect) -> float:
    """The share of the picture that a suspect takes up."""
    if suspect.masks is not None:
        return float(suspect.masks.mean())
    return 1.0 if suspect.region is None else float(suspect.region.mean())


def _left_without(tested: Tested, cause: Tested, interventions: Interventions) -> float:
    """The share of the effect of a suspect that is left where another cause plays no part.

    A quality of the picture is tried outside the place of the other cause; else donors are cleaned of it.
    """
    suspect, removal, insertion = tested.suspect, cause.removal, tested.insertion
    if insertion is None or insertion.effect <= 0:
        return 0.0
    region = cause.suspect.region
    if "columns" in suspect.details and region is not None:
        kept = enlarge(_widen(region), interventions.data.explainer.size)
        suspect = replace(suspect, details={**suspect.details, "kept": kept})
    elif removal is None or removal.cleaned is None or len(removal.cleaned) < FEWEST:
        return 1.0  # nothing can be said
    else:
        interventions = interventions.with_own(suspect.label, removal.cleaned)
    outcomes = KINDS[suspect.kind].intervene(suspect, interventions)
    effects = [outcome.effect for outcome in outcomes if outcome.name == INSERT]
    return max(effects) / insertion.effect if effects else 1.0


def _widen(region: Array) -> Array:
    """A place with what is close to it, since it may be found in part."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(region, iterations=max(1, round(_CLOSE * max(region.shape)))))


def join_absences(causes: Sequence[Tested], interventions: Interventions) -> list[Tested]:
    """Causes of all classes, without those that are the absence of another one's cause.

    A finding that turns the images of one class alone, which has a stronger cause of its own, turns them
    because it takes that cause away.
    """
    predictions = interventions.data.columns["prediction"]
    kept = sorted(causes, key=lambda found: -found.weight)
    position = 0
    while position < len(kept):
        own = kept[position]
        cause = next((cause for cause in kept[:position] if _is_absence(own, cause, predictions)), None)
        if cause is None:
            position += 1
            continue
        absence = tuple(dict.fromkeys((*cause.absence, own.suspect.label)))
        kept[kept.index(cause)] = replace(cause, absence=absence)
        del kept[position]
    return kept


def _is_absence(own: Tested, cause: Tested, predictions: Array) -> bool:
    insertion = own.insertion
    if own.suspect.label == cause.suspect.label or insertion is None or insertion.rows is None:
        return False
    of_cause = predictions[insertion.rows] == cause.suspect.label
    gain = insertion.hits.astype(float) - insertion.controls
    if not of_cause.any() or gain[of_cause].mean() < _ONLY:
        return False
    if (~of_cause).sum() < FEWEST:
        return own.suspect.kind == cause.suspect.kind
    return bool(gain[~of_cause].mean() < _ONLY)
