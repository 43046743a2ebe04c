"""The contract that every metric keeps, as checks that anyone can run on a metric of their own.

    import kerascope as ks

    ks.testing.check_metric(MyMetric)                     # all of them; raises with a list of what failed

    @pytest.mark.parametrize("check", ks.testing.metric_checks(MyMetric), ids=str)
    def test_contract(check):                             # or one test for each
        check()

Which checks apply follows from what the metric says of itself: `needs`, `direction`, `invariant`.

A check that fails for a good reason is listed in `expected_failures` with that reason; it is strict: when
it passes, that is a failure too. Those of kerascope's own metrics are in `EXCEPTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kerascope.metric import Metric
from kerascope.testing.check import Check, ContractReport, bind_checks, run
from kerascope.testing.metrics import checks as _  # noqa: F401 (fills the contract)
from kerascope.testing.metrics.exceptions import EXCEPTIONS
from kerascope.testing.metrics.fixture import MetricFixture
from kerascope.testing.metrics.registry import check
from kerascope.testing.metrics.scene import Scenes
from kerascope.testing.oracles.metrics import MetricOracle


def metric_checks(
    metric: type[Metric] | Metric,
    *,
    oracle: MetricOracle | None = None,
    expected_failures: Mapping[str, str] | None = None,
    scenes: Scenes | None = None,
) -> list[Check]:
    """The checks that apply to a metric, to be called one by one.

    Args:
        metric: a metric's class, tried with the settings of `kerascope.testing.metrics.fast_settings`, else
            with its defaults; or a metric as it is.
        oracle: the metric from its paper in plain loops; see `kerascope.testing.oracles.metrics`. None for
            the one of kerascope's own metric of this name with the same settings; without one the check is
            skipped.
        expected_failures: reason by name of the check; None for those of kerascope's own metric of this name.
        scenes: images and models to share with the checks of other metrics; None for new ones.

    Raises:
        ValueError: an expected failure names no check that applies, or gives no reason.

    Example:
        >>> import kerascope as ks
        >>> [str(check) for check in ks.testing.metric_checks(ks.metric.Deletion)][0]
        'Deletion-is_a_value'
    """
    fixture = MetricFixture(metric, oracle, scenes)
    if expected_failures is None:
        expected_failures = EXCEPTIONS.get(fixture.metric.name)
    return bind_checks(fixture, check.select(fixture.tags), expected_failures)


def check_metric(
    metric: type[Metric] | Metric,
    *,
    oracle: MetricOracle | None = None,
    expected_failures: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
) -> ContractReport:
    """Run every check that applies to a metric, on the current backend.

    Args:
        metric: see `metric_checks`.
        oracle: see `metric_checks`.
        expected_failures: see `metric_checks`.
        only: names of the checks to run; None for all.

    Returns:
        One outcome per check.

    Raises:
        ContractError: at least one check failed; the message lists all that did.

    Cost:
        Some twenty measurements on four small images.

    Example:
        >>> import kerascope as ks
        >>> print(ks.testing.check_metric(ks.metric.Deletion, only=["is_a_value"]))
        Deletion()
            is_a_value: passed
    """
    found = metric_checks(metric, oracle=oracle, expected_failures=expected_failures)
    return run((metric() if isinstance(metric, type) else metric).describe(), found, only)
