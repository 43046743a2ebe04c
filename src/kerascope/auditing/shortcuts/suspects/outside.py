"""What lies outside the object, where masks say where that is: relevance there, and backgrounds exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import FEWEST, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory, Sample, Scene
from kerascope.auditing.shortcuts.regions import feathered
from kerascope.typing import Array

_BLUR = 0.08
"""Of the side of an image: how far its surroundings are drawn into the place of an object."""


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Classes that have as much relevance outside their objects as chance would have, or more.

    Chance is the share of the area; the upper end of the interval of the difference must be above -0.1.
    """
    suspects = []
    for label in material.classes:
        members = material.members(label)
        shares, usual = (material.columns[name][members] for name in ("outside", "beside"))
        known = np.isfinite(shares)
        if known.sum() < FEWEST:
            continue
        measured = Measured.mean(shares[known], float(usual[known].mean()))
        gap = Measured.mean(shares[known] - usual[known])
        if gap.high < -0.1:
            continue
        suspects.append(
            Suspect(
                "outside",
                label,
                "what lies outside the object",
                {"share of the relevance outside the object": measured},
                2 + gap.value,
            )
        )
    return suspects


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """Objects are put before the surroundings of other images, from which their own objects are removed.

    The control is the same before surroundings of images of which none, or all, are of the class.
    """
    label = suspect.label
    own = scene(laboratory, laboratory.own(label), label)
    others = scene(laboratory, laboratory.others(label, steady=True))
    if len(own.sample) < FEWEST or len(others.sample) < FEWEST:
        return []
    return laboratory.resettled(label, own, others)


def scene(laboratory: Laboratory, sample: Sample, label: int | None = None) -> Scene:
    """Images whose objects are known, taken apart.

    Args:
        laboratory: that knows the objects.
        sample: of images; those whose objects are not known are left out.
        label: of a class of which what was confirmed already is removed with the objects.
    """
    known, objects = _with_objects(laboratory, sample)
    removed = objects if label is None else objects | laboratory.caused(label, known)
    return Scene(known, feathered(objects) if len(known) else objects, _emptied(known.images, removed))


def _with_objects(laboratory: Laboratory, sample: Sample) -> tuple[Sample, Array]:
    """Those images of a sample whose objects are known, and where these are, bool (n, H, W)."""
    objects = laboratory.material.objects
    masks: dict[int, Array] = {}
    if objects is not None and len(sample):
        for place, prepared in laboratory.material.prepared(sample.places):
            assert prepared.frame is not None
            inside = objects.inside(prepared.item, prepared.frame, sample.images.shape[1:3])
            if inside is not None and inside.any() and not inside.all():
                masks[place] = inside
    chosen = np.asarray([number for number, one in enumerate(sample.places.tolist()) if one in masks], int)
    found = [masks[place] for place in sample.places[chosen].tolist()]
    return sample.taken(chosen), np.stack(found) if found else np.zeros((0, *sample.images.shape[1:3]), bool)


def _emptied(images: Array, objects: Array) -> Array:
    """Images with their surroundings drawn into the place of objects: a blur of what is not object."""
    from scipy.ndimage import gaussian_filter

    scenes = np.array(images)
    for scene, inside in zip(scenes, objects, strict=True):
        outside = (~inside).astype("float32")
        sigma = _BLUR * max(inside.shape)
        near = gaussian_filter(outside, sigma) + 1e-6
        mean = scene[~inside].mean(axis=0) if outside.any() else 0.0
        drawn = np.stack(
            [gaussian_filter(scene[..., one] * outside, sigma) for one in range(scene.shape[-1])], axis=-1
        )
        # Far inside a large object there is nothing near: the mean of the surroundings.
        scene[inside] = ((drawn + 1e-3 * mean) / (near + 1e-3)[..., None])[inside]
    return scenes


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: what is tried after it is of the whole picture."""
    return None
