"""Axioms in loops."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.seen import Seen


def completeness_gap(seen: Seen) -> float:
    """Of a map without channels, against black; Sundararajan et al. 2017, proposition 1."""
    change = seen.score(seen.image) - seen.score(np.zeros_like(seen.image))
    total = sum(float(seen.relevance[place]) for place in seen.places())
    return abs(total - change) / abs(change)


def non_sensitivity(seen: Seen) -> float:
    """Where "no relevance" and "no influence" disagree, pixel by pixel; Nguyen and Martinez 2020."""
    black = np.zeros_like(seen.image)
    falls = [
        abs(seen.score(seen.image) - seen.score(seen.without([place], black))) for place in seen.places()
    ]
    sizes = [abs(float(seen.relevance[place])) for place in seen.places()]
    differ = [
        (size <= 0.2 * max(sizes)) != (fall <= 0.2 * max(falls))
        for size, fall in zip(sizes, falls, strict=True)
    ]
    return sum(differ) / len(differ)
