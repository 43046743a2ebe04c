"""Metrics that look at the image through its map, and do it wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import Case
from kerascope.metric.faithfulness.drop import left, lost, pearson


@dataclass(frozen=True)
class OverTheBatch(metric.AverageDrop):
    """The map is brought to 0 to 1 over all images at once."""

    def measure(self, case: Case) -> Any:
        case.unit = (case.positive / case.positive.max()).reshape(case.maps.shape)
        return super().measure(case)


@dataclass(frozen=True)
class RiseCounts(metric.AverageDrop):
    """What rises counts as a drop below zero."""

    def measure(self, case: Case) -> Any:
        whole, rest = left(case)
        return metric.Measurement((whole - rest) / whole)


@dataclass(frozen=True)
class Falls(metric.Increase):
    """1 where the probability falls."""

    def measure(self, case: Case) -> Any:
        return metric.Measurement(1 - super().measure(case).values)


@dataclass(frozen=True)
class Drop(metric.Gain):
    """What was lost is counted as won."""

    def measure(self, case: Case) -> Any:
        return metric.Measurement(lost(*left(case)))


@dataclass(frozen=True)
class ShareOfTheWhole(metric.Gain):
    """Divided by the probability itself, as a drop is."""

    def measure(self, case: Case) -> Any:
        whole, rest = left(case)
        return metric.Measurement(np.maximum(rest - whole, 0) / whole)


@dataclass(frozen=True)
class CoherentWithItself(metric.ADCC):
    """Coherency is that of the map with itself."""

    def measure(self, case: Case) -> Any:
        dense = case.unit.reshape(len(case.unit), -1).mean(axis=1)
        return metric.Measurement(3 / (1 + 1 / (1 - dense) + 1 / (1 - lost(*left(case)))))


@dataclass(frozen=True)
class ArithmeticMean(metric.ADCC):
    """The mean of the three parts."""

    def measure(self, case: Case) -> Any:
        method = case.method
        assert method is not None
        again = method(case.subject.probe, case.subject.images * case.unit[..., None], case.subject.target)
        coherency = (pearson(case.flattened, again.heatmaps().reshape(len(case.maps), -1)) + 1) / 2
        dense = case.unit.reshape(len(case.unit), -1).mean(axis=1)
        return metric.Measurement((coherency + 1 - dense + 1 - lost(*left(case))) / 3)


WRONG = [
    (OverTheBatch, "oracle"),
    (OverTheBatch, "image_alone"),
    (RiseCounts, "oracle"),
    (RiseCounts, "within_bounds"),
    (Falls, "oracle"),
    (Falls, "right_beats_wrong"),
    (Drop, "oracle"),
    (ShareOfTheWhole, "oracle"),
    (CoherentWithItself, "oracle"),
    (CoherentWithItself, "cost"),
    (ArithmeticMean, "oracle"),
]
