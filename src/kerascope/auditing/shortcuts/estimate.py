"""A number with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array

LEVEL = 0.05
"""Family-wise rate of false confirmations of an audit, and 1 - the coverage of an interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Args:
        value: the number.
        low: lower end.
        high: upper end.
        usual: its value if there were nothing to find, or None.
    """

    value: float
    low: float
    high: float
    usual: float | None = None

    @classmethod
    def mean(cls, values: Array, usual: float | None = None) -> Estimate:
        """The mean of the finite values, with its interval by Student's t."""
        known = values[np.isfinite(values)]
        half = half_width(known.std(ddof=1), len(known), LEVEL) if len(known) > 1 else np.nan
        value = float(known.mean()) if len(known) else np.nan
        return cls(value, value - half, value + half, usual)


def half_width(deviation: float, count: int, level: float) -> float:
    """Half the width of Student's interval of a mean."""
    from scipy.stats import t

    return float(t.isf(level / 2, count - 1) * deviation / np.sqrt(count)) if count > 1 else float("inf")
