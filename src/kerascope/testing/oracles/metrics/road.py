"""ROAD in loops: holes are fill by sweeps until nothing moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.metrics.sample import MetricSample, Pixel
from kerascope.testing.oracles.network import Float64

SHARES, NOISE = (0.25, 0.5), 0.01


def fill(image: Float64, hole: NDArray[np.bool_]) -> Float64:
    """Every pixel of a hole as the weighted mean of its neighbours; Rong et al. 2022, section 4.3."""
    height, width = hole.shape
    picture = np.where(hole[..., None], 0.0, image)
    around: dict[Pixel, list[tuple[float, int, int]]] = {}
    for row, column in map(tuple, np.argwhere(hole).tolist()):
        around[row, column] = [
            (1 / 12 if down and right else 1 / 6, row + down, column + right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if (down or right) and 0 <= row + down < height and 0 <= column + right < width
        ]
    moved = np.inf
    while moved > 1e-10:
        moved = 0.0
        for pixel, neighbours in around.items():
            total = sum(weight * picture[row, column] for weight, row, column in neighbours)
            new = total / sum(weight for weight, _, _ in neighbours)
            moved = max(moved, float(np.abs(new - picture[pixel]).max()))
            picture[pixel] = new
    return picture


def _curve(sample: MetricSample, most: bool) -> list[float]:
    """The probability at each share."""
    order = sample.descending() if most else sample.descending(-sample.relevance)
    width = NOISE * (sample.image.max() - sample.image.min())
    found = []
    for step, share in enumerate(SHARES):
        hole = np.zeros(sample.relevance.shape, bool)
        for pixel in order[: round(share * len(order))]:
            hole[pixel] = True
        noise = np.random.default_rng([0, step]).standard_normal(sample.image.shape)
        found.append(sample.probability(fill(sample.image, hole) + width * noise * hole[..., None]))
    return found


def road_most(sample: MetricSample) -> float:
    """Most relevant first; Rong et al. 2022, section 4.2."""
    return sum(_curve(sample, most=True)) / len(SHARES)


def road_least(sample: MetricSample) -> float:
    """Least relevant first."""
    return sum(_curve(sample, most=False)) / len(SHARES)


def road(sample: MetricSample) -> float:
    """Half the difference."""
    return (road_least(sample) - road_most(sample)) / 2
