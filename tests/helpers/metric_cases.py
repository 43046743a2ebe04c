"""What tests of metrics share: a small function in the place of a model, and explanations made by hand."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

import kerascope as ks
from kerascope import errors

SIDE, CLASSES = 6, 3
_GENERATOR = np.random.default_rng(7)
_HIDDEN = _GENERATOR.normal(size=(SIDE * SIDE, 5)) / 4
_HEAD = _GENERATOR.normal(size=(5, CLASSES))
IMAGES = _GENERATOR.random((4, SIDE, SIDE, 1)).astype("float32")
MAPS = _GENERATOR.normal(size=(4, SIDE, SIDE)).astype("float32")
MASKS = np.zeros((4, SIDE, SIDE), bool)
MASKS[0, 1:4, 2:5] = MASKS[1, :2] = MASKS[2, 4:, 4:] = True  # the last is empty
LABELS = [0, 2, 1, 1]
TARGET = ks.Probability(LABELS)


def probabilities(images: Any) -> Any:
    """(n, CLASSES) of a small network, in NumPy."""
    scores = np.tanh(np.asarray(images, "float64").reshape(len(images), -1) @ _HIDDEN) @ _HEAD
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def box() -> Any:
    """The network as a black box."""
    return ks.BlackBox(probabilities)


def probability(image: Any, label: int) -> float:
    """Of one image (SIDE, SIDE) or (SIDE, SIDE, 1) and one class."""
    return float(probabilities(np.asarray(image, "float32").reshape(1, SIDE, SIDE, 1))[0, label])


def explained(probe: Any, images: Any, maps: Any, target: Any = TARGET, **changed: Any) -> ks.Explanation:
    """An explanation with these maps (N, H, W)."""
    made = ks.RandomMap()(probe, images, target)
    return replace(made, values=np.asarray(maps, "float32"), signed=True, method="made by hand", **changed)


def measured(metric: ks.metric.Metric, maps: Any = MAPS, **options: Any) -> Any:
    """The values of a metric on the black box, whatever it warns of."""
    probe = box()
    options = {"masks": MASKS, "target": TARGET} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.EvaluationWarning)
        return metric(probe, IMAGES, explained(probe, IMAGES, maps), **options).values
