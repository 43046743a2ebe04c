"""The contract suites, and small models with known answers; also for methods and metrics of others.

`check_method` runs the whole contract on a method, `checks` hands out its checks one by one; `check_metric`
and `metric_checks` do so for a metric. `MODELS` holds the tiny models, `oracles` methods and metrics again in
plain loops, `golden` the maps that every backend shares.
"""

from kerascope.testing.check import Check, CheckOutcome, ContractError, ContractReport
from kerascope.testing.contract import check_method, checks
from kerascope.testing.fixture import Models
from kerascope.testing.metrics import Scenes, check_metric, metric_checks
from kerascope.testing.models import MODELS, Tiny, UnavailableError, family

__all__ = [
    "MODELS",
    "Check",
    "CheckOutcome",
    "ContractError",
    "ContractReport",
    "Models",
    "Scenes",
    "Tiny",
    "UnavailableError",
    "check_method",
    "check_metric",
    "checks",
    "family",
    "metric_checks",
]
