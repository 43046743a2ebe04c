"""Metrics that remove what is relevant, and do it wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import EvalItem
from kerascope.metric.faithfulness import imputation


@dataclass(frozen=True)
class LeastFirst(metric.Deletion):
    """The least relevant pixels go first."""

    @staticmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        return 0, pixels - count


@dataclass(frozen=True)
class SizesFirst(metric.Deletion):
    """The order is that of sizes: what speaks against the target is removed as well."""

    def measure(self, item: EvalItem) -> Any:
        sizes = np.abs(item.explanation.values)
        return super().measure(EvalItem(item.batch, replace(item.explanation, values=sizes)))


@dataclass(frozen=True)
class OfTheScore(metric.Deletion):
    """The score is followed, where the paper has the probability."""

    def measure(self, item: EvalItem) -> Any:
        item.batch.compute_once("probability", lambda: item.batch.answer)
        return super().measure(item)


@dataclass(frozen=True)
class WithoutTheFirstStep(metric.Deletion):
    """The curve begins after the first step."""

    def measure(self, item: EvalItem) -> Any:
        curves = super().measure(item).curves[:, 1:]
        return metric.Measurement(np.trapezoid(curves, dx=1 / (curves.shape[1] - 1), axis=1))


@dataclass(frozen=True)
class FromBlack(metric.Insertion):
    """Pixels come into a black image."""

    baseline: Any = 0.0


@dataclass(frozen=True)
class AllNeighboursAlike(metric.ROADMost):
    """All eight neighbours weigh the same."""

    def measure(self, item: EvalItem) -> Any:
        before = imputation.DIAGONAL
        try:
            imputation.DIAGONAL = imputation.DIRECT  # type: ignore[misc]
            return super().measure(item)
        finally:
            imputation.DIAGONAL = before  # type: ignore[misc]


@dataclass(frozen=True)
class FromTheOtherEnd(metric.ROADLeast):
    """The most relevant pixels go first."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(self.curves(item, most=True).mean(axis=1))


@dataclass(frozen=True)
class NotHalved(metric.ROAD):
    """The whole difference."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(2 * super().measure(item).values)


@dataclass(frozen=True)
class UnderTheCurve(metric.IROF):
    """The area under the curve, where the one above it is wanted."""

    def compute_drops(self, before: Any, curves: Any) -> Any:
        return 1 - super().compute_drops(before, curves)


@dataclass(frozen=True)
class Sums(metric.RegionPerturbation):
    """Falls are summed up, where their mean is wanted."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        return metric.Measurement(found.values * found.curves.shape[1])


WRONG = [
    (LeastFirst, "oracle"),
    (LeastFirst, "right_beats_wrong"),
    (SizesFirst, "oracle"),
    (OfTheScore, "oracle"),
    (OfTheScore, "within_bounds"),
    (WithoutTheFirstStep, "oracle"),
    (FromBlack, "oracle"),
    (AllNeighboursAlike, "oracle"),
    (FromTheOtherEnd, "oracle"),
    (FromTheOtherEnd, "right_beats_wrong"),
    (NotHalved, "oracle"),
    (UnderTheCurve, "oracle"),
    (UnderTheCurve, "right_beats_wrong"),
    (Sums, "oracle"),
]
