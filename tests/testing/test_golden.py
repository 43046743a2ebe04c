"""Golden maps are met by machines that round otherwise."""

from __future__ import annotations

import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.bench import Bench, difference
from kerascope.testing.golden import case_maps, nearest_maps


@pytest.mark.once
def test_a_unit_within_a_rounding_of_its_kink_may_fall_on_either_side() -> None:
    bench = Bench(ks.IntegratedGradients)
    elsewhere = case_maps(bench, "conv3d", 1 - 3e-6)
    assert difference(case_maps(bench, "conv3d"), elsewhere) > bench.tolerance
    assert difference(nearest_maps(bench, "conv3d", elsewhere), elsewhere) <= bench.tolerance


@pytest.mark.once
def test_what_no_rounding_explains_is_found() -> None:
    bench = Bench(ks.IntegratedGradients)
    wrong = np.roll(case_maps(bench, "conv3d"), 1, axis=0)
    assert difference(nearest_maps(bench, "conv3d", wrong), wrong) > bench.tolerance
