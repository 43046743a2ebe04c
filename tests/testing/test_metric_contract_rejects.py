"""Metrics that are wrong in one way each, and the check of the contract that must find it."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import kerascope as ks
from kerascope.testing.oracles.metrics import METRIC_ORACLES
from tests import wrong_metrics

# What is wrong is wrong on every backend: it is held against NumPy.
pytestmark = pytest.mark.once

MODULES = [
    importlib.import_module(f"tests.wrong_metrics.{found.name}")
    for found in pkgutil.iter_modules(wrong_metrics.__path__)
]
WRONG = [pair for module in MODULES for pair in module.WRONG]


@pytest.mark.parametrize(("metric", "check"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_metric_is_rejected(metric: type[ks.metric.Metric], check: str) -> None:
    oracle = METRIC_ORACLES[metric.name]
    known = {found.name: found for found in ks.testing.metric_checks(metric, oracle=oracle)}
    with pytest.raises(ks.testing.ContractError, match=f"-{check}: "):
        known[check]()


def test_every_check_has_been_seen_to_fail() -> None:
    applying = {check.name for metric in ks.metrics().values() for check in ks.testing.metric_checks(metric)}
    assert applying == {check for _, check in WRONG}


def test_every_metric_has_been_seen_to_be_computed_wrong() -> None:
    assert {metric.name for metric, check in WRONG if check == "oracle"} == set(ks.metrics())
