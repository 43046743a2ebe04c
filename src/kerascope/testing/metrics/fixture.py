"""The fixture that the checks of one metric share: the metric, scenes, measurements, comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from kerascope.explanation import Explanation
from kerascope.method.wrappers.base import Wrapper
from kerascope.metric import Measurement, Metric
from kerascope.probe import Answer, AnyProbe
from kerascope.testing.metrics.fast_settings import make_fast
from kerascope.testing.metrics.scene import MetricScene, Scenes
from kerascope.testing.oracles.metrics import METRIC_ORACLES, MetricOracle
from kerascope.typing import Array

CLOSE = 1e-4
"""Difference of values that float32 explains: metrics take differences of scores and of maps."""


class MetricFixture:
    """The metric under test and everything that its checks share.

    Args:
        metric: a metric's class, with the settings of `kerascope.testing.metrics.fast_settings`, or a metric.
        oracle: its oracle, or None for the one of kerascope's own metric of this name.
        scenes: what scenes are taken from; None for new ones.
    """

    def __init__(
        self,
        metric: type[Metric] | Metric,
        oracle: MetricOracle | None = None,
        scenes: Scenes | None = None,
    ) -> None:
        self.type: type[Metric] = metric if isinstance(metric, type) else type(metric)
        self.metric: Metric = make_fast(metric) if isinstance(metric, type) else metric
        self.title = self.type.__name__ if isinstance(metric, type) else repr(metric)
        if oracle is None and self.metric == _default(self.type):
            oracle = METRIC_ORACLES.get(self.type.name)
        self.oracle = oracle
        self.scenes = Scenes() if scenes is None else scenes

    @property
    def tags(self) -> frozenset[str]:
        """What decides which checks apply: what it needs, its invariance, whether it has a direction."""
        found = {*self.metric.needs, f"invariant_{self.metric.invariant}".lower()}
        return frozenset(found | ({"directed"} if self.metric.direction else set()))

    @property
    def scene(self) -> MetricScene:
        """The smooth one, on which nearly everything is checked."""
        return self.scenes.smooth

    @property
    def explanation(self) -> Explanation:
        """What is measured there: the map of the method, of metrics that explain again, else one by hand."""
        return self.scene.maps["own" if "method" in self.metric.needs else "noise"]

    def measure(self, explanation: Explanation | None = None, **given: Any) -> Measurement:
        """What the metric finds on the smooth scene; see `MetricScene.measure`."""
        return self.scene.measure(self.metric, explanation or self.explanation, **given)

    @cached_property
    def found(self) -> Measurement:
        """What it finds on all images, measured once."""
        return self.measure()

    def measure_changed(self, change: Callable[[Array], Array]) -> Measurement:
        """What it finds where all maps are changed, also those that the metric asks the method for."""
        explanation = replace(self.explanation, values=change(self.explanation.values))
        return self.measure(explanation, method=Changed(self.scene.method, change))


@dataclass(frozen=True)
class Changed(Wrapper):
    """A method whose maps are changed."""

    change: Callable[[Array], Array] = np.asarray

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        """The changed values."""
        answer = self.method.attribute(probe, images, target)
        assert answer.values is not None
        return replace(answer, values=self.change(answer.values))


def _default(metric: type[Metric]) -> Metric | None:
    required = any(field.default is field.default_factory and field.init for field in fields(metric))
    return None if required else make_fast(metric)


def assert_agree(actual: Array, expected: Array, what: str, tolerance: float = CLOSE) -> None:
    """Assert that values agree, and are missing in the same places."""
    scale = max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
    if not np.allclose(actual, expected, rtol=0, atol=tolerance * scale, equal_nan=True):
        raise AssertionError(f"{what}: values must be {expected.tolist()}; got {actual.tolist()}")
