"""Colours or brightness of the whole picture that predict the class: a tint, a time of day, a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.traits import BACKGROUND, COLOUR, LOOKED_AT, PICTURE, TRAITS, margin
from kerascope.auditing.shortcuts.controls import CONTRAST
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions import Interventions
from kerascope.auditing.shortcuts.kinds.background import DiscriminativeTrait, find_trait, select_by_trait
from kerascope.auditing.shortcuts.samples import Sample
from kerascope.auditing.shortcuts.trial import INSERT, LEAST_EFFECT_OF_GUESS, REMOVE, TrialData
from kerascope.typing import Array


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Colours that discriminate a class: of the picture and its background, or under the map."""
    found = []
    for label in data.classes:
        for place, where in ((PICTURE, "the picture"), (LOOKED_AT, "what is looked at")):
            best = find_trait(data, label, place, TRAITS[:COLOUR])
            # A colour that the background lacks belongs to the object.
            if best is None or (place == PICTURE and not _is_everywhere(data, label, best)):
                continue
            evidence = f"how well {best.trait} of {where} tells the class (Youden's index)"
            found.append(
                Suspect(
                    "colour",
                    label,
                    f"the colours of {where} ({best.trait} is {best.side})",
                    {evidence: best.index},
                    best.index.low,
                    details={"trait": best, "place": place},
                )
            )
            break
    return found


def _is_everywhere(data: AuditData, label: int, best: DiscriminativeTrait) -> bool:
    """Whether the same trait of the background discriminates the class, to the same side."""
    background = find_trait(data, label, BACKGROUND, [best.trait])
    return background is not None and background.higher == best.higher


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Transfer the colours of the margin from images of the class to others, as by light or dark glass.

    With p from 0, black, to 1, white, and means m of the image and n of the other one,

        p n / m                        where the other is darker
        1 - (1 - p) (1 - n) / (1 - m)  where it is lighter

    so that nothing is cut off. The control has the same contrast, and its own mean: m + (p - m) n / m, and
    likewise: an effect of the contrast alone does not count. Means are taken over the margin, since a larger
    object makes a picture lighter, too. For colours under the map, means are taken and glass is laid under
    the map alone.
    """
    label, samples = suspect.label, interventions.samples
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return []
    place = suspect.details["place"]
    own = own.take(select_by_trait(interventions.data, own.rows, place, suspect.details["trait"]))
    everywhere = place == PICTURE
    own_means = _means(interventions, own, samples.known_region(label, own), everywhere)
    other_means = _means(interventions, others, samples.known_regions(others), everywhere)
    trials = []
    for name, recipients, old, donors in (
        (INSERT, others, other_means, own_means),
        (REMOVE, own, own_means, other_means),
    ):
        new = donors[np.arange(len(recipients)) % len(donors)]
        changed, control = _tint(interventions, recipients, old, new, everywhere)
        trials.append(interventions.measure(name, label, recipients, changed, control, CONTRAST))
    # Under a map lie parts of the object, whose colours may define the class.
    return trials if everywhere else [replace(trial, least=LEAST_EFFECT_OF_GUESS) for trial in trials]


def _means(interventions: Interventions, sample: Sample, without: Array, everywhere: bool) -> Array:
    """The mean of each channel, (n, C), 0 to 1, over the margin or the map, without confirmed regions."""
    weights = margin(*without.shape[1:]) if everywhere else interventions.samples.maps(sample)
    weights = (weights * ~without)[..., None].astype("float32")
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-6)
    return np.asarray((interventions.to_unit_range(sample.images) * weights).sum(axis=(1, 2)) / total)


def _tint(
    interventions: Interventions, sample: Sample, old: Array, new: Array, everywhere: bool
) -> tuple[Array, Array]:
    """Images behind glass, and their control."""
    images = interventions.to_unit_range(sample.images)
    low, high = np.clip(old, 0.01, 0.99)[:, None, None], np.clip(new, 0.01, 0.99)[:, None, None]
    gain = np.where(high < low, high / low, (1 - high) / (1 - low))
    changed = np.where(high < low, images * gain, 1 - (1 - images) * gain)
    control = low + (images - low) * gain
    if not everywhere:
        maps = interventions.samples.maps(sample)[..., None]
        changed, control = (images + maps * (glass - images) for glass in (changed, control))
    return interventions.from_unit_range(changed), interventions.from_unit_range(control)
