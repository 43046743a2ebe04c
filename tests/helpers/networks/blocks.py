"""Layers and models whose `call` computes with operators, so that the way to the score is hidden."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascope.typing import Tensor

IMAGES = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")


def conv(name: str, **options: Any) -> layers.Layer:
    return layers.Conv2D(4, 3, padding="same", name=name, **options)


def draw_weights(model: keras.Model, seed: int = 0) -> keras.Model:
    """The model, with weights from a seed."""
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    return model


class Two(layers.Layer):
    """Two convolutions beside one another, which operators join."""

    def __init__(self, name: str = "two") -> None:
        super().__init__(name=name)
        self.a, self.b = conv("a"), conv("b")

    def call(self, tensor: Any) -> Any:
        return self.join(self.a(tensor), self.b(tensor))

    @staticmethod
    def join(first: Any, second: Any) -> Any:
        """The operators."""
        return ops.tanh(first) * 2 + ops.sigmoid(second)


class Encoder(layers.Layer):
    """Two convolutions, one behind the other, and a mean over space, by operators."""

    def __init__(self, name: str = "encoder") -> None:
        super().__init__(name=name)
        self.a, self.b = conv("a"), conv("b")

    def call(self, tensor: Any) -> Any:
        return ops.mean(self.b(ops.tanh(self.a(tensor))), axis=(1, 2))


def behind_a_stem(part: Any) -> keras.Model:
    """A stem, a part, and a head."""
    image = keras.Input((8, 8, 3))
    tensor = part(conv("stem")(image))
    if len(tensor.shape) > 2:
        tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    return draw_weights(keras.Model(image, layers.Dense(3, name="head")(tensor)))


class TwoHeads(keras.Model):
    """Two outputs, each with a convolution of its own, on features that an operator made."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second = conv("stem"), conv("first"), conv("second")
        self.heads = [layers.Dense(3, name="head_first"), layers.Dense(2, name="head_second")]

    def call(self, images: Any) -> Any:
        features = ops.tanh(self.stem(images))
        first, second = (ops.mean(part(features), axis=(1, 2)) for part in (self.first, self.second))
        return {"first": self.heads[0](first), "second": self.heads[1](second)}


def two_heads() -> keras.Model:
    model = TwoHeads()
    model(IMAGES)
    return draw_weights(model)


def array(tensor: Any) -> Tensor:
    return ops.convert_to_numpy(tensor)
