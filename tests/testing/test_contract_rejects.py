"""Methods that are wrong in one way each, and the check of the contract that must find it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import kerascope as ks
from tests import wrong

# What is wrong is wrong on every backend: it is held against NumPy.
pytestmark = pytest.mark.once

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(wrong.__path__, "tests.wrong.")
    if not found.ispkg
]
WRONG = [pair for module in MODULES for pair in module.WRONG]


@pytest.mark.parametrize(("method", "check"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_method_is_rejected(method: type[ks.Method], check: str, golden: Path) -> None:
    oracle = ks.testing.oracles.ORACLES[method.name]
    known = {found.name: found for found in ks.testing.checks(method, oracle=oracle, golden=golden)}
    failure = "it passed"
    try:
        outcome = known[check]()
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
    except ks.testing.ContractError as error:
        failure = str(error)
    assert f"-{check}: " in failure


def test_every_check_has_been_seen_to_fail() -> None:
    applying = {check.name for method in ks.methods().values() for check in ks.testing.checks(method)}
    assert applying == {check for _, check in WRONG}
