"""The contract of every registered metric, on this process's backend."""

from __future__ import annotations

import pytest

import kerascope as ks
from kerascope.testing.oracles.metrics import METRIC_ORACLES

# Measuring changes nothing, so all metrics may share the scenes.
SHARED = ks.testing.Scenes()

# What a backend has a say in: what it is asked, how often, and in which passes. The rest is NumPy.
BACKEND_HAS_A_SAY = {"cost", "image_alone", "oracle"}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=str(check), marks=[] if check.name in BACKEND_HAS_A_SAY else pytest.mark.once)
        for metric in ks.metrics().values()
        for check in ks.testing.metric_checks(metric, scenes=SHARED)
    ],
)
def test_contract(check: ks.testing.Check) -> None:
    assert check().status == ("passed" if check.expected_failure is None else "expected failure")


@pytest.mark.once
def test_every_metric_has_an_oracle_and_every_oracle_a_metric() -> None:
    assert set(METRIC_ORACLES) == set(ks.metrics())


@pytest.mark.once
def test_the_whole_contract_of_a_metric_in_one_call() -> None:
    report = ks.testing.check_metric(ks.metric.Focus)
    statuses = {outcome.check: outcome.status for outcome in report.outcomes}
    assert statuses["oracle"] == "passed"
    assert statuses["image_alone"] == "expected failure"
    assert str(report).startswith("Focus()\n")
