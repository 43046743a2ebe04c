"""Values of segments gone wrong: mistakes that are easily made."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

import kerascope as ks
from kerascope.method.segments.base import Valuation
from kerascope.typing import Tensor


@dataclass(frozen=True)
class Unweighted(ks.LIME):
    """A coalition far from the image counts as much as a near one."""

    def proximity(self, coalitions: Tensor) -> Tensor:
        return np.ones(len(coalitions))


@dataclass(frozen=True)
class ShareAsDistance(ks.LIME):
    """The distance is the share of segments that are removed."""

    def proximity(self, coalitions: Tensor) -> Tensor:
        return np.exp(-(((1 - coalitions.mean(axis=1)) / self.width) ** 2))


@dataclass(frozen=True)
class RootOfTheKernel(ks.LIME):
    """The square root of the kernel, as in the authors' implementation."""

    def proximity(self, coalitions: Tensor) -> Tensor:
        return np.sqrt(super().proximity(coalitions))


@dataclass(frozen=True)
class AlwaysPenalised(ks.LIME):
    """The penalty is one, whatever was asked for."""

    def value_segments(self, count: int, whole: Tensor, labels: Tensor) -> Valuation:
        method = ks.LIME(self.masks, self.width, 1.0, self.seed, self.tolerance)
        return method.value_segments(count, whole, labels)


@dataclass(frozen=True)
class KernelOfSizes(ks.KernelSHAP):
    """Each size has the weight of the kernel, which is not divided among its coalitions."""

    def weights(self, coalitions: Tensor) -> Tensor:
        sizes, count = coalitions.sum(axis=1), coalitions.shape[1]
        return (count - 1) / (sizes * (count - sizes))


def from_nothing(exploration: Valuation) -> Generator[Tensor, Tensor, Tensor]:
    """An exploration that is told that the empty coalition, its first one, scores zero."""
    request = next(exploration)
    scores = np.array((yield request))
    scores[0] = 0
    while True:
        try:
            request = exploration.send(scores)
        except StopIteration as finished:
            return finished.value
        scores = yield request


@dataclass(frozen=True)
class FromZero(ks.KernelSHAP):
    """The score without any segment is taken to be zero."""

    def value_segments(self, count: int, whole: Tensor, labels: Tensor) -> Valuation:
        return from_nothing(super().value_segments(count, whole, labels))


@dataclass(frozen=True)
class PartsFromZero(ks.PartitionSHAP):
    """The score without any segment is taken to be zero."""

    def value_segments(self, count: int, whole: Tensor, labels: Tensor) -> Valuation:
        return from_nothing(super().value_segments(count, whole, labels))


@dataclass(frozen=True)
class HalvesOfNumbers(ks.PartitionSHAP):
    """Segments are cut in halves by their numbers, wherever they lie."""

    def value_segments(self, count: int, whole: Tensor, labels: Tensor) -> Valuation:
        return super().value_segments(count, whole, np.arange(count, dtype="int32"))


@dataclass(frozen=True)
class SplitOnce(ks.PartitionSHAP):
    """Halves are not split again."""

    def value_segments(self, count: int, whole: Tensor, labels: Tensor) -> Valuation:
        return ks.PartitionSHAP.value_segments(replace(self, masks=2), count, whole, labels)


WRONG = [
    (Unweighted, "oracle"),
    (ShareAsDistance, "oracle"),
    (RootOfTheKernel, "oracle"),
    (AlwaysPenalised, "identities"),
    (KernelOfSizes, "oracle"),
    (FromZero, "identities"),
    (PartsFromZero, "identities"),
    (HalvesOfNumbers, "oracle"),
    (SplitOnce, "cost"),
    (SplitOnce, "identities"),
]
