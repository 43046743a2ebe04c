"""Small networks with drawn weights, for tests of class activation maps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import kerascope as ks
from kerascope.typing import Tensor


def network(*parts: Any, shape: tuple[int, ...] = (8, 10, 3), seed: int = 0) -> tuple[ks.Probe, Tensor]:
    """A probe of layers with drawn weights, and two images for it."""
    model = keras.Sequential([keras.Input(shape), *parts])
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, part.shape) for part in model.get_weights()])
    return ks.Probe(model, compile=False), random.random((2, *shape)).astype("float32")
