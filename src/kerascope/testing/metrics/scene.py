"""Where metrics are checked: images, a small model, and maps of which something is known."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.method.controls import RandomMap
from kerascope.method.gradient.saliency import Saliency
from kerascope.metric import Measurement, Metric
from kerascope.probe import BlackBox, Probe
from kerascope.testing.models import MODELS
from kerascope.testing.oracles.metrics import DenseNetwork
from kerascope.typing import Array

HEIGHT, WIDTH, CHANNELS, CLASSES, UNITS = 6, 8, 3, 4, 5


@dataclass(frozen=True, eq=False)
class MetricScene:
    """Images, a model, and maps.

    Args:
        probe: of the model.
        images: as the model takes them.
        labels: the true classes, which are also explained.
        masks: bool, where the object is.
        method: what explains other images, and made the map `"own"`.
        maps: explanations by name.
    """

    probe: Any
    images: Array
    labels: list[int]
    masks: Array
    method: Method
    maps: Mapping[str, Explanation]

    def measure(
        self, metric: Metric, explanation: Explanation, rows: Any = slice(None), **changed: Any
    ) -> Measurement:
        """What a metric finds, given everything that one can need.

        Args:
            metric: that measures.
            explanation: of all the images.
            rows: the images that are measured.
            changed: arguments of the metric's call to be given otherwise.
        """
        given: dict[str, Any] = {
            "probe": self.probe,
            "images": self.images[rows],
            "explanation": explanation[rows],
            "target": np.asarray(self.labels)[rows].tolist(),
            "method": self.method,
            "masks": self.masks[rows],
            "labels": np.asarray(self.labels)[rows],
        }
        with warnings.catch_warnings():
            # What is warned about is stored in the measurement.
            warnings.simplefilter("ignore", errors.EvaluationWarning)
            return metric(**(given | changed))


class Scenes:
    """The scenes, made once, for the checks of one metric or of many."""

    @cached_property
    def smooth(self) -> MetricScene:
        """A network with one hidden layer and a tanh, which is there in NumPy too, and maps made by hand.

        Images are wider than high, have three channels, and show four classes; the last one's mask is empty.
        """
        return make_smooth()

    @cached_property
    def planted(self) -> MetricScene:
        """A colour detector, with maps that are right, random and wrong."""
        return make_planted()


def network(weights: Any) -> DenseNetwork:
    """The network of the smooth scene in NumPy, from its two arrays of weights."""
    hidden, head = (np.asarray(array, "float64") for array in weights)
    return DenseNetwork(hidden, head)


def make_smooth() -> MetricScene:
    """See `Scenes.smooth`."""
    generator = np.random.default_rng(7)
    hidden = (generator.normal(size=(HEIGHT * WIDTH * CHANNELS, UNITS)) / 6).astype("float32")
    head = generator.normal(size=(UNITS, CLASSES)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((HEIGHT, WIDTH, CHANNELS)),
            layers.Flatten(),
            layers.Dense(UNITS, activation="tanh", use_bias=False),
            layers.Dense(CLASSES, use_bias=False),
            layers.Softmax(),
        ]
    )
    model.set_weights([hidden, head])
    probe, labels = Probe(model, compile=False), [0, 2, 1, 3]
    # Four colours each, so that there are segments to be found.
    colours = np.kron(
        generator.random((len(labels), 2, 2, CHANNELS)), np.ones((1, HEIGHT // 2, WIDTH // 2, 1))
    )
    images = (0.8 * colours + 0.2 * generator.random(colours.shape)).astype("float32")
    masks = np.zeros((len(labels), HEIGHT, WIDTH), bool)
    masks[0, 1:4, 2:5] = masks[1, :2] = masks[2, 4:, 5:] = True
    own = Saliency()(probe, images, labels)
    # The largest value hits, misses and hits the object; the largest without its sign does not.
    noise = np.random.default_rng(72).normal(size=masks.shape)
    # One strong part each, on the object or next to it, and something small that is stronger.
    parts = 0.05 * generator.random(masks.shape) - 0.1
    parts[0, 1:4, 2:4] += 1
    parts[1, 4:, :3] += 1
    parts[1, 2, 7] += 2
    parts[2, 3:, 5:] += 0.5
    parts[2, 0, 0] += 0.6
    parts[3, 2, 2] += 1
    maps = {
        name: replace(
            own, values=values.astype("float32"), reduction="none", signed=True, method="made by hand"
        )
        for name, values in {"noise": noise, "parts": parts}.items()
    }
    return MetricScene(probe, images, labels, masks, Saliency(), {"own": own, **maps})


def make_planted() -> MetricScene:
    """See `Scenes.planted`."""
    tiny = MODELS["planted"]()
    # Sharper, so that probabilities move.
    tiny.model.layers[-1].set_weights([40 * np.eye(3, dtype="float32"), np.zeros(3, "float32")])
    probe, images, labels = Probe(tiny.model, compile=False), tiny.images, list(tiny.targets or ())
    masks = np.zeros(images.shape[:3], bool)
    for image, (top, bottom, left, right) in enumerate(tiny.boxes or ()):
        masks[image, top:bottom, left:right] = True
    own = Saliency()(probe, images, labels)
    noise = RandomMap(seed=3)(probe, images, labels).heatmaps()
    # The score, shared out among the pixels that decide.
    right = own.scores[:, None, None] * masks / masks[0].sum()
    maps = {
        name: replace(
            own, values=values.astype("float32"), reduction="none", signed=True, method="made by hand"
        )
        for name, values in {"right": right, "random": noise, "wrong": 1.0 - masks}.items()
    }
    return MetricScene(probe, images, labels, masks, Saliency(), {"own": own, **maps})


def without_a_model(scene: MetricScene) -> BlackBox:
    """The model of a scene as a function that gives outputs only."""
    return BlackBox(lambda images: keras.ops.convert_to_numpy(scene.probe.model(images)))
