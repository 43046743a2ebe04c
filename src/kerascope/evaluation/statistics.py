"""What can be said of means over images: intervals, ranks, and which differences are shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array

RESAMPLES = 2000
"""Bootstrap resamples: the ends of a 95 % interval rest on 50 of them each."""
LEVEL = 0.05
"""The chance of a false statement that is accepted, for all comparisons on a metric together."""
LEAST = 6
"""The fewest images on which a difference is called shown: of fewer, an interval tells too little."""


def means(values: Array) -> Array:
    """The mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def resampled(values: Array, seed: int = 0) -> Array:
    """Means over bootstrap resamples of the images, the same images for every row.

    Args:
        values: (..., N), NaN where there is none.
        seed: of the resamples.

    Returns:
        (RESAMPLES, ...).
    """
    count = values.shape[-1]
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    # How often each image is in each resample; then means are products of matrices.
    times = np.stack([np.bincount(row, minlength=count) for row in drawn]).astype("float64")
    known = np.isfinite(values)
    total = times @ np.moveaxis(np.where(known, values, 0.0), -1, 0).reshape(count, -1)
    number = times @ np.moveaxis(known, -1, 0).reshape(count, -1)
    found = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return np.asarray(found.reshape(RESAMPLES, *values.shape[:-1]))


def interval(values: Array, seed: int = 0) -> tuple[Array, Array]:
    """The 95 % bootstrap interval of each mean over the last axis, by percentiles.

    Args:
        values: (..., N), NaN where there is none.
        seed: of the resamples.

    Returns:
        Its lower and upper ends, (...); NaN with fewer than two values.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    enough = np.isfinite(values).sum(axis=-1) >= 2
    return _ends(resampled(values, seed), enough)


def _ends(samples: Array, enough: Array) -> tuple[Array, Array]:
    low, high = np.full(enough.shape, np.nan), np.full(enough.shape, np.nan)
    for place in np.ndindex(enough.shape):
        own = samples[(slice(None), *place)]
        own = own[np.isfinite(own)]
        if enough[place] and len(own):
            low[place], high[place] = np.quantile(own, [0.025, 0.975])
    return low, high


def ranks(values: Array, direction: str, seed: int = 0) -> tuple[Array, Array, Array]:
    """The rank of each method's mean, 1 the best, with its 95 % bootstrap interval.

    Args:
        values: (M, N) of one metric.
        direction: `"higher"` or `"lower"` is better.
        seed: of the resamples.

    Returns:
        Ranks and the ends of their intervals, (M,) each; ties have the mean rank, methods without any value
        NaN.
    """
    sign = -1.0 if direction == "higher" else 1.0
    known = np.isfinite(values).any(axis=1)
    found = [np.full(len(values), np.nan) for _ in range(3)]
    if known.any():
        found[0][known] = _ranked(sign * means(values[known])[None])[0]
        samples = _ranked(sign * resampled(values[known], seed))
        enough = np.isfinite(values[known]).sum(axis=1) >= 2
        found[1][known], found[2][known] = _ends(samples, enough)
    return found[0], found[1], found[2]


def _ranked(rows: Array) -> Array:
    from scipy.stats import rankdata

    # What is not known in a resample comes last.
    return np.asarray(rankdata(np.where(np.isfinite(rows), rows, np.inf), axis=1))


@dataclass(frozen=True)
class Comparison:
    """Two methods on one metric, image by image.

    Args:
        first: position of one method.
        second: position of the other.
        difference: mean of the first less the second, over the images on which both have a value.
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        p: of the paired t test, adjusted for all pairs on the metric (Holm); NaN where it cannot be told.
        count: number of these images.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    p: float
    count: int

    @property
    def separate(self) -> bool:
        """A difference is shown: the interval is off zero, and p is below .05, on at least six images."""
        off = self.low > 0 or self.high < 0
        return off and self.count >= LEAST and self.p < LEVEL


def comparisons(values: Array, seed: int = 0) -> list[Comparison]:
    """Every pair of methods that have values on common images.

    Args:
        values: (M, N) of one metric.
        seed: of the resamples.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    pairs = [(one, other) for one in range(len(values)) for other in range(one + 1, len(values))]
    if not pairs:
        return []
    differences = np.stack([values[one] - values[other] for one, other in pairs])
    counts = np.isfinite(differences).sum(axis=1)
    low, high = interval(differences, seed)
    adjusted = _holm(_p(differences, counts))
    middle = means(differences)
    return [
        Comparison(
            *pair,
            float(middle[row]),
            float(low[row]),
            float(high[row]),
            float(adjusted[row]),
            int(counts[row]),
        )
        for row, pair in enumerate(pairs)
        if counts[row]
    ]


def _p(differences: Array, counts: Array) -> Array:
    """Of the paired t test, two-sided; 1 where nothing differs, 0 where all differ alike."""
    from scipy.stats import t

    middle = means(differences)
    squares = np.where(np.isfinite(differences), (differences - middle[:, None]) ** 2, 0.0).sum(axis=1)
    error = np.sqrt(squares / np.maximum(counts - 1, 1) / np.maximum(counts, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(middle == 0, 0.0, np.abs(middle) / error)
    found = 2 * t.sf(statistic, np.maximum(counts - 1, 1))
    return np.where(counts >= 2, found, np.nan)


def _holm(p: Array) -> Array:
    """Adjusted for all together: the least times their number, the next times one fewer, and so on."""
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    found = np.full(len(p), np.nan)
    found[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors)) if len(order) else []
    return found
