"""A fixed place at the border, a corner, an edge, a frame: looked at, or with pixels that tell the class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data import Gallery, Material
from kerascope.auditing.describe import CELLS
from kerascope.auditing.shortcuts.finding import FEWEST, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory
from kerascope.auditing.shortcuts.regions import elsewhere, enlarged
from kerascope.auditing.traits import margin
from kerascope.typing import Array

MORE = 1.5
"""How many times the share of its area a place must have of the relevance, to be suspected."""
MOST = 2
"""The most places of a class that are suspected."""
_DIFFERENT = 0.5
"""By how many standard deviations pixels must differ from other classes', to mark out what is looked at."""
_TELLING = 1.0
"""The same, to raise the suspicion alone: a map may not show what a model uses."""
_CERTAIN = 2.0
"""What differs by more belongs to the place, whatever the greatest difference is."""
_SPECK = 0.2
"""Parts smaller than this share of the largest one are chance."""


_MOSTLY = 0.6
"""The share of a part that must lie at the margin."""
_MOST_OF_IT = 0.75
"""What is more than this share of the margin is a background."""
_BOX = 0.4
"""A part that fills so much of the box about it is taken for the whole box."""
_NOISE = 0.02
"""Of the range of pixels: what always varies."""
FRAME = "the frame around the picture"


def _zones() -> dict[str, Array]:
    """bool (8, 8) by name."""
    side = CELLS // 4
    zones = {}
    for name, rows in (("top", slice(0, side)), ("bottom", slice(-side, None))):
        for beside, columns in (("left", slice(0, side)), ("right", slice(-side, None))):
            zones[f"the {name} {beside} corner"] = (rows, columns)
    zones["the top edge"] = (slice(0, 1), slice(None))
    zones["the bottom edge"] = (slice(-1, None), slice(None))
    zones["the left edge"] = (slice(None), slice(0, 1))
    zones["the right edge"] = (slice(None), slice(-1, None))
    found = {}
    for name, where in zones.items():
        found[name] = np.zeros((CELLS, CELLS), bool)
        found[name][where] = True
    frame = np.ones((CELLS, CELLS), bool)
    frame[1:-1, 1:-1] = False
    return found | {FRAME: frame}


ZONES = _zones()


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Zones at the border that have more of the relevance of a class than of the area, or telling pixels.

    The share of relevance is the mean over the images of the class; the lower end of its interval must be 1.5
    times the share of the area. The zone that stands out most is taken, and its relevance left out before the
    next is looked for. Within the zone the place is where pixels differ from those of other classes. Beside
    these, places at the margin whose pixels differ by a standard deviation or more.
    """
    suspects = []
    for label in material.classes:
        difference = distinct(material, label)
        telling = _telling(label, difference)
        regions = [suspect.region for suspect in telling]
        suspects += telling
        suspects += [
            one for one in _looked_at(material, label, difference) if not _overlap(one.region, regions)
        ]
    return suspects


def _looked_at(material: Material, label: int, difference: Array | None) -> list[Suspect]:
    """Zones that have more of the relevance than is due."""
    members = material.members(label)
    members = members[material.shows[members]]
    if len(members) < FEWEST:
        return []
    positions = material.positions[members].astype("float64")
    left = np.ones((CELLS, CELLS), bool)
    suspects: list[Suspect] = []
    while len(suspects) < MOST and (best := _most_suspicious(positions, left)) is not None:
        name, measured = best
        region = _located(difference, ZONES[name], material.gallery.size)
        suspects.append(
            Suspect(
                "place",
                label,
                name,
                {"share of the relevance there": measured},
                measured.low / (measured.usual or 1),
                region=region,
            )
        )
        left &= ~ZONES[name]
    return suspects


def _most_suspicious(positions: Array, left: Array) -> tuple[str, Measured] | None:
    """The zone with the most relevance for its area, among what is left of the picture."""
    weights = positions * left
    total = weights.sum(axis=(1, 2))
    enough = total > 0.05
    if enough.sum() < FEWEST:
        return None
    best: tuple[str, Measured] | None = None
    most = MORE
    for name, zone in ZONES.items():
        own = zone & left
        if own.sum() < zone.sum() / 2:
            continue
        shares = weights[enough][:, own].sum(axis=1) / total[enough]
        usual = float(own.sum() / left.sum())
        measured = Measured.mean(shares, usual)
        if measured.low / usual >= most:
            best, most = (name, measured), measured.low / usual
    return best


def _located(difference: Array | None, zone: Array, size: tuple[int, int]) -> Array:
    """Where in and about a zone pixels of a class differ from others': bool (h, w) on the small pictures.

    What has at least half of the greatest difference, with its holes filled; all of the zone where nothing
    differs.
    """
    from scipy import ndimage

    if difference is None:
        return enlarged(zone, size)
    inside = np.where(enlarged(ndimage.binary_dilation(zone), size), difference, 0)
    if inside.max() < _DIFFERENT:
        return enlarged(zone, size)
    return _parts(inside >= min(inside.max() / 2, _CERTAIN))


def _telling(label: int, difference: Array | None) -> list[Suspect]:
    """Parts of the margin whose pixels tell the class, unless that is most of it: a background."""
    if difference is None:
        return []
    outside = margin(*difference.shape)
    least = np.clip(difference[outside].max() / 2, _TELLING, _CERTAIN)
    marked = _parts(difference >= least, outside)
    if not marked.any() or marked.sum() > _MOST_OF_IT * outside.sum():
        return []
    measured = Measured.mean(difference[marked], usual=0.0)
    evidence = {"difference of the pixels there from other classes', in standard deviations": measured}
    return [Suspect("place", label, _named(marked), evidence, measured.value, region=marked)]


def _parts(marked: Array, within: Array | None = None) -> Array:
    """The parts of a region, their holes filled, without specks and what lies mostly elsewhere."""
    from scipy import ndimage

    closed = ndimage.binary_closing(np.pad(marked, 3), np.ones((3, 3)))[3:-3, 3:-3]
    parts, count = ndimage.label(closed, np.ones((3, 3)))
    sizes = ndimage.sum_labels(closed, parts, np.arange(1, count + 1))
    whole = np.zeros(marked.shape, bool)
    if within is not None:
        inside = ndimage.sum_labels(within, parts, np.arange(1, count + 1))
        sizes = np.where(inside >= _MOSTLY * sizes, sizes, 0)
    for number, box in enumerate(ndimage.find_objects(parts)):
        if not sizes[number] or sizes[number] < _SPECK * max(sizes):
            continue
        # What is nearly a box is one: some of its pixels are as in other classes.
        full = sizes[number] >= _BOX * whole[box].size
        whole[box] |= True if full else parts[box] == number + 1
    return whole


def _named(region: Array) -> str:
    """The zone that a region lies in, or all around."""
    sides = (region[0], region[-1], region[:, 0], region[:, -1])
    if all(side.mean() > 0.5 for side in sides):
        return FRAME
    size = region.shape
    for name, zone in ZONES.items():
        if name != FRAME and region[enlarged(zone, size)].sum() > 0.7 * region.sum():
            return name
    return "places at the border"


def _overlap(region: Array | None, others: Sequence[Array | None]) -> bool:
    """Whether a region is one of the others, more or less."""
    assert region is not None
    known = [other for other in others if other is not None]
    return any((region & one).sum() > 0.5 * min(region.sum(), one.sum()) for one in known)


def distinct(material: Material, label: int) -> Array | None:
    """By how many standard deviations the pixels of a class differ from those of others, (h, w)."""
    own, rest = material.moments(label)
    if own.count < FEWEST or rest.count < FEWEST:
        return None
    spread = np.sqrt((own.variance + rest.variance) / 2 + _NOISE**2)
    return np.asarray((np.abs(own.mean - rest.mean) / spread).max(axis=-1))


def most_there(gallery: Gallery, region: Array) -> Array:
    """The half of some pictures with most of their relevance in a region: positions, in order."""
    totals = gallery.maps.sum(axis=(1, 2))
    shares = gallery.maps[:, region].sum(axis=1) / np.where(totals > 0, totals, 1)
    count = max(min(FEWEST, len(shares)), (len(shares) + 1) // 2)
    return np.sort(np.argsort(-shares, kind="stable")[:count])


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The region is exchanged with other classes: of the images that look there most."""
    own = laboratory.own(suspect.label)
    if not len(own):
        return []
    assert suspect.region is not None
    chosen = most_there(laboratory.gallery(own), suspect.region)
    size = own.images.shape[1:3]
    beside = elsewhere(suspect.region)
    masks, controls = (
        None if one is None else np.broadcast_to(enlarged(one, size), (len(chosen), *size))
        for one in (suspect.region, beside)
    )
    assert masks is not None
    return laboratory.swapped(suspect.label, own.taken(chosen), masks, controls, suspect.partner)


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """The region, in every image."""
    size = material.explainer.size

    def where(places: Array) -> Array:
        assert suspect.region is not None
        return np.broadcast_to(enlarged(suspect.region, size), (len(places), *size))

    return where
