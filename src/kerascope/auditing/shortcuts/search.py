"""The search for shortcuts: suspects of every kind, tried one after the other, and judged together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import BRING, TOO_FEW, Finding, Outcome, Suspect, ranked
from kerascope.auditing.shortcuts.interventions import Laboratory
from kerascope.auditing.shortcuts.regions import enlarged
from kerascope.auditing.shortcuts.suspects import KINDS
from kerascope.typing import Array

MOST = 6
"""The most suspects of a class that are tried; the others are untested."""
_EXAMPLES = 6


def search(
    material: Material, laboratory: Laboratory, advance: Callable[[int], None] | None = None
) -> list[Finding]:
    """What a model rests on though it should not: found, tried, and ranked.

    Suspects are tried in the order of `KINDS`; what was confirmed is left out of the regions of those that
    are tried after it, so that a mark in a corner does not make the background guilty, too.

    Args:
        material: of the audit.
        laboratory: where they are tried.
        advance: called with 1 when a kind is done.

    Cost:
        No forwards to find suspects; up to 4 forwards for each of up to 96 images for each that is tried.
    """
    suspects: list[Suspect] = []
    for room in KINDS.values():
        suspects += room.find(material, suspects)
    tried: list[tuple[Suspect, list[Outcome], str | None]] = []
    counts: Counter[int] = Counter()
    for kind in KINDS:
        # The most suspicious first, since victims of later ones must not rest on what it is about.
        for suspect in sorted(suspects, key=lambda one: -one.strength):
            if suspect.kind != kind or _explained(suspect, laboratory):
                continue
            counts[suspect.label] += 1
            if counts[suspect.label] > MOST:
                tried.append((suspect, [], f"only {MOST} suspects of a class are tried"))
                continue
            outcomes = KINDS[kind].trials(suspect, laboratory)
            tried.append((suspect, outcomes, None if outcomes else TOO_FEW))
            # Judged as one of all suspects: it is better to leave out too little.
            if any(outcome.judged(len(suspects)).confirms for outcome in outcomes):
                where = KINDS[kind].cause(suspect, material)
                if where is None:
                    laboratory.resting.add(suspect.label)
                else:
                    laboratory.causes.setdefault(suspect.label, []).append(where)
        if advance is not None:
            advance(1)
    count = sum(outcome.name == BRING for _, outcomes, _ in tried for outcome in outcomes)
    return ranked(
        [_finding(suspect, material, reason).judged(outcomes, count) for suspect, outcomes, reason in tried]
    )


def _explained(suspect: Suspect, laboratory: Laboratory) -> bool:
    """Whether the place of a suspect is that of one that was confirmed, and it has no pixels of its own."""
    if suspect.region is None or suspect.places is not None:
        return False
    size = laboratory.material.explainer.size
    region = enlarged(suspect.region, size)
    usual = np.zeros(size, bool)
    for cause in laboratory.causes.get(suspect.label, ()):
        usual |= cause(np.asarray([-1]))[0]
    return bool((region & usual).sum() > 0.7 * region.sum())


def _finding(suspect: Suspect, material: Material, reason: str | None) -> Finding:
    members = material.members(suspect.label)
    images = _examples(suspect, material)
    share = 1.0
    if suspect.kind == "patch":
        share = next(iter(suspect.evidence.values())).value
    elif suspect.images is not None:
        share = len(suspect.images) / max(len(members), 1)
    boxes = {}
    if suspect.places is not None and suspect.images is not None:
        for image, mask in zip(suspect.images.tolist(), suspect.places, strict=True):
            boxes[int(material.columns["index"][image])] = _box(mask)
    return Finding(
        suspect.kind,
        suspect.label,
        material.name(suspect.label),
        suspect.what,
        "untested",
        (),
        suspect.evidence,
        share,
        suspect.region,
        suspect.patch,
        None if suspect.partner is None else material.name(suspect.partner),
        tuple(material.columns["index"][images].tolist()),
        boxes,
        reason,
    )


def _examples(suspect: Suspect, material: Material) -> Array:
    """Images that show a suspect: that have the patch, or look into the region most."""
    from kerascope.auditing.shortcuts.suspects.place import most_there

    if suspect.images is not None:
        return suspect.images[:_EXAMPLES]
    gallery = material.gallery
    own = gallery.chosen(material.targets[gallery.places] == suspect.label)
    if suspect.region is None:
        return own.places[:_EXAMPLES]
    return own.places[most_there(own, suspect.region)][:_EXAMPLES]


def _box(mask: Array) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    height, width = mask.shape
    return (
        rows.min() / height,
        columns.min() / width,
        (rows.max() + 1) / height,
        (columns.max() + 1) / width,
    )
