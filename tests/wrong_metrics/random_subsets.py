"""Metrics on subsets, and axioms, that compute something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import EvalItem
from kerascope.metric.statistics import pearson


@dataclass(frozen=True)
class Ranks(metric.FaithfulnessCorrelation):
    """The order of what drops, where its size is wanted."""

    def measure(self, item: EvalItem) -> Any:
        return metric.MuFidelity.measure(self, item)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sizes(metric.MuFidelity):
    """The size of what drops, where its order is wanted."""

    def measure(self, item: EvalItem) -> Any:
        return metric.FaithfulnessCorrelation.measure(self, item)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ConstantErrorIsNone(metric.Infidelity):
    """The variance of what is missed: a constant error is no error."""

    def measure(self, item: EvalItem) -> Any:
        relevance, drops = self.remove(item, self.share)
        return metric.Measurement((relevance - drops).var(axis=1))


@dataclass(frozen=True)
class SaidToBeInvariant(metric.Infidelity):
    """Infidelity that promises what it does not keep."""

    invariant = "scale"


@dataclass(frozen=True)
class SaidToDependOnScale(metric.FaithfulnessCorrelation):
    """A correlation that is said to depend on the map's scale."""

    invariant = None


@dataclass(frozen=True)
class InItsOwnScale(metric.NormalisedInfidelity):
    """Not in the best scale."""

    def measure(self, item: EvalItem) -> Any:
        relevance, drops = self.remove(item, self.share)
        return metric.Measurement(((relevance - drops) ** 2).sum(axis=1) / (drops**2).sum(axis=1))


@dataclass(frozen=True)
class NegativeScale(metric.NormalisedInfidelity):
    """The best scale may be negative: an inverted map is as good as the right one."""

    def measure(self, item: EvalItem) -> Any:
        relevance, drops = self.remove(item, self.share)
        explained = (relevance * drops).sum(axis=1) ** 2 / (relevance**2).sum(axis=1)
        return metric.Measurement(1 - explained / (drops**2).sum(axis=1))


@dataclass(frozen=True)
class OneSizeOnly(metric.SensitivityN):
    """The first size alone."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(pearson(*self.remove(item, self.shares[0])))


@dataclass(frozen=True)
class SignedGap(metric.CompletenessGap):
    """A sum that is too small is a gap below zero."""

    def measure(self, item: EvalItem) -> Any:
        total = item.relevance.sum(axis=1)
        change = item.batch.answer.scores - self._score_baseline(item.batch)
        return metric.Measurement((total - change) / np.abs(change))


@dataclass(frozen=True)
class ExactlyEqual(metric.CompletenessGap):
    """Whether the sum is equal to the last bit, as in a library that compares floats so."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement((super().measure(item).values > 0).astype("float64"))


@dataclass(frozen=True)
class AbsoluteThreshold(metric.NonSensitivity):
    """What counts as none is the same for every map."""

    def _is_zero(self, values: Any) -> Any:
        return np.abs(values) <= self.epsilon


@dataclass(frozen=True)
class BothOrNeither(metric.NonSensitivity):
    """The share of cells that agree."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(1 - super().measure(item).values)


WRONG = [
    (Ranks, "oracle"),
    (Sizes, "oracle"),
    (ConstantErrorIsNone, "oracle"),
    (SaidToBeInvariant, "scale_does_not_count"),
    (SaidToDependOnScale, "scale_counts"),
    (InItsOwnScale, "oracle"),
    (InItsOwnScale, "scale_does_not_count"),
    (NegativeScale, "oracle"),
    (OneSizeOnly, "oracle"),
    (SignedGap, "oracle"),
    (SignedGap, "within_bounds"),
    (ExactlyEqual, "oracle"),
    (ExactlyEqual, "scale_counts"),
    (AbsoluteThreshold, "oracle"),
    (AbsoluteThreshold, "scale_does_not_count"),
    (BothOrNeither, "oracle"),
    (BothOrNeither, "right_beats_wrong"),
]
