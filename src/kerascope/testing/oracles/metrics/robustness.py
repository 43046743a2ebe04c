"""How far a map moves with noise on the image, in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample
from kerascope.testing.oracles.network import Float64

SAMPLES, RADIUS = 3, 0.2


def length(array: Float64) -> float:
    """Euclid's."""
    return float(sum(float(value) ** 2 for value in array.ravel()) ** 0.5)


def _measure_changes(sample: MetricSample) -> list[tuple[float, float]]:
    """How far the map moves with each copy, and how far the image did.

    Noise is the same for every image, in the range of its own pixels: the model states none.
    """
    width = RADIUS * (sample.image.max() - sample.image.min())
    found = []
    for seed in range(SAMPLES):
        noise = width * np.random.default_rng([0, seed]).uniform(-1, 1, sample.image.shape)
        found.append((length(sample.saliency(sample.image + noise) - sample.relevance), length(noise)))
    return found


def max_sensitivity(sample: MetricSample) -> float:
    """The furthest, as a share of the map's size; Yeh et al. 2019, definition 3.1."""
    return max(step for step, _ in _measure_changes(sample)) / length(sample.relevance)


def average_sensitivity(sample: MetricSample) -> float:
    """The mean; Bhatt et al. 2020, definition 2."""
    return sum(step for step, _ in _measure_changes(sample)) / SAMPLES / length(sample.relevance)


def local_lipschitz(sample: MetricSample) -> float:
    """The furthest, for how far the image moves; Alvarez-Melis and Jaakkola 2018, equation 2."""
    return max(step / far for step, far in _measure_changes(sample))
