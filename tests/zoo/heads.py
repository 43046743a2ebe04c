"""What models of the zoo end and begin with."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from kerascope.typing import Tensor


def classifier(image: Any, tensor: Tensor) -> keras.Model:
    """Three classes of the mean over all positions of a tensor."""
    mean = keras.ops.mean(tensor, axis=tuple(range(1, len(tensor.shape) - 1)))
    return keras.Model(image, layers.Dense(3, name="head")(mean))


def stem(tensor: Tensor, strides: int = 4, filters: int = 12) -> Tensor:
    """Two smooth convolutions, of which the second shrinks."""
    tensor = layers.Conv2D(filters, 3, padding="same", activation="silu")(tensor)
    return layers.Conv2D(filters, strides, strides=strides, padding="same", activation="silu")(tensor)
