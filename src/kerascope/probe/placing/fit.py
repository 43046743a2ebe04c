"""Where cells lie along an axis, from how strongly each answers to patches at known places.

A patch at c is answered by cell i with the share p(i | c), proportional to

    exp(-(c - start - step i)^2 / 2 s^2),

over the cells that there are. So it does not matter that answers end at the borders of the grid, where a mean
would be drawn inwards. The logarithm is linear in three numbers, and its likelihood has one maximum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kerascope.typing import Array

_NARROWEST = 0.3
"""The least width of an answer, in cells; narrower ones are told apart no better."""
_ROUNDS = 60
_LOW = 0.25
"""The quantile of answers that is common to all patches, or cells."""


class AxisFit(NamedTuple):
    """The centre of the first cell, and the distance of two, in pixels."""

    start: float
    step: float


def find_excess(answers: Array) -> Array:
    """What cells answer to a patch beyond what they answer to every patch, at least 0.

    Where all tokens are mixed, each cell answers to patches anywhere, and to some more: as the product of a
    number for the cell and one for the patch, of which low quantiles tell.

    Args:
        answers: (patches, *grid), at least 0.
    """
    rows = answers.reshape(len(answers), -1)
    every = np.quantile(rows, _LOW)
    common = np.quantile(rows, _LOW, axis=1, keepdims=True) * np.quantile(rows, _LOW, axis=0, keepdims=True)
    common = common / every if every > 0 else rows.min(axis=0, keepdims=True)
    return np.asarray(np.maximum(rows - common, 0).reshape(answers.shape))


def to_shares(excess: Array, power: int) -> list[Array]:
    """For each axis of the grid the share of each cell in the answer to a patch, (patches, cells).

    Args:
        excess: (patches, *grid), at least 0, of which no row is zero.
        power: the higher, the more the strongest cells count.
    """
    axes = range(1, excess.ndim)
    strengths = (excess / excess.max(axis=tuple(axes), keepdims=True)) ** power
    shares = strengths / strengths.sum(axis=tuple(axes), keepdims=True)
    return [shares.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes]


def explained_variance(shares: Array, centres: Array) -> float:
    """r^2 of the mean cell of each answer and the place of its patch, 0 to 1.

    Args:
        shares: (patches, cells), rows sum to 1.
        centres: (patches,), in pixels.
    """
    means = shares @ np.arange(shares.shape[1])
    if len(means) < 3 or not means.std() or not centres.std():
        return 0.0
    return float(np.corrcoef(means, centres)[0, 1] ** 2)


def width_in_cells(shares: Array) -> float:
    """The standard deviation of answers around their means, in cells; rows of `shares` sum to 1."""
    cells = np.arange(shares.shape[1])
    return float(np.sqrt(max(0.0, np.mean(shares @ cells**2 - (shares @ cells) ** 2))))


def fit_axis(shares: Array, centres: Array, low: float, high: float) -> AxisFit:
    """The most likely start and step.

    Args:
        shares: (patches, cells), rows sum to 1.
        centres: (patches,), in pixels.
        low: the first pixel of the part of the axis that is seen.
        high: the one behind the last.
    """
    count = shares.shape[1]
    half, middle = (high - low) / 2, (high + low) / 2
    cells = (np.arange(count) - (count - 1) / 2) / (count / 2)
    places = (centres - middle) / half
    features = np.stack(
        [
            places[:, None] * cells,
            np.broadcast_to(cells, shares.shape),
            np.broadcast_to(-(cells**2), shares.shape),
        ],
        axis=-1,
    )
    narrowest = (count / 2) ** 2 / (2 * _NARROWEST**2)
    slope, offset, curve = _maximize_likelihood(features, shares, narrowest)
    if abs(slope) < 1e-9:
        return AxisFit(middle, 0.0)
    # The likeliest cell of a patch at x is at (slope x + offset) / 2 curve.
    first, second = ((2 * curve * cell - offset) / slope for cell in (cells[0], cells[0] + 2 / count))
    return AxisFit(middle + half * first, half * (second - first))


def _maximize_likelihood(features: Array, shares: Array, most: float) -> Array:
    """Newton's method, with steps that are halved until the likelihood grows."""
    numbers = np.array([1.0, 0.0, 0.5])
    best = _likelihood(features, shares, numbers)
    for _ in range(_ROUNDS):
        logits = features @ numbers
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = powers / powers.sum(axis=1, keepdims=True)
        gradient = np.einsum("ki,kij->j", shares - expected, features)
        means = np.einsum("ki,kij->kj", expected, features)
        hessian = np.einsum("ki,kij,kil->jl", expected, features, features) - means.T @ means
        move = np.linalg.solve(hessian + 1e-6 * len(shares) * np.eye(3), gradient)
        for _ in range(20):
            trial = numbers + move
            if trial[2] > most:  # as narrow as may be, at the same slope of places over cells
                trial = trial * (most / trial[2])
            trial[2] = max(trial[2], 1e-3)
            found = _likelihood(features, shares, trial)
            if found > best:
                break
            move = move / 2
        else:
            break
        done = found - best < 1e-10 * len(shares)
        numbers, best = trial, found
        if done:
            break
    return numbers


def _likelihood(features: Array, shares: Array, numbers: Array) -> float:
    logits = features @ numbers
    most = logits.max(axis=1, keepdims=True)
    sums = np.log(np.exp(logits - most).sum(axis=1, keepdims=True)) + most
    return float((shares * (logits - sums)).sum())
