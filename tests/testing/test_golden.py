"""Golden maps lie where every method is smooth: a few roundings of the images hardly move them."""

from __future__ import annotations

import pytest

import kerascope as ks
from kerascope.testing.fixture import Fixture, Models, difference
from kerascope.testing.golden import CASES, case_maps

SHARED = Models()
ROUNDINGS = 3e-6
"""Some 50 roundings of a float32."""


@pytest.mark.once
# Some map of some class is flat, and paths of few steps miss their sum; they are stored like the others.
@pytest.mark.filterwarnings("ignore::kerascope.errors.KerascopeWarning")
@pytest.mark.parametrize("name", [name for name in ks.methods() if name != "random_map"])
@pytest.mark.parametrize("case", CASES)
def test_no_golden_map_lies_at_a_corner(name: str, case: str) -> None:
    fixture = Fixture(ks.methods()[name], models=SHARED)
    if not fixture.fits(case):
        pytest.skip(f"{name} refuses {case}")
    stored = case_maps(fixture, case)
    moved = difference(case_maps(fixture, case, 1 + ROUNDINGS), stored)
    # Backends may differ by a third of what the golden file allows.
    assert moved <= fixture.tolerance / 3
