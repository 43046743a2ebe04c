"""Metrics that explain again, and compute something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascope import metric
from kerascope.metric.context import EvalItem
from kerascope.metric.similarity import similarity_of


@dataclass(frozen=True)
class Mean(metric.MaxSensitivity):
    """The mean over the copies."""

    def summarize(self, map_shifts: Any, image_shifts: Any, norms: Any) -> Any:
        return map_shifts.mean(axis=0) / norms


@dataclass(frozen=True)
class NotDivided(metric.MaxSensitivity):
    """Not as a share of the map's size."""

    def summarize(self, map_shifts: Any, image_shifts: Any, norms: Any) -> Any:
        return map_shifts.max(axis=0)


@dataclass(frozen=True)
class Furthest(metric.AverageSensitivity):
    """The furthest of the copies."""

    def summarize(self, map_shifts: Any, image_shifts: Any, norms: Any) -> Any:
        return map_shifts.max(axis=0) / norms


@dataclass(frozen=True)
class ForTheMap(metric.LocalLipschitz):
    """Divided by the map's size, not by how far the image moves."""

    def summarize(self, map_shifts: Any, image_shifts: Any, norms: Any) -> Any:
        return map_shifts.max(axis=0) / norms


@dataclass(frozen=True)
class TheSameClass(metric.RandomLogit):
    """The other class is the one that is explained."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(similarity_of(self.similarity, item.maps, item.maps))


@dataclass(frozen=True)
class Distance(metric.RandomLogit):
    """How far apart both maps are."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(-super().measure(item).values)


@dataclass(frozen=True)
class NotAShare(metric.EfficientRandomisation):
    """The rise itself, in nats."""

    def compute_change(self, before: Any, after: Any) -> Any:
        return self._compute_entropy(after) - self._compute_entropy(before)


@dataclass(frozen=True)
class TheOtherWay(metric.EfficientRandomisation):
    """By how much the entropy falls."""

    def compute_change(self, before: Any, after: Any) -> Any:
        return -super().compute_change(before, after)


@dataclass(frozen=True)
class FromAnUntrainedModel(metric.EfficientRandomisation):
    """Both maps are of a random model, as in a library whose clone begins without what was learnt."""

    def compute_change(self, before: Any, after: Any) -> Any:
        return super().compute_change(after, after)


@dataclass(frozen=True)
class ForTheArea(metric.Focus):
    """Divided by the share of the mosaic that the tile takes."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(4 * super().measure(item).values)


@dataclass(frozen=True)
class OfTheOthers(metric.Focus):
    """The share that lies on the other tiles."""

    def measure(self, item: EvalItem) -> Any:
        return metric.Measurement(1 - super().measure(item).values)


WRONG = [
    (Mean, "oracle"),
    (NotDivided, "oracle"),
    (NotDivided, "scale_does_not_count"),
    (Furthest, "oracle"),
    (ForTheMap, "oracle"),
    (ForTheMap, "scale_counts"),
    (TheSameClass, "oracle"),
    (TheSameClass, "cost"),
    (Distance, "oracle"),
    (Distance, "right_beats_wrong"),
    (NotAShare, "oracle"),
    (TheOtherWay, "oracle"),
    (TheOtherWay, "right_beats_wrong"),
    (FromAnUntrainedModel, "oracle"),
    (ForTheArea, "oracle"),
    (ForTheArea, "within_bounds"),
    (OfTheOthers, "oracle"),
]
