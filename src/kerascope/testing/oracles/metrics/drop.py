"""Metrics that look at the image through its map, in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample
from kerascope.testing.oracles.network import Float64


def unit(relevance: Float64) -> Float64:
    """What speaks for the target, brought to 0 to 1."""
    positive = np.maximum(relevance, 0)
    scaled: Float64 = (positive - positive.min()) / (positive.max() - positive.min())
    return scaled


def _through(sample: MetricSample) -> Float64:
    """The image times its map."""
    masked = sample.image.copy()
    for pixel in sample.pixels():
        masked[pixel] *= unit(sample.relevance)[pixel]
    return masked


def average_drop(sample: MetricSample) -> float:
    """The share that is lost; Chattopadhyay et al. 2018, section 5.1."""
    before, after = sample.probability(sample.image), sample.probability(_through(sample))
    return max(0.0, before - after) / before


def increase(sample: MetricSample) -> float:
    """Whether it rises; Chattopadhyay et al. 2018, section 5.1."""
    return float(sample.probability(_through(sample)) > sample.probability(sample.image))


def gain(sample: MetricSample) -> float:
    """The share that is won; Zhang et al. 2024, section 4.1."""
    before, after = sample.probability(sample.image), sample.probability(_through(sample))
    return max(0.0, after - before) / (1 - before)


def adcc(sample: MetricSample) -> float:
    """The harmonic mean of coherency, sparseness and the kept score; Poppi et al. 2021, equations 5 to 8."""
    again = sample.saliency(_through(sample))
    coherency = (np.corrcoef(sample.relevance.ravel(), again.ravel())[0, 1] + 1) / 2
    parts = (coherency, 1 - unit(sample.relevance).mean(), 1 - average_drop(sample))
    return float(3 / sum(1 / part for part in parts))
