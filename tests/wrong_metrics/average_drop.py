"""Metrics that look at the image through its map, and do it wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import EvalItem
from kerascope.metric.faithfulness.average_drop import compute_probabilities, relative_drop
from kerascope.metric.statistics import pearson


@dataclass(frozen=True)
class OverTheBatch(metric.AverageDrop):
    """The map is brought to 0 to 1 over all images at once."""

    def measure(self, item: EvalItem) -> Any:
        vars(item)["unit_maps"] = (item.positive / item.positive.max()).reshape(item.maps.shape)
        return super().measure(item)


@dataclass(frozen=True)
class RiseCounts(metric.AverageDrop):
    """What rises counts as a drop below zero."""

    def measure(self, item: EvalItem) -> Any:
        whole, rest = compute_probabilities(item)
        return metric.Measurement((whole - rest) / whole)


@dataclass(frozen=True)
class Falls(metric.Increase):
    """1 where the probability falls."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(1 - super().measure(item).values)


@dataclass(frozen=True)
class Drop(metric.Gain):
    """What was lost is counted as won."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(relative_drop(*compute_probabilities(item)))


@dataclass(frozen=True)
class ShareOfTheWhole(metric.Gain):
    """Divided by the probability itself, as a drop is."""

    def measure(self, item: EvalItem) -> Any:
        whole, rest = compute_probabilities(item)
        return metric.Measurement(np.maximum(rest - whole, 0) / whole)


@dataclass(frozen=True)
class CoherentWithItself(metric.ADCC):
    """Coherency is that of the map with itself."""

    def measure(self, item: EvalItem) -> Any:
        dense = item.unit_maps.reshape(len(item.unit_maps), -1).mean(axis=1)
        return metric.Measurement(
            3 / (1 + 1 / (1 - dense) + 1 / (1 - relative_drop(*compute_probabilities(item))))
        )


@dataclass(frozen=True)
class ArithmeticMean(metric.ADCC):
    """The mean of the three parts."""

    def measure(self, item: EvalItem) -> Any:
        method = item.method
        assert method is not None
        again = method(item.batch.probe, item.batch.images * item.unit_maps[..., None], item.batch.target)
        coherency = (pearson(item.relevance, again.heatmaps().reshape(len(item.maps), -1)) + 1) / 2
        dense = item.unit_maps.reshape(len(item.unit_maps), -1).mean(axis=1)
        return metric.Measurement(
            (coherency + 1 - dense + 1 - relative_drop(*compute_probabilities(item))) / 3
        )


WRONG = [
    (OverTheBatch, "oracle"),
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
