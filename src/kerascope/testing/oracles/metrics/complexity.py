"""How much of the image a map points at, in loops."""

from __future__ import annotations

import math

from kerascope.testing.oracles.metrics.sample import MetricSample


def _sizes_of(sample: MetricSample) -> list[float]:
    """The values of the map without their signs."""
    return [abs(float(sample.relevance[pixel])) for pixel in sample.pixels()]


def sparseness(sample: MetricSample) -> float:
    """Gini: half the mean difference between any two sizes, as a share of the mean; Chalasani et al. 2020."""
    sizes = _sizes_of(sample)
    total = sum(abs(first - second) for first in sizes for second in sizes)
    return total / (2 * len(sizes) * sum(sizes))


def complexity(sample: MetricSample) -> float:
    """Entropy of the shares, as a share of the largest possible; Bhatt et al. 2020, definition 4."""
    sizes = _sizes_of(sample)
    shares = [size / sum(sizes) for size in sizes if size > 0]
    return -sum(share * math.log(share) for share in shares) / math.log(len(sizes))


def mean_attribution(sample: MetricSample) -> float:
    """The mean size, as a share of the largest; Poppi et al. 2021, equation 7."""
    sizes = _sizes_of(sample)
    return sum(sizes) / len(sizes) / max(sizes)
