"""Settings with which checks run metrics: the same metrics, asking less often, on small images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascope.metric import Metric
from kerascope.testing.fast_settings import apply_settings

_SUBSETS = {"samples": 20, "cells": 48}
_COPIES = {"samples": 3, "radius": 0.2}
_SHARES = {"shares": (0.25, 0.5)}

FAST: Mapping[str, Mapping[str, Any]] = {
    "average_sensitivity": _COPIES,
    "efficient_randomisation": {"bins": 10, "seed": 3},
    "faithfulness_correlation": _SUBSETS,
    "infidelity": _SUBSETS,
    "irof": {"regions": 12},
    "local_lipschitz": _COPIES,
    "max_sensitivity": _COPIES,
    "mu_fidelity": _SUBSETS,
    "non_sensitivity": {"cells": 48, "epsilon": 0.2},
    "normalised_infidelity": _SUBSETS,
    "pointing_game_15": {"tolerance": 2.0},
    "random_logit": {"seed": 4},
    "region_perturbation": {"regions": 12, "steps": 8},
    "road": _SHARES,
    "road_least": _SHARES,
    "road_most": _SHARES,
    "sensitivity_n": {**_SUBSETS, "shares": (0.1, 0.4)},
}
"""Parameters by the name of the metric; the oracles are of metrics with these."""


def make_fast(metric: type[Metric]) -> Metric:
    """A metric of this class with the settings above."""
    return apply_settings(metric, FAST)
