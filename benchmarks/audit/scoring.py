"""What an audit said of a network, against what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.audit.cues import CUES
from benchmarks.audit.networks import Known
from kerascope.typing import Array

OVERLAP = 0.5
"""A cue that lies somewhere is named rightly only by a finding that overlaps it by more than this."""


def describe(finding: Any, known: Known) -> dict[str, Any]:
    """A finding as a record; `overlap` is the one with the cue of its class."""
    place = overlap(finding, known) if finding.label in known.turned else None
    return {
        "label": int(finding.label),
        "kind": finding.kind,
        "what": finding.what,
        "verdict": finding.verdict,
        "effect": round(float(finding.effect), 3),
        "overlap": None if place is None else round(place, 3),
    }


def is_right_name(found: Mapping[str, Any], cue: str) -> bool:
    """Whether a record of a finding names a cue: by its kind and, where it has a place, by its place."""
    known = CUES[cue]
    lies_there = not known.has_place or (found["overlap"] or 0) > OVERLAP
    return found["kind"] in known.expected and lies_there


def overlap(finding: Any, known: Known) -> float | None:
    """Intersection over union of a finding and the cue of its class; None if either is in no place.

    A finding that lies in each image elsewhere (`places`, boxes) is compared image by image, and the mean is
    told. One region is compared with the pixels that have the cue at least half as often as any pixel.
    """
    held_out = known.held_out
    own = held_out.has & (held_out.labels == finding.label)
    if not held_out.places[own].any():
        return None
    if finding.places:
        values = [
            _share(_fill_box(box, held_out.places.shape[1:]), held_out.places[row])
            for row, box in finding.places.items()
            if own[row]
        ]
        return float(np.mean(values)) if values else 0.0
    if finding.region is None:
        return None
    often = held_out.places[own].mean(axis=0)
    height, width = often.shape
    region = Image.fromarray(np.asarray(finding.region, "uint8")).resize((width, height))
    return _share(np.asarray(region, bool), often >= often.max() / 2)


def _fill_box(box: tuple[float, float, float, float], shape: tuple[int, ...]) -> Array:
    top, left, bottom, right = np.round(np.multiply(box, (*shape, *shape))).astype(int)
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def _share(found: Array, true: Array) -> float:
    return float((found & true).sum() / max((found | true).sum(), 1))
