"""Statistics of means over images: bootstrap intervals, ranks, and paired comparisons."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from kerascope.metric.statistics import finite_mean
from kerascope.typing import Array

RESAMPLES = 2000
"""Bootstrap resamples; each end of a 95 % interval depends on 50 of them."""
LEVEL = 0.05
"""Family-wise probability of a false statement for all comparisons on a metric."""
MIN_IMAGES = 6
"""The fewest images for which a difference is reported; with fewer, an interval is unreliable."""


def bootstrap_means(values: Array, seed: int = 0) -> Array:
    """Return means (RESAMPLES, ...) over resamples of the images, the same images for every row (..., N)."""
    count = values.shape[-1]
    resamples = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    # Means are matrix products with the number of times that each image is in each resample.
    times = np.stack([np.bincount(row, minlength=count) for row in resamples]).astype("float64")
    known = np.isfinite(values)
    total = times @ np.moveaxis(np.where(known, values, 0.0), -1, 0).reshape(count, -1)
    number = times @ np.moveaxis(known, -1, 0).reshape(count, -1)
    means = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return np.asarray(means.reshape(RESAMPLES, *values.shape[:-1]))


def interval(values: Array, seed: int = 0) -> tuple[Array, Array]:
    """Return the 95 % bootstrap interval of each mean over the last axis, by percentiles.

    The ends are NaN with fewer than two values.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    enough = np.isfinite(values).sum(axis=-1) >= 2
    return _interval_ends(bootstrap_means(values, seed), enough)


def _interval_ends(samples: Array, enough: Array) -> tuple[Array, Array]:
    low, high = np.full(enough.shape, np.nan), np.full(enough.shape, np.nan)
    for index in np.ndindex(enough.shape):
        sample = samples[(slice(None), *index)]
        sample = sample[np.isfinite(sample)]
        if enough[index] and len(sample):
            low[index], high[index] = np.quantile(sample, [0.025, 0.975])
    return low, high


def ranks(values: Array, direction: str, seed: int = 0) -> tuple[Array, Array, Array]:
    """Return the rank of each method's mean, 1 the best, with its 95 % bootstrap interval.

    Values are (M, N). Ties get the mean rank, methods without any value NaN.
    """
    sign = -1.0 if direction == "higher" else 1.0
    known = np.isfinite(values).any(axis=1)
    rank, low, high = (np.full(len(values), np.nan) for _ in range(3))
    if known.any():
        rank[known] = _rank_rows(sign * finite_mean(values[known])[None])[0]
        samples = _rank_rows(sign * bootstrap_means(values[known], seed))
        enough = np.isfinite(values[known]).sum(axis=1) >= 2
        low[known], high[known] = _interval_ends(samples, enough)
    return rank, low, high


def _rank_rows(rows: Array) -> Array:
    from scipy.stats import rankdata

    # Methods without a value in a resample come last.
    return np.asarray(rankdata(np.where(np.isfinite(rows), rows, np.inf), axis=1))


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of two methods on one metric.

    Args:
        first: index of one method.
        second: index of the other method.
        difference: mean of the first minus the second, over the images where both have a value.
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        p: p value of the paired t test, adjusted for all pairs on the metric (Holm); NaN if undefined.
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
        """Whether the interval excludes zero and p is below .05, on at least six images."""
        excludes_zero = self.low > 0 or self.high < 0
        return excludes_zero and self.count >= MIN_IMAGES and self.p < LEVEL


def comparisons(values: Array, seed: int = 0) -> list[Comparison]:
    """Return the comparison of every pair of methods that have values on common images.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    pairs = list(itertools.combinations(range(len(values)), 2))
    if not pairs:
        return []
    differences = np.stack([values[first] - values[second] for first, second in pairs])
    counts = np.isfinite(differences).sum(axis=1)
    means, (low, high) = finite_mean(differences), interval(differences, seed)
    p = _adjust(_p_values(differences, counts))
    return [
        Comparison(
            first,
            second,
            float(means[row]),
            float(low[row]),
            float(high[row]),
            float(p[row]),
            int(counts[row]),
        )
        for row, (first, second) in enumerate(pairs)
        if counts[row]
    ]


def _p_values(differences: Array, counts: Array) -> Array:
    """Return p of the two-sided paired t test; 1 if all differences are zero, 0 if they are all equal."""
    from scipy.stats import t

    means = finite_mean(differences)
    squares = np.where(np.isfinite(differences), (differences - means[:, None]) ** 2, 0.0).sum(axis=1)
    error = np.sqrt(squares / np.maximum(counts - 1, 1) / np.maximum(counts, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(means == 0, 0.0, np.abs(means) / error)
    return np.where(counts >= 2, 2 * t.sf(statistic, np.maximum(counts - 1, 1)), np.nan)


def _adjust(p: Array) -> Array:
    """Return Holm's adjustment: the smallest p times their number, the next times one fewer, and so on."""
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    if len(order):
        factors = np.arange(len(order), 0, -1)
        adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return adjusted
