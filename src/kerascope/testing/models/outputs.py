"""One small network under every kind of output: pixels, boxes, sequences, embeddings, numbers.

    images (3, 8, 12, 3) -> conv1: 4 filters 3x3, relu -> conv2: 5 filters 3x3, stride 2, relu: (4, 6, 5)

and then a head. Where that ends in a softmax or sigmoid, `facts["linear"]` is the same network without it,
and else the network itself, so that targets can be computed from its outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascope.testing.models.base import ZERO, Tiny, fill, pictures, tiny
from kerascope.typing import Array

SIZE = (8, 12, 3)
GRID = (4, 6)
STEPS = 4
PLACES = GRID[0] * GRID[1]
CLASSES = 3


def _make(head: Callable[[Any], Any], seed: int, linear: Callable[[Any], Any] | None = None) -> Tiny:
    """The network with a head on conv2, and with the head that does not squash, weights set."""
    model = _network(head, seed)
    facts = {"linear": model if linear is None else _network(linear, seed)}
    return Tiny(model, pictures(3, *SIZE, seed=seed), "conv2", spatial=GRID, facts=facts)


def _network(head: Callable[[Any], Any], seed: int) -> keras.Model:
    image = keras.Input(SIZE)
    features = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1", **ZERO)(image)
    features = layers.Conv2D(5, 3, 2, padding="same", activation="relu", name="conv2", **ZERO)(features)
    model = keras.Model(image, head(features))
    fill(model, seed)
    return model


def _pixels(features: Any, activation: str | None = None) -> Any:
    larger = layers.UpSampling2D(2, name="larger")(features)
    return layers.Conv2D(CLASSES, 3, padding="same", activation=activation, name="head", **ZERO)(larger)


@tiny("outputs")
def segmentation() -> Tiny:
    """A score for each pixel and class, (N, 8, 12, 3)."""
    return _make(_pixels, 61)


@tiny("outputs")
def segmentation_softmax() -> Tiny:
    """The same scores behind `activation="softmax"` of the last convolution."""
    return _make(lambda features: _pixels(features, "softmax"), 61, _pixels)


@tiny("outputs")
def segmentation_softmax_layer() -> Tiny:
    """The same scores behind a Softmax layer."""
    return _make(lambda features: layers.Softmax(name="softmax")(_pixels(features)), 61, _pixels)


@tiny("outputs")
def segmentation_binary() -> Tiny:
    """One score for each place, behind a sigmoid, (N, 4, 6, 1)."""

    def head(features: Any, activation: str | None = "sigmoid") -> Any:
        return layers.Conv2D(1, 1, activation=activation, name="head", **ZERO)(features)

    return _make(head, 62, lambda features: head(features, None))


def _detections(features: Any) -> tuple[Any, Any]:
    """Boxes as corners (N, 24, 4), one around each place of the grid, and scores (N, 24, 3)."""
    rows = layers.Reshape((PLACES, 5), name="rows")(features)
    moved = layers.Dense(4, name="moved", **ZERO)(layers.Rescaling(1 / 64, name="small")(rows))
    boxes = _Around(name="boxes")(moved)
    return boxes, layers.Dense(CLASSES, name="scores", **ZERO)(rows)


class _Around(layers.Layer):
    """Adds to each row a box of 4 pixels around its place of the grid."""

    def call(self, moved: Any) -> Any:
        """Boxes (N, 24, 4) as left, top, right, bottom, in pixels."""
        return moved + keras.ops.convert_to_tensor(anchors())


def anchors() -> Array:
    """The boxes around the places of the grid, (24, 4): left, top, right, bottom in pixels."""
    rows, columns = np.meshgrid(np.arange(GRID[0]), np.arange(GRID[1]), indexing="ij")
    left, top = 2.0 * columns.ravel() - 1, 2.0 * rows.ravel() - 1
    return np.stack([left, top, left + 4, top + 4], axis=-1).astype("float32")


@tiny("outputs")
def detector() -> Tiny:
    """A dense detector: (N, 24, 4 + 3), boxes and then scores."""

    def head(features: Any) -> Any:
        return layers.Concatenate(name="detections")(list(_detections(features)))

    return _make(head, 122)


@tiny("outputs")
def detector_dict() -> Tiny:
    """The same with boxes and scores by name, the scores behind a sigmoid."""

    def head(features: Any, squashed: bool = True) -> Any:
        boxes, scores = _detections(features)
        squashing = layers.Activation("sigmoid" if squashed else "linear", name="squashing")
        return {"boxes": boxes, "scores": squashing(scores)}

    return _make(head, 122, lambda features: head(features, squashed=False))


@tiny("outputs")
def embedding() -> Tiny:
    """A vector, (N, 6)."""

    def head(features: Any) -> Any:
        return layers.Dense(6, name="head", **ZERO)(layers.GlobalAveragePooling2D()(features))

    return _make(head, 64)


@tiny("outputs")
def regression() -> Tiny:
    """Two numbers, (N, 2)."""

    def head(features: Any) -> Any:
        return layers.Dense(2, name="head", **ZERO)(layers.Flatten()(features))

    return _make(head, 65)


@tiny("outputs")
def binary() -> Tiny:
    """One score for two classes, behind a sigmoid, (N,)."""

    def head(features: Any, activation: str | None = "sigmoid") -> Any:
        pooled = layers.GlobalAveragePooling2D()(features)
        return layers.Reshape(())(layers.Dense(1, activation=activation, name="head", **ZERO)(pooled))

    return _make(head, 63, lambda features: head(features, None))


@tiny("outputs")
def recurrent() -> Tiny:
    """The rows of the grid read from top to bottom: (N, 4, 3), each step behind a softmax."""

    def head(features: Any, activation: str | None = "softmax") -> Any:
        steps = layers.Reshape((STEPS, GRID[1] * 5), name="steps")(features)
        small = layers.Rescaling(1 / 32, name="small")(steps)
        zero = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
        read = layers.SimpleRNN(4, return_sequences=True, name="memory", **zero)(small)
        return layers.Dense(CLASSES, activation=activation, name="head", **ZERO)(read)

    return _make(head, 66, lambda features: head(features, None))


@tiny("outputs")
def per_frame() -> Tiny:
    """Each row of the grid for itself, as a frame: scores (N, 4, 3)."""

    def head(features: Any) -> Any:
        steps = layers.Reshape((STEPS, GRID[1] * 5), name="steps")(features)
        return layers.Dense(CLASSES, name="head", **ZERO)(steps)

    return _make(head, 67)
