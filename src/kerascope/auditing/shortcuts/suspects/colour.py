"""Colours or brightness of the whole picture that predict the class: a tint, a time of day, a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import BRING, LEAST_OF_GUESS, TAKE_AWAY, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory, Sample
from kerascope.auditing.shortcuts.suspects.background import Telling, having, telling
from kerascope.auditing.traits import BACKGROUND, COLOUR, LOOKED_AT, PICTURE, TRAITS, margin
from kerascope.typing import Array

CONTRAST = "the contrast alone"


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Colours that tell a class from others: of the picture and its background, or of what is looked at."""
    suspects = []
    for label in material.classes:
        for place, where in ((PICTURE, "the picture"), (LOOKED_AT, "what is looked at")):
            best = telling(material, label, place, TRAITS[:COLOUR])
            # A colour that the background has not is that of the object.
            if best is None or (place == PICTURE and not _everywhere(material, label, best)):
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


def _everywhere(material: Material, label: int, best: Telling) -> bool:
    """Whether the background tells the class by the same trait, to the same side."""
    beside = telling(material, label, BACKGROUND, [best.trait])
    return beside is not None and beside.higher == best.higher


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The colours of the margin are brought from images of the class to others, as by light or dark glass.

    With p from 0, black, to 1, white, and means m of the image and n of the other one,

        p n / m                        where the other is darker
        1 - (1 - p) (1 - n) / (1 - m)  where it is lighter

    so that nothing is cut off. The control has the same contrast, and its own mean: m + (p - m) n / m, and
    likewise: what is lost with the contrast does not count. Of the margin, since a larger object makes a
    picture lighter, too. Where the colours are those of what is looked at, means are taken and the glass lies
    under the map alone.
    """
    label = suspect.label
    own, others = laboratory.own(label), laboratory.others(label, steady=True)
    if not len(own) or not len(others):
        return []
    own = own.taken(
        having(laboratory.material, own.places, suspect.details["place"], suspect.details["telling"])
    )
    everywhere = suspect.details["place"] == PICTURE
    colours = _means(laboratory, own, laboratory.caused(label, own), everywhere)
    strangers = _means(laboratory, others, laboratory.rested_on(others), everywhere)
    given = colours[np.arange(len(others)) % len(own)]
    brought, control = _tinted(laboratory, others, strangers, given, everywhere)
    found = [laboratory.outcome(BRING, label, others, brought, control, CONTRAST)]
    given = strangers[np.arange(len(own)) % len(others)]
    taken, control = _tinted(laboratory, own, colours, given, everywhere)
    found.append(laboratory.outcome(TAKE_AWAY, label, own, taken, control, CONTRAST))
    # Under a map lie parts of the object, whose colours may be what the class is about.
    return found if everywhere else [replace(one, least=LEAST_OF_GUESS) for one in found]


def _means(laboratory: Laboratory, sample: Sample, without: Array, everywhere: bool) -> Array:
    """The mean of each channel, (n, C), 0 to 1, of the margin or under the map, less what was confirmed."""
    counted = margin(*without.shape[1:]) if everywhere else laboratory.maps(sample)
    weights = (counted * ~without)[..., None].astype("float32")
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-6)
    return np.asarray((laboratory.from_black_to_white(sample.images) * weights).sum(axis=(1, 2)) / total)


def _tinted(
    laboratory: Laboratory, sample: Sample, old: Array, new: Array, everywhere: bool
) -> tuple[Array, Array]:
    """Images behind glass, and their control."""
    images = laboratory.from_black_to_white(sample.images)
    low, high = np.clip(old, 0.01, 0.99)[:, None, None], np.clip(new, 0.01, 0.99)[:, None, None]
    gain = np.where(high < low, high / low, (1 - high) / (1 - low))
    tinted = np.where(high < low, images * gain, 1 - (1 - images) * gain)
    faded = low + (images - low) * gain
    if not everywhere:
        maps = laboratory.maps(sample)[..., None]
        tinted, faded = (images + maps * (one - images) for one in (tinted, faded))
    return laboratory.as_given(tinted), laboratory.as_given(faded)


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: it is everywhere."""
    return None
