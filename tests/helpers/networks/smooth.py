"""Small networks without a corner, wired like those that people use.

Two libraries round differently. Where every unit is smooth, the gradient moves by no more than what was
rounded; at the corner of a rectifier, or where two values tie for the largest, it would jump. Weights and
images are multiples of 1/16, the same in every process. Channels lie where Keras is told that they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from kerascope.testing.models import fill, pictures
from kerascope.typing import Tensor

SHAPE = (12, 16, 3)
CLASSES = 4


def image(shape: tuple[int, ...]) -> Any:
    """An input of images (height, width, channels)."""
    first = keras.config.image_data_format() == "channels_first"
    return keras.Input((shape[-1], *shape[:-1]) if first else shape)


def channels() -> int:
    """The axis of the channels."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def filled(model: keras.Model, seed: int) -> tuple[keras.Model, Tensor]:
    """The model with weights, and two images for it."""
    fill(model, seed)
    return model, pictures(2, *model.input_shape[1:], seed=seed)


def plain(shape: tuple[int, ...] = SHAPE) -> tuple[keras.Model, Tensor]:
    """Like VGG, a Sequential model: convolutions, pooling and hidden Dense layers."""
    parts = [
        layers.Conv2D(6, 3, padding="same", activation="silu", name="conv1"),
        layers.Conv2D(6, 3, activation="softplus", name="conv2"),
        layers.AveragePooling2D(2, name="pool1"),
        layers.Conv2D(8, 3, padding="same", activation="silu", name="conv3"),
        layers.AveragePooling2D(2, name="pool2"),
        layers.Flatten(),
        layers.Dense(12, activation="gelu"),
        layers.Dense(CLASSES),
    ]
    return filled(keras.Sequential([image(shape), *parts]), 21)


def residual(shape: tuple[int, ...] = SHAPE) -> tuple[keras.Model, Tensor]:
    """Like ResNet: sums around normalised convolutions, one of them with a projection; a mean over space."""

    def normalised(tensor: Any, name: str, *convolution: Any, **options: Any) -> Any:
        tensor = layers.Conv2D(*convolution, padding="same", name=f"{name}_conv", **options)(tensor)
        return layers.BatchNormalization(axis=channels(), name=f"{name}_norm")(tensor)

    inputs = image(shape)
    tensor = layers.Activation("silu", name="stem_silu")(normalised(inputs, "stem", 8, 3))
    for block, (width, strides) in enumerate(((8, 1), (12, 2)), 1):
        inner = layers.Activation("silu")(normalised(tensor, f"block{block}_1", 4, 1, strides=strides))
        inner = normalised(inner, f"block{block}_2", width, 3)
        if strides > 1:
            tensor = normalised(tensor, f"block{block}_0", width, 1, strides=strides)
        tensor = layers.Add(name=f"block{block}_add")([tensor, inner])
        tensor = layers.Activation("silu", name=f"block{block}_out")(tensor)
    # A bent head, so that the gradient is not the same for every image.
    hidden = layers.Dense(8, activation="tanh")(layers.GlobalAveragePooling2D()(tensor))
    return filled(keras.Model(inputs, layers.Dense(CLASSES)(hidden)), 22)


def inverted(shape: tuple[int, ...] = SHAPE) -> tuple[keras.Model, Tensor]:
    """Like EfficientNet: widened, convolved channel by channel, gated by its own mean, narrowed, added."""
    inputs = image(shape)
    stem = layers.Conv2D(6, 3, strides=2, padding="same", activation="silu", name="stem")(inputs)
    wide = layers.Conv2D(12, 1, activation="silu", name="widen")(stem)
    wide = layers.DepthwiseConv2D(3, padding="same", activation="silu", name="depthwise")(wide)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(wide)
    gate = layers.Conv2D(4, 1, activation="silu", name="squeeze")(gate)
    gate = layers.Conv2D(12, 1, activation="sigmoid", name="excite")(gate)
    narrow = layers.Conv2D(6, 1, name="narrow")(layers.Multiply(name="gated")([wide, gate]))
    merged = layers.Add(name="merged")([stem, narrow])
    top = layers.Conv2D(10, 1, activation="silu", name="top")(merged)
    hidden = layers.Dense(8, activation="tanh")(layers.GlobalAveragePooling2D()(top))
    return filled(keras.Model(inputs, layers.Dense(CLASSES)(hidden)), 23)


NETWORKS: dict[str, Callable[..., tuple[keras.Model, Tensor]]] = {
    "plain": plain,
    "residual": residual,
    "inverted": inverted,
}
LAST = {"plain": "pool2", "residual": "block2_out", "inverted": "top"}
"""The layer that kerascope takes by itself."""
