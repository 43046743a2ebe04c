"""A background that predicts the class, by its colour, brightness or texture at the margin of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.traits import MARGIN, TRAITS, margin
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait, find_trait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import feather
from kerascope.auditing.shortcuts.interventions.samples import Decomposition
from kerascope.auditing.shortcuts.kinds import outside
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import FEWEST, LEAST_EFFECT_OF_GUESS, TrialData

_DIFFERENT = 0.15
"""Of the range of pixels: what differs more from the margins is object, where masks do not say."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Traits of the background that discriminate images of a class from others."""
    found = []
    for label in data.classes:
        best = find_trait(data.traits, TRAITS, data.targets == label)
        if best is not None:
            evidence = f"how well {best.trait} of the background tells the class (Youden's index)"
            found.append(
                Suspect(
                    "background",
                    label,
                    f"the background ({best.trait} is {best.side} there)",
                    {evidence: best.index},
                    2 * best.index.low,
                    region=margin(*data.thumbnails.size),
                    details={"trait": best},
                )
            )
    return found


def is_in_the_middle(suspect: Suspect, data: AuditData) -> bool:
    """Whether a trait of the background tells the class in the middle of the picture, too."""
    trait: DiscriminativeTrait = suspect.details["trait"]
    return trait.holds_in(data.middle_traits[:, trait.column], data.targets == suspect.label)


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Put objects before the backgrounds of other classes, of the images that have the trait.

    Without masks of objects, an object is what differs from the margins at both sides, which are continued
    inward to make the background. Images with a confirmed mark are left out; where all have it, the margin
    without the mark is exchanged.
    """
    label, samples = suspect.label, interventions.samples
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return []
    own = own.take(suspect.details["trait"].select(interventions.data.traits[own.rows]))
    if interventions.data.objects is not None:
        known = outside.decompose(samples, own, label), outside.decompose(samples, others)
        if min(len(part.sample) for part in known) >= FEWEST:
            return interventions.exchange_background(label, *known)
    clean = np.flatnonzero(~samples.known_region(label, own).any(axis=(1, 2)))
    if len(clean) < FEWEST:
        size = own.images.shape[1:3]
        masks = np.broadcast_to(margin(*size), (len(own), *size))
        return interventions.exchange_region(label, own, masks, None, keep_known=True)
    guess = interventions.exchange_background(label, _guess_objects(own.take(clean)), _guess_objects(others))
    return [replace(outcome, least=LEAST_EFFECT_OF_GUESS) for outcome in guess]


def _guess_objects(sample: Sample) -> Decomposition:
    """Continue the margins at both sides inward to a background; the object is what differs from it."""
    from scipy import ndimage

    images = sample.images
    width = images.shape[2]
    strip, half = max(1, round(width * MARGIN)), width // 2
    sides = []
    for side, room in ((images[:, :, :strip], half), (images[:, :, ::-1][:, :, :strip], width - half)):
        sides.append(
            np.pad(side, ((0, 0), (0, 0), (0, max(room - strip, 0)), (0, 0)), "symmetric")[:, :, :room]
        )
    backgrounds = np.concatenate([sides[0], sides[1][:, :, ::-1]], axis=2)
    difference = np.abs(images - backgrounds).max(axis=-1) / max(float(np.ptp(images)), 1e-6)
    objects = [ndimage.binary_fill_holes(mask) for mask in difference > _DIFFERENT]
    return Decomposition(sample, feather(np.stack(objects)), backgrounds)
