"""Axioms in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample


def completeness_gap(sample: MetricSample) -> float:
    """Of a map without channels, against black; Sundararajan et al. 2017, proposition 1."""
    change = sample.score(sample.image) - sample.score(np.zeros_like(sample.image))
    total = sum(float(sample.relevance[pixel]) for pixel in sample.pixels())
    return abs(total - change) / abs(change)


def non_sensitivity(sample: MetricSample) -> float:
    """Where "no relevance" and "no influence" disagree, pixel by pixel; Nguyen and Martinez 2020."""
    black = np.zeros_like(sample.image)
    falls = [
        abs(sample.score(sample.image) - sample.score(sample.without([pixel], black)))
        for pixel in sample.pixels()
    ]
    sizes = [abs(float(sample.relevance[pixel])) for pixel in sample.pixels()]
    differ = [
        (size <= 0.2 * max(sizes)) != (fall <= 0.2 * max(falls))
        for size, fall in zip(sizes, falls, strict=True)
    ]
    return sum(differ) / len(differ)
