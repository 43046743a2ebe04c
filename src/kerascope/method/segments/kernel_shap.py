"""KernelSHAP: Shapley values of segments, from a weighted regression on coalitions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kerascope import errors
from kerascope.method.masks.base import PerturbationMethod
from kerascope.method.segments.base import SegmentMethod, Valuation
from kerascope.method.segments.regression import generator, has_converged, rounds, standard_error
from kerascope.typing import Array
from kerascope.validation import check_positive, check_whole

_DRAWS = 4
"""Pairs drawn for each pair needed, since some are drawn twice."""


@dataclass(frozen=True)
class KernelSHAP(SegmentMethod, name="kernel_shap"):
    r"""KernelSHAP: the Shapley value of each segment, as a weighted regression on coalitions.

    $$V = \arg\min_w \sum_{z} \frac{S - 1}{\binom{S}{|z|}\, |z|\, (S - |z|)}
      \big(s(z) - s(\emptyset) - w \cdot z\big)^2 \quad\text{subject to}\quad
      \sum_i w_i = s(x) - s(\emptyset)$$

    over the coalitions $z$ of the $S$ segments, 1 for one that is left and 0 for one that is removed, but for
    the empty one and the image itself, which are in the constraint. All of them are scored where there
    are at most `masks`: then values are the Shapley values. Else coalitions are drawn with probability in
    proportion to that weight, each with its complement, and count as often as they were drawn; one that was
    drawn before is not scored again.

    Args:
        masks: the most coalitions besides the empty one, at least 2, and two for each segment but one;
            default 1000, which is all of them for up to 9 segments.
        seed: of the coalitions, a whole number of at least 0; the same ones for every image with as many
            segments, on every backend.
        tolerance: where coalitions are drawn, stop an image once the standard error of its segments' values,
            as root mean square, is at most this share of their range; looked at every max(4 S, 64) masks.
            Default None, which takes all masks. `Explanation.masks` counts those taken.

    Returns:
        values float32 (N, *spatial), the same over a segment, signed, in units of the score; not normalised.
        The values of the segments sum to the score less the score of the empty coalition, however many masks
        there are. NaN where that score is not known, or too few pairs are.

    Raises:
        ParameterError: there are too many segments for so few masks.

    Cost:
        2 forwards, and at most 1 for each mask and baseline; 2^S for S segments where these are fewer.
        Several targets share them.

    Source:
        Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017, theorem 2;
        drawing from the kernel, in pairs: Covert and Lee, Improving KernelSHAP: Practical Shapley Value
        Estimation Using Linear Regression, AISTATS 2021. Deviation: the two equations of a pair, which are
        opposite and weigh the same, are one; a pair of which a score is NaN is left out.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.KernelSHAP(segments=(2, 2))(model, images, target=1).masks  # all 14, and the empty one
        array([15, 15], dtype=int32)
    """

    masks: int = 1000
    seed: int = 0
    tolerance: float | None = None

    tags: ClassVar[frozenset[str]] = PerturbationMethod.tags | {"stochastic"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.masks, "masks", 2)
        check_whole(self.seed, "seed", 0)
        if self.tolerance is not None:
            check_positive(self.tolerance, "tolerance")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, and for each baseline one without any segment and one for each mask.

        The number of segments is known of a grid alone; of others all masks are counted.
        """
        masks = self.masks // 2 * 2
        if isinstance(self.segments, tuple):
            masks = min(masks, 2 ** math.prod(self.segments) - 2)
        return 1 + (1 + masks) * self.baselines

    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """Coalitions in pairs, and the regression on them."""
        every = 2**count - 2 <= self.masks
        if not every and self.masks < 2 * (count - 1):
            raise errors.ParameterError(
                f"masks must be at least two for each segment but one, {2 * count - 2} for {count} segments; "
                f"got {self.masks}; give more, or take fewer segments."
            )
        pairs, draws = _all_pairs(count) if every else _draw_pairs(count, self.masks // 2, self.seed)
        tolerance = None if every else self.tolerance
        known, values = np.empty((0, 2, len(whole))), np.full((len(whole), count), np.nan)
        none = whole
        for total in rounds(2 * len(pairs), count, tolerance):
            new = pairs[len(known) : total // 2]
            request = np.stack([new, 1 - new], axis=1).reshape(-1, count)
            if not len(known):
                found = yield np.concatenate([np.zeros((1, count)), request])
                none, found = found[0], found[1:]
            else:
                found = yield request
            known = np.concatenate([known, found.reshape(-1, 2, len(whole))])
            part = pairs[: len(known)]
            weights = self.weights(part) if every else _count_draws(draws, len(known))
            values, error = solve_kernel(part, weights, known, whole - none)
            if has_converged(values, error, tolerance):
                break
        return values

    def weights(self, coalitions: Array) -> Array:
        """The Shapley kernel, (n,)."""
        count = coalitions.shape[1]
        sizes = coalitions.sum(axis=1).astype("int64").tolist()
        return np.array([(count - 1) / (math.comb(count, size) * size * (count - size)) for size in sizes])


def solve_kernel(pairs: Array, weights: Array, scores: Array, change: Array) -> tuple[Array, Array]:
    """The value of each segment (K, S), by the weighted regression, and its standard error (K,).

    A pair (n, S) is the coalition with the last segment; its scores (n, 2, K) are for the coalition and the
    complement. The value of the last segment is the rest of `change` (K,), the change of the score from no
    segment to all. The equation of a coalition with the last segment is `s(z) - s(none) - change = sum over
    the others of w_i (z_i - 1)`, and for its complement `s(1 - z) - s(none) = -(the same sum)`: half their
    difference replaces both. NaN and infinity where the regression has no single solution.
    """
    known = np.isfinite(scores).all(axis=(1, 2))
    design, weights = pairs[known, :-1] - 1, weights[known]
    halves = (scores[known, 0] - scores[known, 1] - change) / 2
    weighed = design * weights[:, None]
    square, free = design.T @ weighed, design.shape[1]
    if free and np.linalg.matrix_rank(square, hermitian=True) < free:
        return np.full((len(change), free + 1), np.nan), np.full(len(change), np.inf)
    influence = np.linalg.solve(square, weighed.T)
    values = influence @ halves
    influence = np.concatenate([influence, -influence.sum(axis=0, keepdims=True)])
    error = standard_error(influence, halves - design @ values, free)
    return np.concatenate([values, change[None] - values.sum(axis=0, keepdims=True)]).T, error


def _all_pairs(count: int) -> tuple[Array, Array]:
    """Of every pair the coalition with the last segment, (2^(S-1) - 1, S); and no draws."""
    numbers = np.arange(2 ** (count - 1) - 1)
    others = numbers[:, None] >> np.arange(count - 1) & 1
    return np.concatenate([others, np.ones((len(numbers), 1))], axis=1), np.empty(0, "int64")


def _draw_pairs(count: int, most: int, seed: int) -> tuple[Array, Array]:
    """Different pairs, as many as `most` unless these are nearly all there are, and the pair of each draw."""
    # Each draw has S + 1 random numbers: one for the size, and one for each segment, the lowest being on.
    random = generator(seed).random((_DRAWS * most, count + 1))
    sizes = np.arange(1, count)
    below = np.cumsum(1 / (sizes * (count - sizes)))
    size = 1 + np.searchsorted(below[:-1] / below[-1], random[:, 0], side="right")
    on = np.argsort(np.argsort(random[:, 1:], axis=1), axis=1) < size[:, None]
    on = on == on[:, -1:]
    _, first, which = np.unique(np.packbits(on, axis=1), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), "int64")
    place[order] = np.arange(len(order))
    draws = place[which.reshape(-1)]
    return on[first[order[:most]]].astype("float64"), draws[: _draws_before(draws, most)]


def _count_draws(draws: Array, pairs: int) -> Array:
    """How often each of the first pairs was drawn before a later one was, (pairs,)."""
    return np.bincount(draws[: _draws_before(draws, pairs)], minlength=pairs).astype("float64")


def _draws_before(draws: Array, pairs: int) -> int:
    """How many draws there are before the first of a pair with this number."""
    later = draws >= pairs
    return int(np.argmax(later)) if later.any() else len(draws)
