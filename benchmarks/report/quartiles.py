"""A number that was measured many times: its median, and its quartiles to show the noise."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The median of what was measured, and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def paired(values: Sequence[float], references: Sequence[float]) -> Spread:
    """How many times as large as the references: each value against the reference of its own round.

    A machine that slows down for a while slows both down, so the ratio stays.
    """
    return spread([value / reference for value, reference in zip(values, references, strict=True)])
