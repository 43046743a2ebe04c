"""Methods that are wrong in one way each, and the check of the contract that must find it."""

from __future__ import annotations

from pathlib import Path

import pytest

import kerascope as ks
from wrong import behaviour, cam, gradient, guided, maps

WRONG = [*cam.WRONG, *gradient.WRONG, *guided.WRONG, *maps.WRONG, *behaviour.WRONG]


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


@pytest.mark.once
def test_every_check_has_been_seen_to_fail() -> None:
    applying = {check.name for method in ks.methods().values() for check in ks.testing.checks(method)}
    assert applying == {check for _, check in WRONG}
