"""What tests of metrics share: a small function in the place of a model, and explanations made by hand."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

import kerascope as ks
from kerascope import errors
from kerascope.testing import MODELS

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


class Planted:
    """The planted colour detector, its masks, and maps that are right, random and wrong."""

    def __init__(self) -> None:
        tiny = MODELS["planted"]()
        # Sharper, so that probabilities move; and four classes, for mosaics.
        head = tiny.model.layers[-1]
        head.set_weights([40 * np.eye(3, dtype="float32"), np.zeros(3, "float32")])
        self.probe = ks.Probe(tiny.model, compile=False)
        self.images, self.targets = tiny.images, list(tiny.targets)
        self.masks = np.zeros(self.images.shape[:3], bool)
        for image, (top, bottom, left, right) in enumerate(tiny.boxes):
            self.masks[image, top:bottom, left:right] = True
        self.method = ks.LayerCAM()
        self.right = self.method(self.probe, self.images, self.targets)
        self.random = ks.RandomMap(seed=3)(self.probe, self.images, self.targets)
        self.wrong = replace(self.right, values=np.where(self.masks, 0.0, 1.0).astype("float32"), layer=None)

    def measured(self, one: ks.metric.Metric, explanation: ks.Explanation, rows: Any = slice(None)) -> Any:
        """The values of some of the images, whatever is warned of."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.EvaluationWarning)
            return one(
                self.probe,
                self.images[rows],
                explanation[rows],
                self.targets[rows],
                method=self.method,
                masks=self.masks[rows],
                labels=self.targets[rows],
            ).values
