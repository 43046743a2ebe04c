"""A hierarchy of segments: halves of halves, cut where the segments lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class SegmentGroup:
    """Segments of a hierarchy that are together, and the two groups it is cut into, or none if single."""

    members: Array
    halves: tuple[SegmentGroup, ...] = ()


def hierarchy(labels: Array) -> SegmentGroup:
    """All segments of an image, cut in halves until each is alone.

    A group is cut across its longest side, and between its segments' centres: where the numbers of segments
    on both sides are as near to each other as can be with the centres of one row of a grid kept together.
    """
    flat = labels.ravel()
    count = int(flat.max()) + 1
    areas = np.bincount(flat, minlength=count)
    positions = np.indices(labels.shape).reshape(labels.ndim, -1)
    centres, low, high = [], [], []
    for position in positions:
        centres.append(np.bincount(flat, position, count) / areas)
        low.append(np.full(count, np.inf))
        high.append(np.full(count, -np.inf))
        np.minimum.at(low[-1], flat, position)
        np.maximum.at(high[-1], flat, position)
    return _split(np.arange(count), np.stack(centres), np.stack(low), np.stack(high))


def _split(members: Array, centres: Array, low: Array, high: Array) -> SegmentGroup:
    count = len(members)
    if count == 1:
        return SegmentGroup(members)
    sides = high[:, members].max(axis=1) - low[:, members].min(axis=1)
    # Segments with one centre, such as rings, are cut by their numbers.
    halves = members[: count // 2], members[count // 2 :]
    for axis in np.argsort(-sides, kind="stable"):
        order = members[np.argsort(centres[axis, members], kind="stable")]
        cuts = 1 + np.flatnonzero(np.diff(centres[axis, order]))
        if len(cuts):
            cut = int(cuts[np.argmin(np.abs(2 * cuts - count))])
            halves = order[:cut], order[cut:]
            break
    return SegmentGroup(members, tuple(_split(half, centres, low, high) for half in halves))
