"""Colours or brightness of the whole picture that predict the class: a tint, a time of day, a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascope.auditing.finding import BRING, TAKE_AWAY, Outcome, Suspect
from kerascope.auditing.laboratory import SAME_OF_CLASS, SAME_OF_OTHERS, Cause, Laboratory, Sample, turned
from kerascope.auditing.material import Material
from kerascope.auditing.suspects.background import having, telling
from kerascope.auditing.traits import COLOUR, TRAITS

Array = np.ndarray[Any, Any]


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
    """Means and spreads of the colours are transferred between images, as by Reinhard.

    The control is the same transfer from an image of which the class is not, or is, that of the suspect.

    Source:
        Reinhard et al., Color Transfer between Images, 2001, equations 10 and 11; in the space of the model's
        numbers.
    """
    label = suspect.label
    own, others = laboratory.own(label), laboratory.others(label)
    if not len(own) or not len(others):
        return []
    chosen = having(laboratory.material, own.places, suspect.details["place"], suspect.details["telling"])
    own = own.taken(chosen)
    colours = _colours(own, laboratory.caused(label, own))
    strangers = _colours(others, laboratory.rested_on(others))

    to, keep = np.arange(len(others)), np.arange(len(own))
    brought = _transferred(others.images, strangers, colours[to % len(own)])
    control = _transferred(others.images, strangers, strangers[turned(len(others))])
    found = [laboratory.outcome(BRING, label, others, brought, control, SAME_OF_OTHERS)]
    taken = _transferred(own.images, colours, strangers[keep % len(others)])
    control = _transferred(own.images, colours, colours[turned(len(own))])
    return [*found, laboratory.outcome(TAKE_AWAY, label, own, taken, control, SAME_OF_CLASS)]


def _colours(sample: Sample, without: Array) -> Array:
    """Mean and standard deviation of each channel, (n, 2, C), without what was confirmed already."""
    weights = (~without).astype("float32")[..., None]
    total = np.maximum(weights.sum(axis=(1, 2)), 1)
    mean = (sample.images * weights).sum(axis=(1, 2)) / total
    variance = (((sample.images - mean[:, None, None]) ** 2) * weights).sum(axis=(1, 2)) / total
    return np.stack([mean, np.sqrt(variance)], axis=1)


def _transferred(images: Array, old: Array, new: Array) -> Array:
    """Images with other means and spreads, within the range of their numbers."""
    low, high = images.min(), images.max()
    scale = new[:, 1] / np.where(old[:, 1] > 1e-6, old[:, 1], 1)
    moved = (images - old[:, 0][:, None, None]) * scale[:, None, None] + new[:, 0][:, None, None]
    return np.asarray(np.clip(moved, low, high), "float32")


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: it is everywhere."""
    return None
