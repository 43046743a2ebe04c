"""Oracles are found by the names of their methods."""

from __future__ import annotations

import pytest

import kerascope as ks

pytestmark = pytest.mark.once


def test_every_method_has_an_oracle_and_every_oracle_a_method() -> None:
    assert set(ks.testing.oracles.ORACLES) == set(ks.methods())
