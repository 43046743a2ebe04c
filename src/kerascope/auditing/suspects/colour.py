"""Colours or brightness of the whole picture that predict the class: a tint, a time of day, a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascope.auditing.finding import BRING, TAKE_AWAY, Outcome, Suspect
from kerascope.auditing.laboratory import Cause, Laboratory, Sample
from kerascope.auditing.material import Material
from kerascope.auditing.suspects.background import having, telling
from kerascope.auditing.traits import COLOUR, TRAITS

Array = np.ndarray[Any, Any]


CONTRAST = "the contrast alone"


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Colours of the picture, or of what is looked at, that tell images of a class from others."""
    suspects = []
    for label in material.classes:
        for place, where in ((0, "the picture"), (2, "what is looked at")):
            best = telling(material, label, place, TRAITS[:COLOUR])
            if best is None:
                continue
            evidence = f"how well {best.trait} of {where} tells the class (Youden's index)"
            suspects.append(
                Suspect(
                    "colour",
                    label,
                    f"the colours of {where} ({best.trait} is {best.side})",
                    {evidence: best.measured},
                    best.measured.low,
                    details={"telling": best, "place": place},
                )
            )
            break
    return suspects


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The mean of each channel is brought from images of the class to others, as light or dark glass would.

    With p from 0, black, to 1, white, and means m of the image and n of the other one,

        p n / m                        where the other is darker
        1 - (1 - p) (1 - n) / (1 - m)  where it is lighter

    so that nothing is cut off. The control has the same contrast, and its own mean: m + (p - m) n / m, and
    likewise: what is lost with the contrast does not count.
    """
    label = suspect.label
    own, others = laboratory.own(label), laboratory.others(label)
    if not len(own) or not len(others):
        return []
    own = own.taken(
        having(laboratory.material, own.places, suspect.details["place"], suspect.details["telling"])
    )
    colours = _means(laboratory, own, laboratory.caused(label, own))
    strangers = _means(laboratory, others, laboratory.rested_on(others))
    given = colours[np.arange(len(others)) % len(own)]
    brought, control = _tinted(laboratory, others, strangers, given)
    found = [laboratory.outcome(BRING, label, others, brought, control, CONTRAST)]
    taken, control = _tinted(laboratory, own, colours, strangers[np.arange(len(own)) % len(others)])
    return [*found, laboratory.outcome(TAKE_AWAY, label, own, taken, control, CONTRAST)]


def _means(laboratory: Laboratory, sample: Sample, without: Array) -> Array:
    """The mean of each channel, (n, C), 0 to 1, without what was confirmed already."""
    weights = (~without).astype("float32")[..., None]
    total = np.maximum(weights.sum(axis=(1, 2)), 1)
    return np.asarray((laboratory.from_black_to_white(sample.images) * weights).sum(axis=(1, 2)) / total)


def _tinted(laboratory: Laboratory, sample: Sample, old: Array, new: Array) -> tuple[Array, Array]:
    """Images with other means, and their control."""
    images = laboratory.from_black_to_white(sample.images)
    low, high = np.clip(old, 0.01, 0.99)[:, None, None], np.clip(new, 0.01, 0.99)[:, None, None]
    gain = np.where(high < low, high / low, (1 - high) / (1 - low))
    tinted = np.where(high < low, images * gain, 1 - (1 - images) * gain)
    return laboratory.as_given(tinted), laboratory.as_given(low + (images - low) * gain)


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: it is everywhere."""
    return None
