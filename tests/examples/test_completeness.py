"""How nearly paths close on a network that was trained."""

from __future__ import annotations

import numpy as np
import pytest

import kerascope as ks
from examples.demo import digits
from tests.helpers.processes.demo_run import demo_run


@pytest.mark.slow
@pytest.mark.once
def test_paths_close_on_the_digit_network(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """With 50 steps from black, every one of 32 test digits closes within 2 %."""
    model = demo_run(tmp_path_factory, seed).network
    images = digits.load_digits("package", seed).test_images[:32]
    for method in (ks.IntegratedGradients(), ks.GuidedIntegratedGradients(), ks.BlurIntegratedGradients()):
        gap = float(np.abs(method(model, images).completeness_gap).max())
        print(f"{method.describe()} misses the sum by {gap:.2%} at most")
        assert gap < 0.02, method.describe()
