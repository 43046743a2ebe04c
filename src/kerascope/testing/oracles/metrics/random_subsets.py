"""Metrics on random subsets, in loops; every pixel is a cell here."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample


def _subsets(sample: MetricSample, share: float = 0.2) -> tuple[list[float], list[float]]:
    """Of 20 subsets: the relevance of the removed cells, and the fall of the score."""
    pixels = sample.pixels()
    sums, falls = [], []
    for seed in range(20):
        order = np.random.default_rng([0, seed]).permutation(len(pixels))
        chosen = [pixels[index] for index in order[: round(share * len(pixels))]]
        sums.append(sum(float(sample.relevance[pixel]) for pixel in chosen))
        without = sample.without(chosen, np.zeros_like(sample.image))
        falls.append(sample.score(sample.image) - sample.score(without))
    return sums, falls


def faithfulness_correlation(sample: MetricSample) -> float:
    """Pearson's coefficient; Bhatt et al. 2020, equation 1."""
    return float(np.corrcoef(*_subsets(sample))[0, 1])


def mu_fidelity(sample: MetricSample) -> float:
    """Spearman's coefficient; Bhatt et al. 2020, equation 1, as Fel et al. 2022 give it."""
    from scipy.stats import spearmanr

    return float(spearmanr(*_subsets(sample)).statistic)


def infidelity(sample: MetricSample) -> float:
    """The mean square of the missed change; Yeh et al. 2019, definition 2.1."""
    sums, falls = _subsets(sample)
    return sum((expected - fall) ** 2 for expected, fall in zip(sums, falls, strict=True)) / len(sums)


def normalised_infidelity(sample: MetricSample) -> float:
    """The same in the best scale, as a share of the mean square of the fall."""
    sums, falls = map(np.asarray, _subsets(sample))
    best = max(0.0, float((sums * falls).sum() / (sums**2).sum()))
    return float(((best * sums - falls) ** 2).sum() / (falls**2).sum())


def sensitivity_n(sample: MetricSample) -> float:
    """The mean of Pearson's coefficients over two sizes; Ancona et al. 2018."""
    return float(np.mean([np.corrcoef(*_subsets(sample, share))[0, 1] for share in (0.1, 0.4)]))
