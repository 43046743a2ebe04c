"""Maps of another class and of a random model, in loops."""

from __future__ import annotations

import math

import numpy as np

from kerascope.testing.oracles.metrics.drop import unit
from kerascope.testing.oracles.metrics.sample import MetricSample
from kerascope.testing.oracles.network import Float64


def random_logit(sample: MetricSample) -> float:
    """SSIM with the map of another class, in windows of five by five; Sixt et al. 2020, section 5.1."""
    count = len(sample.network.scores(sample.image))
    other = (sample.label + int(np.random.default_rng([4, sample.index]).integers(1, count))) % count
    return similarity(unit(sample.relevance), unit(sample.network.saliency(sample.image, other)))


def similarity(first: Float64, second: Float64, side: int = 5) -> float:
    """The mean of SSIM over all windows that lie inside; Wang et al. 2004, equation 13."""
    found = []
    for row in range(first.shape[0] - side + 1):
        for column in range(first.shape[1] - side + 1):
            window = first[row : row + side, column : column + side].ravel()
            other = second[row : row + side, column : column + side].ravel()
            covariance = np.cov(window, other)
            means = 2 * window.mean() * other.mean() + 0.01**2
            moments = 2 * covariance[0, 1] + 0.03**2
            scale = (window.mean() ** 2 + other.mean() ** 2 + 0.01**2) * (np.trace(covariance) + 0.03**2)
            found.append(means * moments / scale)
    return float(sum(found) / len(found))


def efficient_randomisation(sample: MetricSample) -> float:
    """The rise of the entropy of ten bins; Hedstroem et al. 2024, equation 5."""
    before, after = (
        entropy(sample.relevance),
        entropy(sample.randomized(3).saliency(sample.image, sample.label)),
    )
    return (after - before) / before


def entropy(relevance: Float64, bins: int = 10) -> float:
    """Of the histogram from the lowest to the highest value."""
    low, high = float(relevance.min()), float(relevance.max())
    counts = [0] * bins
    for value in relevance.ravel():
        counts[min(bins - 1, int((float(value) - low) / (high - low) * bins))] += 1
    shares = [count / relevance.size for count in counts if count]
    return -sum(share * math.log(share) for share in shares)
