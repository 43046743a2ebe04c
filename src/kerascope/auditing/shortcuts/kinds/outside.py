"""The surroundings of the object, where masks are known: relevance there, and backgrounds exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import feather
from kerascope.auditing.shortcuts.interventions.samples import Decomposition, Samples
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import FEWEST, TrialData
from kerascope.typing import Array

_BLUR = 0.08
"""Of the side of an image: how far its surroundings are drawn into the place of an object."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Classes with as much relevance outside their objects as by chance, or more.

    Chance is the share of the area; the upper end of the interval of the difference must be above -0.1.
    """
    found = []
    for label in data.classes:
        members = data.members(label)
        shares, usual = (data.columns[name][members] for name in ("outside", "beside"))
        known = np.isfinite(shares)
        if known.sum() < FEWEST:
            continue
        share = Estimate.mean(shares[known], float(usual[known].mean()))
        gap = Estimate.mean(shares[known] - usual[known])
        if gap.high < -0.1:
            continue
        evidence = {"share of the relevance outside the object": share}
        found.append(Suspect("outside", label, "what lies outside the object", evidence, 2 + gap.value))
    return found


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Put objects before the surroundings of other images, from which their own objects are removed.

    The control is the same before surroundings of images of which none, or all, are of the class.
    """
    label, samples = suspect.label, interventions.samples
    own = decompose(samples, samples.of_class(label), label)
    others = decompose(samples, samples.of_others(label, steady=True))
    if len(own.sample) < FEWEST or len(others.sample) < FEWEST:
        return []
    return interventions.exchange_background(label, own, others)


def decompose(samples: Samples, sample: Sample, label: int | None = None) -> Decomposition:
    """Split images into objects and backgrounds by their masks.

    Args:
        samples: of the data set, which knows the masks.
        sample: of images; those without a mask are left out.
        label: a class whose confirmed shortcuts are removed with the objects.
    """
    known, objects = _find_objects(samples, sample)
    removed = objects if label is None else objects | samples.known_region(label, known)
    return Decomposition(known, feather(objects) if len(known) else objects, _inpaint(known.images, removed))


def _find_objects(samples: Samples, sample: Sample) -> tuple[Sample, Array]:
    """The images of a sample that have a mask, and their masks, bool (n, H, W)."""
    objects = samples.data.objects
    masks: dict[int, Array] = {}
    if objects is not None and len(sample):
        for row, prepared in samples.data.prepare_images(sample.rows):
            assert prepared.frame is not None
            inside = objects.inside(prepared.item, prepared.frame, sample.images.shape[1:3])
            if inside is not None and inside.any() and not inside.all():
                masks[row] = inside
    positions = np.asarray(
        [position for position, row in enumerate(sample.rows.tolist()) if row in masks], int
    )
    found = [masks[row] for row in sample.rows[positions].tolist()]
    empty = np.zeros((0, *sample.images.shape[1:3]), bool)
    return sample.take(positions), np.stack(found) if found else empty


def _inpaint(images: Array, objects: Array) -> Array:
    """Fill the place of objects with a blur of their surroundings."""
    from scipy.ndimage import gaussian_filter

    backgrounds = np.array(images)
    for image, inside in zip(backgrounds, objects, strict=True):
        outside = (~inside).astype("float32")
        sigma = _BLUR * max(inside.shape)
        near = gaussian_filter(outside, sigma) + 1e-6
        mean = image[~inside].mean(axis=0) if outside.any() else 0.0
        blur = np.stack(
            [gaussian_filter(image[..., channel] * outside, sigma) for channel in range(image.shape[-1])],
            axis=-1,
        )
        # Far inside a large object there is nothing near: the mean of the surroundings.
        image[inside] = ((blur + 1e-3 * mean) / (near + 1e-3)[..., None])[inside]
    return backgrounds
