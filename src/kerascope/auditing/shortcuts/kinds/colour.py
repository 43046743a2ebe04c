"""The colour of what is looked at: usually of the object itself, whose colour may define the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.traits import COLOUR, TRAITS, colour_planes
from kerascope.auditing.shortcuts.discrimination import find_trait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.controls import CONTRAST
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import INSERT, LEAST_EFFECT_OF_GUESS, REMOVE, TrialData
from kerascope.resize import resize
from kerascope.typing import Array

OBJECT = "it is the colour of what is looked at, which is usually the object"
"""Why it is no shortcut by itself."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Colours under the map that discriminate a class.

    All pictures are read under one map, the mean map of the class: under each picture's own map, a class is
    dark because the maps of its pictures lie elsewhere.
    """
    thumbnails = data.thumbnails
    planes = colour_planes(thumbnails.pictures.astype("float32") / 255)
    found = []
    for label in data.classes:
        own = data.targets[thumbnails.rows] == label
        weights = thumbnails.maps[own].mean(axis=0)
        if weights.max() <= 0:
            continue
        values = np.einsum("tphw,hw->pt", planes, weights) / weights.sum()
        best = find_trait(values, TRAITS[:COLOUR], own)
        if best is None:
            continue
        evidence = f"how well {best.trait} of what is looked at tells the class (Youden's index)"
        found.append(
            Suspect(
                "colour",
                label,
                f"the colours of what is looked at ({best.trait} is {best.side})",
                {evidence: best.index},
                best.index.low,
                details={"trait": best, "values": values, "weights": weights / weights.max()},
            )
        )
    return found


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Transfer the colours under the mean map from images of the class to others, as by light or dark glass.

    With p from 0, black, to 1, white, and means m of the image and n of the other one,

        p n / m                        where the other is darker
        1 - (1 - p) (1 - n) / (1 - m)  where it is lighter

    so that nothing is cut off. The control has the same contrast, and its own mean: m + (p - m) n / m, and
    likewise: an effect of the contrast alone does not count.
    """
    label, samples = suspect.label, interventions.samples
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return []
    details = suspect.details
    positions = np.searchsorted(interventions.data.thumbnails.rows, own.rows)
    own = own.take(details["trait"].select(details["values"][positions]))
    weights = resize(details["weights"][None], own.images.shape[1:3])[0]
    own_means = _means(interventions, own, weights * ~samples.known_region(label, own))
    other_means = _means(interventions, others, weights * ~samples.known_regions(others))
    trials = []
    for name, recipients, old, donors, means in (
        (INSERT, others, other_means, own, own_means),
        (REMOVE, own, own_means, others, other_means),
    ):
        new = means[interventions.match(recipients, donors)]
        changed, control = _tint(interventions, recipients, old, new, weights)
        trials.append(interventions.measure(name, label, recipients, changed, control, CONTRAST))
    # Under a map lie parts of the object, whose colours may define the class.
    return [replace(trial, least=LEAST_EFFECT_OF_GUESS) for trial in trials]


def _means(interventions: Interventions, sample: Sample, weights: Array) -> Array:
    """The mean of each channel, (n, C), 0 to 1, under weights (n, H, W)."""
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-6)[:, None]
    images = interventions.to_unit_range(sample.images)
    return np.asarray(np.einsum("nhwc,nhw->nc", images, weights) / total, "float32")


def _tint(
    interventions: Interventions, sample: Sample, old: Array, new: Array, weights: Array
) -> tuple[Array, Array]:
    """Images behind glass, and their control."""
    images = interventions.to_unit_range(sample.images)
    low, high = np.clip(old, 0.01, 0.99)[:, None, None], np.clip(new, 0.01, 0.99)[:, None, None]
    gain = np.where(high < low, high / low, (1 - high) / (1 - low))
    changed = np.where(high < low, images * gain, 1 - (1 - images) * gain)
    control = low + (images - low) * gain
    changed, control = (images + weights[..., None] * (glass - images) for glass in (changed, control))
    return interventions.from_unit_range(changed), interventions.from_unit_range(control)
