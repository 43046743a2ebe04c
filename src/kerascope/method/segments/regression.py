"""Linear regression on the scores of coalitions: rounds, standard errors, when to stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerascope.typing import Array


def generator(seed: int) -> np.random.Generator:
    """The generator of coalitions: the same for every image, on every backend.

    Args:
        seed: of the method.
    """
    # Behind the seed, so that it is not the generator of a baseline of noise.
    return np.random.default_rng([seed, 0, 1])


def rounds(masks: int, count: int, tolerance: float | None) -> Iterator[int]:
    """The total number of masks at the end of each round.

    Args:
        masks: the most masks.
        count: number of segments.
        tolerance: None for a single round; else a round is four masks for each segment, at least 64.
    """
    if tolerance is not None:
        step = max(4 * count, 64)
        yield from range(step, masks, step)
    yield masks


def standard_error(influence: Array, residuals: Array, free: int) -> Array:
    """The standard error of the values of segments, as root mean square over them.

    Rows are random, and a line is not what made the scores, so that residuals need not be alike: the variance
    of a value is the sum over rows of the squares of what each residual does to it, times n / (n - free).

    Args:
        influence: (S, n), what a change of the score of a row does to each value.
        residuals: (n, K).
        free: number of free parameters of the line.

    Returns:
        (K,); infinite where there are no more rows than free parameters.
    """
    rows = len(residuals)
    if rows <= free:
        return np.full(residuals.shape[1], np.inf)
    variances = (influence**2 @ residuals**2) * (rows / (rows - free))
    return np.asarray(np.sqrt(variances.mean(axis=0)))


def has_converged(values: Array, error: Array, tolerance: float | None) -> bool:
    """Whether the standard error is at most a share of the range of the values, for each class.

    Args:
        values: (K, S).
        error: (K,).
        tolerance: the share; None for never.
    """
    return tolerance is not None and bool((error <= tolerance * np.ptp(values, axis=1)).all())
