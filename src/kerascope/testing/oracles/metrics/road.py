"""ROAD in loops: holes are filled by sweeps until nothing moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.metrics.seen import Float64, Place, Seen

SHARES, NOISE = (0.25, 0.5), 0.01


def filled(image: Float64, hole: NDArray[np.bool_]) -> Float64:
    """Every pixel of a hole as the weighted mean of its neighbours; Rong et al. 2022, section 4.3."""
    height, width = hole.shape
    picture = np.where(hole[..., None], 0.0, image)
    around: dict[Place, list[tuple[float, int, int]]] = {}
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
        for place, neighbours in around.items():
            total = sum(weight * picture[row, column] for weight, row, column in neighbours)
            new = total / sum(weight for weight, _, _ in neighbours)
            moved = max(moved, float(np.abs(new - picture[place]).max()))
            picture[place] = new
    return picture


def _curve(seen: Seen, most: bool) -> list[float]:
    """The probability at each share."""
    order = seen.descending() if most else seen.descending(-seen.relevance)
    width = NOISE * (seen.image.max() - seen.image.min())
    found = []
    for number, share in enumerate(SHARES):
        hole = np.zeros(seen.relevance.shape, bool)
        for place in order[: round(share * len(order))]:
            hole[place] = True
        noise = np.random.default_rng([0, number]).standard_normal(seen.image.shape)
        found.append(seen.probability(filled(seen.image, hole) + width * noise * hole[..., None]))
    return found


def road_most(seen: Seen) -> float:
    """Most relevant first; Rong et al. 2022, section 4.2."""
    return sum(_curve(seen, most=True)) / len(SHARES)


def road_least(seen: Seen) -> float:
    """Least relevant first."""
    return sum(_curve(seen, most=False)) / len(SHARES)


def road(seen: Seen) -> float:
    """Half the difference."""
    return (road_least(seen) - road_most(seen)) / 2
