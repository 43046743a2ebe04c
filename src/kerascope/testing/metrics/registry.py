"""The registry of the checks of metrics."""

from __future__ import annotations

from kerascope.testing.metrics.fixture import MetricFixture
from kerascope.testing.registry import Contract

check: Contract[MetricFixture] = Contract()
