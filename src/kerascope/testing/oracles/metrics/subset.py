"""Metrics on random subsets, in loops; every pixel is a cell here."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.seen import Seen


def _subsets(seen: Seen, share: float = 0.2) -> tuple[list[float], list[float]]:
    """Of 20 subsets: the relevance of what is removed, and the fall of the score."""
    places = seen.places()
    sums, falls = [], []
    for number in range(20):
        order = np.random.default_rng([0, number]).permutation(len(places))
        chosen = [places[place] for place in order[: round(share * len(places))]]
        sums.append(sum(float(seen.relevance[place]) for place in chosen))
        without = seen.without(chosen, np.zeros_like(seen.image))
        falls.append(seen.score(seen.image) - seen.score(without))
    return sums, falls


def faithfulness_correlation(seen: Seen) -> float:
    """Pearson's coefficient; Bhatt et al. 2020, equation 1."""
    return float(np.corrcoef(*_subsets(seen))[0, 1])


def mu_fidelity(seen: Seen) -> float:
    """Spearman's coefficient; Bhatt et al. 2020, equation 1, as Fel et al. 2022 give it."""
    from scipy.stats import spearmanr

    return float(spearmanr(*_subsets(seen)).statistic)


def infidelity(seen: Seen) -> float:
    """The mean square of what is missed; Yeh et al. 2019, definition 2.1."""
    sums, falls = _subsets(seen)
    return sum((one - other) ** 2 for one, other in zip(sums, falls, strict=True)) / len(sums)


def normalised_infidelity(seen: Seen) -> float:
    """The same in the best scale, as a share of the mean square of the fall."""
    sums, falls = map(np.asarray, _subsets(seen))
    best = max(0.0, float((sums * falls).sum() / (sums**2).sum()))
    return float(((best * sums - falls) ** 2).sum() / (falls**2).sum())


def sensitivity_n(seen: Seen) -> float:
    """The mean of Pearson's coefficients over two sizes; Ancona et al. 2018."""
    return float(np.mean([np.corrcoef(*_subsets(seen, share))[0, 1] for share in (0.1, 0.4)]))
