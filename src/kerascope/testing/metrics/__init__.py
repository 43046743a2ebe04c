"""The contract of metrics: `contract` runs it, `checks` holds the checks, `scene` what they are made on."""

from kerascope.testing.metrics.contract import check_metric, metric_checks
from kerascope.testing.metrics.scene import Scenes

__all__ = ["Scenes", "check_metric", "metric_checks"]
