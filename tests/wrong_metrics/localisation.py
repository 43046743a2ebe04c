"""Metrics of a map and a mask, and of a map alone, that compute something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import EvalItem


@dataclass(frozen=True)
class EmptyHits(metric.PointingGame):
    """A mask without a pixel counts as a hit, as in a library that compares what is left out with nothing."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        return metric.Measurement(np.where(np.isnan(found.values), 1.0, found.values))


@dataclass(frozen=True)
class OfSizes(metric.PointingGame):
    """The largest pixel, whatever its sign."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        return super().score_map(np.abs(relevance), mask)


@dataclass(frozen=True)
class WithoutTolerance(metric.TolerantPointingGame):
    """The tolerance is forgotten."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        return metric.PointingGame().score_map(relevance, mask)


@dataclass(frozen=True)
class Signless(metric.EnergyPointingGame):
    """What speaks against the target counts too."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        return super().score_map(np.abs(relevance), mask)


@dataclass(frozen=True)
class TwiceAsMany(metric.RelevanceRank):
    """Twice as many pixels are taken as the object has."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        top = np.sort(relevance.ravel())[-2 * int(mask.sum())]
        return float(mask[relevance >= top].sum() / mask.sum())


@dataclass(frozen=True)
class TheOtherWayRound(metric.LocalisationAUC):
    """The chance that a pixel on the object is less relevant."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        return 1 - super().score_map(relevance, mask)


@dataclass(frozen=True)
class MeanAsThreshold(metric.OtsuIoU):
    """The mean as the threshold."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        found = np.maximum(relevance, 0) > np.maximum(relevance, 0).mean()
        return float((found & mask).sum() / (found | mask).sum())


@dataclass(frozen=True)
class AllParts(metric.BoxLocalisation):
    """The box of everything that is strong."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        rows, columns = np.nonzero(relevance > self.share * relevance.max())
        filled = np.zeros_like(relevance)
        filled[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
        return super().score_map(filled, mask)


@dataclass(frozen=True)
class Positive(metric.Sparseness):
    """What speaks against the target does not count."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(self.compute(item.positive))


@dataclass(frozen=True)
class InNats(metric.Complexity):
    """Not divided by its largest value."""

    def compute(self, magnitudes: Any) -> Any:
        return super().compute(magnitudes) * np.log(magnitudes.shape[1])


@dataclass(frozen=True)
class OfTheLargestMap(metric.MeanAttribution):
    """As a share of the largest of all maps."""

    def compute(self, magnitudes: Any) -> Any:
        return (magnitudes / magnitudes.max()).mean(axis=1)


WRONG = [
    (EmptyHits, "oracle"),
    (OfSizes, "oracle"),
    (WithoutTolerance, "oracle"),
    (Signless, "oracle"),
    (TwiceAsMany, "oracle"),
    (TheOtherWayRound, "oracle"),
    (TheOtherWayRound, "right_beats_wrong"),
    (MeanAsThreshold, "oracle"),
    (AllParts, "oracle"),
    (Positive, "oracle"),
    (InNats, "oracle"),
    (InNats, "within_bounds"),
    (OfTheLargestMap, "oracle"),
    (OfTheLargestMap, "image_alone"),
]
