"""What tests of the keras-vis interface are given."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.helpers.networks.vis import network


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(1).random((8, 8, 2)).astype("float32")
