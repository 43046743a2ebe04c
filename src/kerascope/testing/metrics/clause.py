"""The contract of metrics; see `kerascope.testing.clause`."""

from __future__ import annotations

from kerascope.testing.clause import Clauses
from kerascope.testing.metrics.bench import MetricBench

clause: Clauses[MetricBench] = Clauses()
