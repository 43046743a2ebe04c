"""Settings with which checks run methods that ask often: the same methods, asking less often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from kerascope.method import Method
from kerascope.method.path.integrated_gradients import IntegratedGradients
from kerascope.metric import Metric

Named = TypeVar("Named", Method, Metric)

_PATH = {"steps": 8}
_NOISE = {"samples": 4}

FAST: Mapping[str, Mapping[str, Any]] = {
    # On random weights all relevance may be negative, and the ReLU leaves nothing to look at.
    "ablation_cam": {"relu": False},
    "augmented": {"scales": (0.9, 1.1)},
    "blur_integrated_gradients": _PATH,
    "expected_gradients": {"samples": 8},
    "extremal_perturbation": {"cells": 6, "steps": 6, "learning_rate": 0.003},
    "guided_integrated_gradients": _PATH,
    "hsic": {"masks": 128, "segments": 16},
    "integrated_gradients": {"steps": 16},
    "kernel_shap": {"segments": (2, 3), "masks": 64},
    "lime": {"segments": (2, 4), "masks": 64},
    "partition_shap": {"segments": (2, 4), "masks": 64},
    "rise": {"masks": 64, "cells": 4},
    "score_cam": {"relu": False},
    "smooth_grad": _NOISE,
    "sobol": {"designs": 8, "segments": 16},
    "square_grad": _NOISE,
    "var_grad": _NOISE,
    "xrai": {"method": IntegratedGradients(steps=4, baseline=("black", "white")), "scales": (50.0, 250.0)},
}
"""Parameters by the name of the method; the oracles are of methods with these."""


def make_fast(method: type[Method]) -> Method:
    """A method of this class with the settings above."""
    return apply_settings(method, FAST)


def apply_settings(kind: type[Named], settings: Mapping[str, Mapping[str, Any]]) -> Named:
    """A value of this class with the settings for its name, where it has such parameters."""
    known = {field.name for field in fields(kind) if field.init}
    return kind(**{name: value for name, value in settings.get(kind.name, {}).items() if name in known})
