"""How far a map moves with noise on the image, in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.seen import Float64, Seen

SAMPLES, RADIUS = 3, 0.2


def length(array: Float64) -> float:
    """Euclid's."""
    return float(sum(float(value) ** 2 for value in array.ravel()) ** 0.5)


def _moved(seen: Seen) -> list[tuple[float, float]]:
    """How far the map moves with each copy, and how far the image did.

    Noise is the same for every image, in the range of its own pixels: the model states none.
    """
    width = RADIUS * (seen.image.max() - seen.image.min())
    found = []
    for number in range(SAMPLES):
        noise = width * np.random.default_rng([0, number]).uniform(-1, 1, seen.image.shape)
        found.append((length(seen.saliency(seen.image + noise) - seen.relevance), length(noise)))
    return found


def max_sensitivity(seen: Seen) -> float:
    """The furthest, as a share of the map's size; Yeh et al. 2019, definition 3.1."""
    return max(step for step, _ in _moved(seen)) / length(seen.relevance)


def average_sensitivity(seen: Seen) -> float:
    """The mean; Bhatt et al. 2020, definition 2."""
    return sum(step for step, _ in _moved(seen)) / SAMPLES / length(seen.relevance)


def local_lipschitz(seen: Seen) -> float:
    """The furthest, for how far the image moves; Alvarez-Melis and Jaakkola 2018, equation 2."""
    return max(step / far for step, far in _moved(seen))
