"""A fixed place at the border, a corner, an edge, a frame: with high relevance, or with telling pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.thumbnails import Thumbnails, read_detail
from kerascope.auditing.description.relevance import CELLS, resize_maps
from kerascope.auditing.description.traits import margin
from kerascope.auditing.shortcuts.discrimination import youden_index
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.controls import control_region
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.interventions.samples import KnownRegion
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import FEWEST, TrialData
from kerascope.typing import Array

MORE = 1.5
"""How many times the share of its area a place must have of the relevance, to be suspected."""
DISTANT = 2.0
"""Pixels of a place that differ from other classes' by fewer standard deviations may be part of an object."""
MOST = 2
"""The most places of a class that are suspected."""
_DIFFERENT = 0.5
"""By how many standard deviations pixels must differ from other classes', to mark out a zone of relevance."""
_TELLING = 1.0
"""The same, to raise a suspicion without relevance: a map may not show what a model uses."""
_OF_MOST = 0.4
"""The share of the greatest difference from which on pixels mark out a place."""
_GROWN = 0.6
"""The share of the least difference down to which what is connected belongs to a place."""
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
_FINE, _DETAIL, _LARGEST = 16, 0.5, 0.25
"""Cells along each side in which detail is compared; the index that it must reach; the largest such place."""
_WRITING = 1.5
"""By how many times detail must differ more than light and dark, in writing."""
_NOISE = 0.02
"""Of the range of pixels: what always varies."""
FRAME = "the frame around the picture"


def _zones() -> dict[str, Array]:
    """bool (8, 8) by name."""
    side = CELLS // 4
    zones = {}
    for name, rows in (("top", slice(0, side)), ("bottom", slice(-side, None))):
        for end, columns in (("left", slice(0, side)), ("right", slice(-side, None))):
            zones[f"the {name} {end} corner"] = (rows, columns)
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


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Zones at the border with more of the relevance of a class than of the area, or with telling pixels.

    The share of relevance is the mean over the images of the class; the lower end of its interval must be 1.5
    times the share of the area. The zone that stands out most is taken, and its relevance left out before the
    search for the next. Within the zone the place is where pixels differ from those of other classes. In
    addition, places at the margin whose pixels differ by a standard deviation or more.
    """
    found = []
    for label in data.classes:
        difference = pixel_difference(data, label)
        telling = _find_by_pixels(data, label, difference) or _find_by_detail(data, label)
        regions = [suspect.region for suspect in telling]
        found += telling
        found += [
            suspect
            for suspect in _find_by_relevance(data, label, difference)
            if not _overlaps(suspect.region, regions)
        ]
    return found


def _find_by_relevance(data: AuditData, label: int, difference: Array | None) -> list[Suspect]:
    """Zones with more of the relevance than of the area."""
    members = data.members(label)
    members = members[data.informative[members]]
    if len(members) < FEWEST:
        return []
    positions = data.positions[members].astype("float64")
    left = np.ones((CELLS, CELLS), bool)
    suspects: list[Suspect] = []
    while len(suspects) < MOST and (best := _most_suspicious(positions, left)) is not None:
        name, share = best
        region = _refine_zone(difference, ZONES[name], data.thumbnails.size)
        evidence = {"share of the relevance there": share}
        suspects.append(
            Suspect(
                "place",
                label,
                name,
                evidence,
                share.low / (share.usual or 1),
                region=region,
                details={"distance": _read_distance(data, label, region)},
            )
        )
        left &= ~ZONES[name]
    return suspects


def _most_suspicious(positions: Array, left: Array) -> tuple[str, Estimate] | None:
    """The zone with the most relevance for its area, in the part of the picture that is left."""
    weights = positions * left
    total = weights.sum(axis=(1, 2))
    enough = total > 0.05
    if enough.sum() < FEWEST:
        return None
    best: tuple[str, Estimate] | None = None
    most = MORE
    for name, zone in ZONES.items():
        own = zone & left
        if own.sum() < zone.sum() / 2:
            continue
        shares = weights[enough][:, own].sum(axis=1) / total[enough]
        usual = float(own.sum() / left.sum())
        share = Estimate.mean(shares, usual)
        if share.low / usual >= most:
            best, most = (name, share), share.low / usual
    return best


def _refine_zone(difference: Array | None, zone: Array, size: tuple[int, int]) -> Array:
    """Where in and about a zone pixels of a class differ from others': bool (h, w) on the thumbnails.

    Pixels with at least half of the greatest difference, with holes filled; all of the zone where nothing
    differs.
    """
    from scipy import ndimage

    if difference is None:
        return enlarge(zone, size)
    inside = np.where(enlarge(ndimage.binary_dilation(zone), size), difference, 0)
    if inside.max() < _DIFFERENT:
        return enlarge(zone, size)
    return _clean_parts(inside >= min(inside.max() / 2, _CERTAIN))


def _find_by_pixels(data: AuditData, label: int, difference: Array | None) -> list[Suspect]:
    """Parts of the margin whose pixels tell the class, unless that is most of it: a background."""
    if difference is None:
        return []
    outside = margin(*difference.shape)
    least = np.clip(_OF_MOST * difference[outside].max(), _TELLING, _CERTAIN)
    from scipy import ndimage

    # Whatever is connected to what differs most, and differs enough itself, belongs to it.
    parts, _ = ndimage.label(difference >= max(_TELLING, _GROWN * least), np.ones((3, 3)))
    certain = np.unique(parts[(difference >= least) & outside])
    region = _clean_parts(np.isin(parts, certain[certain > 0]), outside)
    if not region.any() or region.sum() > _MOST_OF_IT * outside.sum():
        return []
    estimate = Estimate.mean(difference[region], usual=0.0)
    evidence = {"difference of the pixels there from other classes', in standard deviations": estimate}
    details = {"distance": _read_distance(data, label, region)}
    name = _name_region(region)
    return [Suspect("place", label, name, evidence, estimate.value, region=region, details=details)]


def _find_by_detail(data: AuditData, label: int) -> list[Suspect]:
    """Cells of the margin whose detail tells the class, though other cells do not: writing, a stamp."""
    thumbnails = data.thumbnails
    own = data.targets[thumbnails.rows] == label
    if min(own.sum(), (~own).sum()) < FEWEST:
        return []
    pictures = thumbnails.pictures.astype("float32") / 255
    planes = [
        resize_maps(plane, (_FINE, _FINE)).reshape(len(own), -1)
        for plane in (read_detail(pictures), pictures.mean(axis=-1))
    ]
    indices = []
    for plane in planes:
        found = [youden_index(values[own], values[~own]) for values in plane.T]
        indices.append(
            np.reshape([index.low if higher else -1.0 for higher, _, index in found], (_FINE, _FINE))
        )
    # What is lighter or darker, too, may be the outline of an object.
    tells = (indices[0] >= _DETAIL) & (indices[1] < _DETAIL)
    region = enlarge(tells & margin(_FINE, _FINE), thumbnails.size)
    if (
        not tells.any()
        or tells.mean() > _LARGEST
        or region.sum() < _MOSTLY * enlarge(tells, thumbnails.size).sum()
    ):
        return []
    region = _clean_parts(region)
    best = float(indices[0][tells].max())
    evidence = {"how well the detail there tells the class (Youden's index)": Estimate(best, best, 1.0, 0.0)}
    details = {"distance": np.inf}
    return [Suspect("place", label, _name_region(region), evidence, 2 * best, region=region, details=details)]


def _read_distance(data: AuditData, label: int, region: Array) -> float:
    """How far the pixels of a place are from other classes', in standard deviations: the upper quartile.

    Infinite where detail tells it rather than light and dark: writing, and no outline of an object.
    """
    by_channel = _difference_by_channel(data, label)
    if by_channel is None:
        return 0.0
    inside = by_channel[region]
    light, detail = np.median(inside[:, :-1].max(axis=1)), np.median(inside[:, -1])
    if detail >= _TELLING and detail >= _WRITING * light:
        return float("inf")
    return float(np.quantile(inside.max(axis=1), 0.75))


def _clean_parts(mask: Array, within: Array | None = None) -> Array:
    """The parts of a mask, with holes filled, without specks and parts that lie mostly elsewhere."""
    from scipy import ndimage

    closed = ndimage.binary_closing(np.pad(mask, 3), np.ones((3, 3)))[3:-3, 3:-3]
    parts, count = ndimage.label(closed, np.ones((3, 3)))
    sizes = ndimage.sum_labels(closed, parts, np.arange(1, count + 1))
    cleaned = np.zeros(mask.shape, bool)
    if within is not None:
        inside = ndimage.sum_labels(within, parts, np.arange(1, count + 1))
        sizes = np.where(inside >= _MOSTLY * sizes, sizes, 0)
    for part, box in enumerate(ndimage.find_objects(parts)):
        if not sizes[part] or sizes[part] < _SPECK * max(sizes):
            continue
        # A part that nearly is a box is one: some of its pixels happen to be as in other classes.
        full = sizes[part] >= _BOX * cleaned[box].size
        cleaned[box] |= True if full else parts[box] == part + 1
    return cleaned


def _name_region(region: Array) -> str:
    """The zone that a region lies in, or all around."""
    sides = (region[0], region[-1], region[:, 0], region[:, -1])
    if all(side.mean() > 0.5 for side in sides):
        return FRAME
    size = region.shape
    for name, zone in ZONES.items():
        if name != FRAME and region[enlarge(zone, size)].sum() > 0.7 * region.sum():
            return name
    return "places at the border"


def _overlaps(region: Array | None, others: Sequence[Array | None]) -> bool:
    """Whether a region is one of the others, more or less."""
    assert region is not None
    known = [other for other in others if other is not None]
    return any((region & other).sum() > 0.5 * min(region.sum(), other.sum()) for other in known)


def pixel_difference(data: AuditData, label: int) -> Array | None:
    """By how many standard deviations the pixels of a class differ from those of others, (h, w)."""
    by_channel = _difference_by_channel(data, label)
    return None if by_channel is None else np.asarray(by_channel.max(axis=-1))


def _difference_by_channel(data: AuditData, label: int) -> Array | None:
    """The same for red, green, blue and detail, (h, w, 4)."""
    own, rest = data.moments(label)
    if own.count < FEWEST or rest.count < FEWEST:
        return None
    deviation = np.sqrt((own.variance + rest.variance) / 2 + _NOISE**2)
    return np.asarray(np.abs(own.mean - rest.mean) / deviation)


def find_most_relevant(thumbnails: Thumbnails, region: Array) -> Array:
    """The half of some pictures with most of their relevance in a region: positions, in order."""
    totals = thumbnails.maps.sum(axis=(1, 2))
    shares = thumbnails.maps[:, region].sum(axis=1) / np.where(totals > 0, totals, 1)
    count = max(min(FEWEST, len(shares)), (len(shares) + 1) // 2)
    return np.sort(np.argsort(-shares, kind="stable")[:count])


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the region with other classes, of the images with most relevance there."""
    samples = interventions.samples
    own = samples.of_class(suspect.label)
    if not len(own):
        return []
    assert suspect.region is not None
    positions = find_most_relevant(samples.thumbnails(own), suspect.region)
    return exchange_fixed_region(suspect, interventions, own.take(positions))


def exchange_fixed_region(suspect: Suspect, interventions: Interventions, own: Sample) -> list[TrialData]:
    """Exchange the region of a suspect, which is the same in every image."""
    assert suspect.region is not None
    size = own.images.shape[1:3]

    def repeat(mask: Array) -> Array:
        return np.broadcast_to(enlarge(mask, size), (len(own), *size))

    control = control_region(suspect.region)
    controls = None if control is None else repeat(control)
    return interventions.exchange_region(
        suspect.label, own, repeat(suspect.region), controls, suspect.partner
    )


def known_region(suspect: Suspect, data: AuditData) -> KnownRegion:
    """The region, in every image."""

    def locate(rows: Array) -> Array:
        assert suspect.region is not None
        size = data.explainer.size
        return np.broadcast_to(enlarge(suspect.region, size), (len(rows), *size))

    return locate
