"""What tests of maximisation share."""

from __future__ import annotations

import os
from typing import Any

import kerascope as ks

BACKEND = os.environ["KERAS_BACKEND"]
UNIT = (0, 1)
STILL = ks.Transforms(jitter=0, scale=1)


def maximize(model: Any, target: Any, **parameters: Any) -> ks.Maximization:
    """Few steps, quiet, on pixels from 0 to 1."""
    defaults: dict[str, Any] = {"steps": 4, "snapshots": 2, "input_range": UNIT}
    return ks.maximize(model, target, **(defaults | parameters))
