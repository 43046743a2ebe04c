"""A map and a mask in, one number out, in loops. A mask without a pixel has no value."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample, Pixel


def _hits(sample: MetricSample, tolerance: float) -> float:
    """Of the pixels that share the maximum, the share within a distance of the object."""
    if not sample.mask.any():
        return math.nan
    best = [pixel for pixel in sample.pixels() if sample.relevance[pixel] == sample.relevance.max()]
    near = [
        any(sample.mask[pixel] and math.dist(pixel, peak) <= tolerance for pixel in sample.pixels())
        for peak in best
    ]
    return sum(near) / len(near)


def pointing_game(sample: MetricSample) -> float:
    """Zhang et al. 2016, section 4.2."""
    return _hits(sample, 0)


def pointing_game_15(sample: MetricSample) -> float:
    """The same, with a tolerance of two pixels here."""
    return _hits(sample, 2)


def energy_pointing_game(sample: MetricSample) -> float:
    """Wang et al. 2020, section 4.3."""
    if not sample.mask.any():
        return math.nan
    inside = total = 0.0
    for pixel in sample.pixels():
        positive = max(0.0, float(sample.relevance[pixel]))
        total += positive
        inside += positive * sample.mask[pixel]
    return inside / total


def relevance_rank(sample: MetricSample) -> float:
    """Arras et al. 2022, equation 5."""
    count = int(sample.mask.sum())
    if not count:
        return math.nan
    return sum(bool(sample.mask[pixel]) for pixel in sample.descending()[:count]) / count


def roc_auc(sample: MetricSample) -> float:
    """Every pixel on the object against every pixel off it; Fawcett 2006, section 7."""
    won = [
        (sample.relevance[inside] > sample.relevance[other])
        + 0.5 * (sample.relevance[inside] == sample.relevance[other])
        for inside in sample.pixels()
        for other in sample.pixels()
        if sample.mask[inside] and not sample.mask[other]
    ]
    return float(sum(won) / len(won)) if won else math.nan


def iou(sample: MetricSample) -> float:
    """Otsu's threshold by trying all 255; Otsu 1979."""
    if not sample.mask.any():
        return math.nan
    positive = np.maximum(sample.relevance, 0)
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
    return float((found & sample.mask).sum() / (found | sample.mask).sum())


def box(sample: MetricSample) -> float:
    """Connected parts above 15 % of the maximum, by flooding; Selvaraju et al. 2017, section 4.1."""
    if not sample.mask.any():
        return math.nan
    strong = [pixel for pixel in sample.pixels() if sample.relevance[pixel] > 0.15 * sample.relevance.max()]
    parts: list[list[Pixel]] = []
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
    own = bounding_box(next(part for part in parts if len(part) == largest))
    wanted = bounding_box(pixel for pixel in sample.pixels() if sample.mask[pixel])
    return float(len(own & wanted) / len(own | wanted) >= 0.5)


def bounding_box(pixels: Iterable[Pixel]) -> set[Pixel]:
    """All pixels of the box around some."""
    rows, columns = zip(*pixels, strict=True)
    return {
        (row, column)
        for row in range(min(rows), max(rows) + 1)
        for column in range(min(columns), max(columns) + 1)
    }
