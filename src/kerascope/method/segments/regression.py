"""Linear regression on the scores of coalitions: rounds, standard errors, when to stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerascope.typing import Array


def generator(seed: int) -> np.random.Generator:
    """The generator of coalitions: the same for every image, on every backend."""
    # Behind the seed, so that it is not the generator of a baseline of noise.
    return np.random.default_rng([seed, 0, 1])


def rounds(masks: int, count: int, tolerance: float | None) -> Iterator[int]:
    """The total number of masks at the end of each round: four a segment, at least 64, or all in one."""
    if tolerance is not None:
        step = max(4 * count, 64)
        yield from range(step, masks, step)
    yield masks


def standard_error(influence: Array, residuals: Array, free: int) -> Array:
    """The standard error (K,) of the values of segments, as root mean square; infinite without free rows.

    Rows are random, and scores are not exactly linear, so that residuals (n, K) may differ in size: the
    variance of a value is the sum over rows of the squares of what each residual does to it, the `influence`
    (S, n), times n / (n - free) with `free` parameters.
    """
    rows = len(residuals)
    if rows <= free:
        return np.full(residuals.shape[1], np.inf)
    variances = (influence**2 @ residuals**2) * (rows / (rows - free))
    return np.asarray(np.sqrt(variances.mean(axis=0)))


def has_converged(values: Array, error: Array, tolerance: float | None) -> bool:
    """Whether the standard error (K,) is at most a share of the range of the values (K, S)."""
    return tolerance is not None and bool((error <= tolerance * np.ptp(values, axis=1)).all())
