"""How well a number of each image tells a class from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.trial import FEWEST
from kerascope.typing import Array

AS_WELL = 0.5
"""The share of its index from which on a trait holds elsewhere, too."""
LEAST_INDEX = 0.3
"""The lower end of the interval of Youden's index must reach this, for a trait to raise a suspicion."""


@dataclass(frozen=True)
class DiscriminativeTrait:
    """A trait that discriminates a class from others.

    Args:
        trait: its name.
        column: its position among the traits.
        higher: whether the class has more of it.
        threshold: the value from which on the class is more likely than others.
        index: Youden's index.
    """

    trait: str
    column: int
    higher: bool
    threshold: float
    index: Estimate

    @property
    def side(self) -> str:
        """In a word."""
        return "higher" if self.higher else "lower"

    def amount(self, values: Array) -> Array:
        """How much of it each image has beyond the threshold, (n,), in the unit of the trait.

        Args:
            values: (n, T) the traits of images.
        """
        own = np.nan_to_num(values[:, self.column])
        return np.asarray(own - self.threshold if self.higher else self.threshold - own)

    def holds_in(self, values: Array, own: Array, share: float = AS_WELL) -> bool:
        """Whether it tells the class by other values, too, to the same side.

        Args:
            values: (M,) the trait, measured elsewhere in the images.
            own: bool (M,), the images of the class.
            share: of its index that is enough.
        """
        higher, _, index = youden_index(values[own], values[~own])
        return higher == self.higher and index.value >= share * self.index.value

    def select(self, values: Array) -> Array:
        """Positions of the images beyond the threshold; at least the eight with most of it."""
        amount = self.amount(values)
        order = np.argsort(-amount, kind="stable")
        return np.sort(order[: max(min(FEWEST, len(order)), int((amount >= 0).sum()))])


def find_trait(values: Array, names: Sequence[str], own: Array) -> DiscriminativeTrait | None:
    """The trait that discriminates a class best, if any does; of equally good ones the first.

    Args:
        values: (M, T) the traits of all images; those that are NaN do not count.
        names: of the traits.
        own: bool (M,), the images of the class.
    """
    if own.sum() < FEWEST or (~own).sum() < FEWEST:
        return None
    best: DiscriminativeTrait | None = None
    for column, name in enumerate(names):
        known = np.isfinite(values[:, column])
        higher, threshold, index = youden_index(values[own & known, column], values[~own & known, column])
        if index.low >= LEAST_INDEX and (best is None or index.low > best.index.low):
            best = DiscriminativeTrait(name, column, higher, threshold, index)
    return best


def youden_index(own: Array, others: Array) -> tuple[bool, float, Estimate]:
    """How well the best threshold discriminates a class: the share of it beyond, minus the share of others.

    Unlike the area under the curve it does not need all of a class to have the trait.

    Returns:
        Whether the class lies above the threshold, the threshold, and the index, with its interval by the
        normal approximation at that threshold.

    Source:
        Youden, Index for rating diagnostic tests, Cancer 1950.
    """
    if len(own) < FEWEST // 2 or len(others) < FEWEST // 2:
        return True, 0.0, Estimate(0.0, -1.0, 1.0, 0.0)
    steps = np.unique(own)
    above = [1 - np.searchsorted(np.sort(values), steps, "left") / len(values) for values in (own, others)]
    below = [np.searchsorted(np.sort(values), steps, "right") / len(values) for values in (own, others)]
    up, down = above[0] - above[1], below[0] - below[1]
    higher = bool(up.max() >= down.max())
    shares, index = (above, up) if higher else (below, down)
    best = int(np.argmax(index))
    variance = sum(
        max(share[best] * (1 - share[best]), 0.25 / len(values)) / len(values)
        for share, values in zip(shares, (own, others), strict=True)
    )
    half, value = 1.96 * float(np.sqrt(variance)), float(index[best])
    return higher, float(steps[best]), Estimate(value, max(value - half, -1), min(value + half, 1), 0.0)
