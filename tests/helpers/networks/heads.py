"""One small network under every form of head for two classes, with its scores and gradients by hand.

    images (6, 6, 1) -> conv: two channels, one doubled and one halved -> mean -> z = 3 a - 2 b + .25

so that dz / d conv is (3, -2) / 36 at every place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

_MEANS = np.array([-0.5, 0.25, 1.0])
_PATTERN = np.linspace(-0.25, 0.25, 36).reshape(1, 6, 6, 1)
IMAGES = (_MEANS.reshape(-1, 1, 1, 1) + _PATTERN).astype("float32")
"""Of these, the first is of class 0."""
SCORES = 5 * _MEANS + 0.25
GRADIENT = np.array([3.0, -2.0]) / 36


class InsideCall(keras.Model):
    """The network as a subclassed model, whose `call` squashes the score by a function."""

    def __init__(self, squash: Callable[[Any], Any]) -> None:
        super().__init__()
        self.conv = layers.Conv2D(2, 1, use_bias=False, name="conv")
        self.dense = layers.Dense(1, name="dense")
        self.squash = squash

    def call(self, images: Any) -> Any:
        """What the function makes of the scores."""
        return self.squash(self.dense(ops.mean(self.conv(images), axis=(1, 2))))


def written_out(score: Any) -> Any:
    """The logistic function without its name."""
    return 1 / (1 + ops.exp(-score))


def _functional(squash: Callable[[Any], Any], activation: str | None = None) -> keras.Model:
    image = keras.Input((6, 6, 1))
    channels = layers.Conv2D(2, 1, use_bias=False, name="conv")(image)
    pooled = layers.GlobalAveragePooling2D()(channels)
    return keras.Model(image, squash(layers.Dense(1, activation=activation, name="dense")(pooled)))


def _two_outputs() -> keras.Model:
    image = keras.Input((6, 6, 1))
    channels = layers.Conv2D(2, 1, use_bias=False, name="conv")(image)
    dense = layers.Dense(2, activation="softmax", name="dense")
    return keras.Model(image, dense(layers.GlobalAveragePooling2D()(channels)))


def _second_of_two() -> keras.Model:
    model = _functional(lambda score: ops.softmax(layers.Dense(2, name="both")(score))[:, 1])
    model.get_layer("both").set_weights([np.array([[-0.5, 0.5]]), np.zeros(2)])
    return model


def _compiled() -> keras.Model:
    model = _functional(lambda score: score)
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def _nested() -> keras.Model:
    image = keras.Input((6, 6, 1))
    return keras.Model(image, layers.Flatten()(_functional(lambda score: score, "sigmoid")(image)))


FORMS: dict[str, Callable[[], keras.Model]] = {
    "two outputs": _two_outputs,
    "activation": lambda: _functional(lambda score: score, "sigmoid"),
    "layer": lambda: _functional(layers.Activation("sigmoid")),
    "operation": lambda: _functional(ops.sigmoid),
    "logarithm": lambda: _functional(ops.log_sigmoid),
    "squeezed": lambda: _functional(lambda score: ops.squeeze(ops.sigmoid(score), -1)),
    "sliced": lambda: _functional(lambda score: ops.sigmoid(score)[:, 0]),
    "reshaped": lambda: _functional(lambda score: layers.Reshape(())(ops.sigmoid(score))),
    "clipped and cast": lambda: _functional(
        lambda score: ops.cast(ops.clip(ops.sigmoid(score), 1e-7, 1 - 1e-7), "float32")
    ),
    "nested": _nested,
    "second of two": _second_of_two,
    "written out": lambda: _functional(written_out),
    "inside a call": lambda: InsideCall(ops.sigmoid),
    "written out inside a call": lambda: InsideCall(lambda score: ops.squeeze(written_out(score), -1)),
    "linear, by its loss": _compiled,
    "linear, said": lambda: _functional(lambda score: score),
}
"""Forms of head, each of which has the scores -z and z."""


def network(form: str) -> keras.Model:
    """The network under a form of head, with its weights."""
    model = FORMS[form]()
    model(IMAGES)
    weights = [np.array([[[[2.0, 0.5]]]]), np.array([[3.0], [-2.0]]), np.array([0.25])]
    if form == "second of two":
        weights += model.get_layer("both").get_weights()
    if form == "two outputs":
        weights[1:] = [np.hstack([-weights[1], weights[1]]), np.array([-0.25, 0.25])]
    model.set_weights(weights)
    return model
