"""Metrics that look at the image through its map, in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.seen import Float64, Seen


def unit(relevance: Float64) -> Float64:
    """What speaks for the target, brought to 0 to 1."""
    positive = np.maximum(relevance, 0)
    scaled: Float64 = (positive - positive.min()) / (positive.max() - positive.min())
    return scaled


def _through(seen: Seen) -> Float64:
    """The image times its map."""
    masked = seen.image.copy()
    for place in seen.places():
        masked[place] *= unit(seen.relevance)[place]
    return masked


def average_drop(seen: Seen) -> float:
    """The share that is lost; Chattopadhyay et al. 2018, section 5.1."""
    before, after = seen.probability(seen.image), seen.probability(_through(seen))
    return max(0.0, before - after) / before


def increase(seen: Seen) -> float:
    """Whether it rises; Chattopadhyay et al. 2018, section 5.1."""
    return float(seen.probability(_through(seen)) > seen.probability(seen.image))


def gain(seen: Seen) -> float:
    """The share that is won; Zhang et al. 2024, section 4.1."""
    before, after = seen.probability(seen.image), seen.probability(_through(seen))
    return max(0.0, after - before) / (1 - before)


def adcc(seen: Seen) -> float:
    """The harmonic mean of coherency, sparseness and what is kept; Poppi et al. 2021, equations 5 to 8."""
    again = seen.saliency(_through(seen))
    coherency = (np.corrcoef(seen.relevance.ravel(), again.ravel())[0, 1] + 1) / 2
    parts = (coherency, 1 - unit(seen.relevance).mean(), 1 - average_drop(seen))
    return float(3 / sum(1 / part for part in parts))
