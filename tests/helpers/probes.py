"""What tests of the probe share."""

from __future__ import annotations

import os
from typing import Any

import keras

import kerascope as ks

BACKEND = os.environ["KERAS_BACKEND"]


def picked(model: keras.Model, images: Any) -> str | None:
    """The layer that is taken when none is named."""
    automatic = [row.path for row in ks.Probe(model).layers(images) if row.automatic]
    assert len(automatic) <= 1
    return automatic[0] if automatic else None
