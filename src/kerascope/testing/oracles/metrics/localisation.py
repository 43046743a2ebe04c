"""A map and a mask in, one number out, in loops. A mask without a pixel has no value."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from kerascope.testing.oracles.metrics.seen import Place, Seen


def _hits(seen: Seen, tolerance: float) -> float:
    """Of the pixels that share the maximum, the share within a distance of the object."""
    if not seen.mask.any():
        return math.nan
    best = [place for place in seen.places() if seen.relevance[place] == seen.relevance.max()]
    near = [
        any(seen.mask[place] and math.dist(place, one) <= tolerance for place in seen.places())
        for one in best
    ]
    return sum(near) / len(near)


def pointing_game(seen: Seen) -> float:
    """Zhang et al. 2016, section 4.2."""
    return _hits(seen, 0)


def pointing_game_15(seen: Seen) -> float:
    """The same, with a tolerance of two pixels here."""
    return _hits(seen, 2)


def energy_pointing_game(seen: Seen) -> float:
    """Wang et al. 2020, section 4.3."""
    if not seen.mask.any():
        return math.nan
    inside = total = 0.0
    for place in seen.places():
        positive = max(0.0, float(seen.relevance[place]))
        total += positive
        inside += positive * seen.mask[place]
    return inside / total


def relevance_rank(seen: Seen) -> float:
    """Arras et al. 2022, equation 5."""
    count = int(seen.mask.sum())
    if not count:
        return math.nan
    return sum(bool(seen.mask[place]) for place in seen.descending()[:count]) / count


def roc_auc(seen: Seen) -> float:
    """Every pixel on the object against every one beside it; Fawcett 2006, section 7."""
    won = [
        (seen.relevance[one] > seen.relevance[other]) + 0.5 * (seen.relevance[one] == seen.relevance[other])
        for one in seen.places()
        for other in seen.places()
        if seen.mask[one] and not seen.mask[other]
    ]
    return float(sum(won) / len(won)) if won else math.nan


def iou(seen: Seen) -> float:
    """Otsu's threshold by trying all 255; Otsu 1979."""
    if not seen.mask.any():
        return math.nan
    positive = np.maximum(seen.relevance, 0)
    low, high = positive.min(), positive.max()
    middles = np.asarray([low + (high - low) * (k + 0.5) / 256 for k in range(256)])
    binned = np.minimum(255, ((positive - low) / (high - low) * 256).astype(int))
    levels = middles[binned]
    best, threshold = -1.0, 0.0
    for k in range(255):
        below, above = levels[binned <= k], levels[binned > k]
        if len(below) and len(above):
            between = len(below) * len(above) * (below.mean() - above.mean()) ** 2
            if between > best * (1 + 1e-9):
                best, threshold = between, low + (high - low) * (k + 1) / 256
    found = positive > threshold
    return float((found & seen.mask).sum() / (found | seen.mask).sum())


def box(seen: Seen) -> float:
    """Connected parts above 15 % of the maximum, by flooding; Selvaraju et al. 2017, section 4.1."""
    if not seen.mask.any():
        return math.nan
    strong = [place for place in seen.places() if seen.relevance[place] > 0.15 * seen.relevance.max()]
    parts: list[list[Place]] = []
    while strong:
        part = [strong.pop(0)]
        for row, column in part:  # which grows
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in strong:
                    strong.remove(near)
                    part.append(near)
        parts.append(part)
    # Of several largest parts, the first in the order of the pixels.
    largest = max(len(part) for part in parts)
    own = boxed(next(part for part in parts if len(part) == largest))
    wanted = boxed(place for place in seen.places() if seen.mask[place])
    return float(len(own & wanted) / len(own | wanted) >= 0.5)


def boxed(places: Iterable[Place]) -> set[Place]:
    """All pixels of the box around some."""
    rows, columns = zip(*places, strict=True)
    return {
        (row, column)
        for row in range(min(rows), max(rows) + 1)
        for column in range(min(columns), max(columns) + 1)
    }
