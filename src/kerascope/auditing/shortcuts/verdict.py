"""The verdict on a confirmed finding: is it a shortcut, or may it be the object itself?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.kinds import background, place
from kerascope.auditing.shortcuts.kinds.colour import OBJECT
from kerascope.auditing.shortcuts.kinds.qualities.quality import is_in_the_middle
from kerascope.auditing.shortcuts.kinds.qualities.style import FEATURES
from kerascope.auditing.shortcuts.presence import Presence
from kerascope.auditing.shortcuts.trial import INSERT, REMOVE, Trial
from kerascope.typing import Array

TELLS = 0.6
"""A shortcut tells the class by itself: the lower end of Youden's index."""
FOLLOWS = 0.25
"""The lower end of the effect of its insertion into other images."""
HARDLY = 0.2
"""A quality that the middle tells the class by a smaller share as well is no quality of the whole picture."""
_EVERYWHERE = ("sharpness", "noise", "compression")
DECIDES = 0.9
"""The effect of insertion and removal from which on a background leaves nothing for the object to decide."""
SURE, SURELY_FOLLOWS = 0.75, 1.1
"""The first of these, and the sum of both, from which on a model may know the object as well."""
NEEDED = 0.5
"""What its removal must turn of the images of the class, beyond the control."""
_CONTRADICTS = 1 / 3
"""Where a smaller share of other images that have it is taken for the class, more than it is needed."""
_ENOUGH, _NOT_BY_CHANCE = 8, 0.15
"""The fewest of such images, and as a share of the class: a few are taken to have it by chance."""
_COVERED, _FREE = 0.5, 0.2
"""The shares of a place that lie on the object, from which on it is the object, and up to which it is not."""


def weigh(
    suspect: Suspect, trials: Sequence[Trial], presence: Presence | None, data: AuditData
) -> tuple[list[str], list[str]]:
    """Why a confirmed suspect may be the object, and why it is a shortcut, in clauses.

    It is a shortcut where nothing speaks for the object: where masks of the objects are known, it must lie
    outside; else its removal must turn images of the class, too, it must tell the class by itself, and the
    images of other classes that have it must not contradict.
    """
    if suspect.kind in ("companion", "outside", "pair"):
        return [], [_OF_KIND[suspect.kind]]
    covered = _covered_share(suspect, data)
    if covered is not None and covered <= _FREE:
        return [], [f"{1 - covered:.0%} of it lies outside the objects, by their masks"]
    objections: list[str] = []
    support: list[str] = []
    if suspect.kind in _ALWAYS_EVIDENCE:
        objections.append(_ALWAYS_EVIDENCE[suspect.kind])
    if covered is not None and covered >= _COVERED:
        objections.append(f"{covered:.0%} of it lies on the objects, by their masks")
    insertion = max((trial.low for trial in trials if trial.name == INSERT), default=-1.0)
    if insertion < FOLLOWS:
        objections.append("it turns few of the other images")
    removal = max(
        (trial for trial in trials if trial.name == REMOVE), key=lambda trial: trial.effect, default=None
    )
    inserted = max((trial.effect for trial in trials if trial.name == INSERT), default=0.0)
    decides = removal is not None and min(inserted, removal.effect) >= DECIDES
    # Objects stay where they are: if nearly all images follow the background, no object plays a part.
    if suspect.kind == "background" and not decides and background.is_in_the_middle(suspect, data):
        objections.append("the middle of the picture differs from other classes in the same way")
    if suspect.kind in _EVERYWHERE and not is_in_the_middle(suspect, data, HARDLY):
        objections.append("the middle of the picture hardly has it: it may be something in one place")
    if suspect.kind == "place" and suspect.details["distance"] < place.DISTANT:
        objections.append("other classes have such pixels there, too")
    if presence is not None:
        _weigh_presence(suspect, presence, data, objections, support)
    if removal is not None:
        turned = f"without it {removal.changed:.0%} of the class's images turn away"
        clause = f"{turned} (control {removal.control:.0%})"
        # What alone tells the class for sure, and turns other images, is no part of what else is recognised.
        sure = (
            suspect.kind != "background"
            # Of two classes one has less of a quality as the other has more.
            and (len(data.classes) > 2 or "columns" not in suspect.details)
            and presence is not None
            and presence.tells.low >= SURE
            and presence.tells.low + insertion >= SURELY_FOLLOWS
        )
        if removal.effect >= NEEDED:
            support.append(clause)
        elif not sure:
            objections.append(clause)
    return objections, support


_ALWAYS_EVIDENCE = {"colour": OBJECT, "style": FEATURES}
_OF_KIND = {
    "companion": "the label that goes along with it is known",
    "outside": "it lies outside the objects, by their masks",
    "pair": "two classes that differ share the place",
}


def _weigh_presence(
    suspect: Suspect, presence: Presence, data: AuditData, objections: list[str], support: list[str]
) -> None:
    tells = presence.tells
    clause = (
        f"by itself it tells the class at {tells.value:.2f} of 1 (Youden's index, {tells.low:.2f} at least)"
    )
    (support if tells.low >= TELLS else objections).append(clause)
    (taken, others), (kept, without) = presence.counterexamples(data.columns["prediction"], suspect.label)
    enough = max(_ENOUGH, _NOT_BY_CHANCE * presence.own.sum())
    if others >= enough and taken < _CONTRADICTS * others:
        objections.append(
            f"of {others} images of other classes that have it, only {taken} are taken for the class"
        )
    elif others >= enough:
        support.append(f"of {others} images of other classes that have it, {taken} are taken for the class")
    if without >= _ENOUGH and kept < without / 2:
        support.append(f"of {without} images of the class without it, {kept} are recognised")


def _covered_share(suspect: Suspect, data: AuditData) -> float | None:
    """The share of a place that lies on objects; None without masks or a place."""
    if data.objects is None or suspect.region is None:
        return None
    shares = []
    for row, prepared in data.prepare_images(data.sample(data.members(suspect.label), 32, salt=12)):
        assert prepared.frame is not None
        inside = data.objects.inside(prepared.item, prepared.frame, data.explainer.size)
        if inside is not None:
            shares.append(inside[_place_in(suspect, row, inside.shape)].mean())
    return float(np.mean(shares)) if shares else None


def _place_in(suspect: Suspect, row: int, size: tuple[int, int]) -> Array:
    """Where a suspect lies in an image: bool (H, W)."""
    assert suspect.region is not None
    mask = suspect.region
    if suspect.masks is not None and suspect.rows is not None:
        own = np.flatnonzero(suspect.rows == row)
        mask = suspect.masks[own[0]] if len(own) else mask
    return enlarge(mask, size)
