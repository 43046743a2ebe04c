"""Kinds of models that people have, in which nothing is unusual but the kind."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

import kerascope as ks
from kerascope.typing import Tensor
from tests.zoo.heads import classifier, stem
from tests.zoo.specimen import channels_first, specimen, tokens

SHAPE = (32, 48, 3)
GRID = (8, 12)


@specimen(shape=SHAPE, grid=GRID, scale=255.0)
def augmentation_and_preprocessing_inside() -> keras.Model:
    tensor = image = keras.Input(SHAPE)
    for layer in (layers.RandomFlip(), layers.RandomRotation(0.2), layers.RandomZoom(0.2)):
        tensor = layer(tensor)
    tensor = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])(
        layers.Rescaling(1 / 255)(tensor)
    )
    return classifier(image, stem(tensor))


@specimen(shape=SHAPE, grid=GRID)
def generalised_mean() -> keras.Model:
    image = keras.Input(SHAPE)
    positive = ops.softplus(stem(image))
    pooled = ops.mean(positive**3, axis=(1, 2)) ** (1 / 3)
    return keras.Model(image, layers.Dense(3)(pooled))


class AngularHead(layers.Layer):
    """ArcFace's head: cosines between the features and a vector for each class."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), initializer="glorot_uniform", name="kernel")

    def call(self, tensor: Tensor) -> Tensor:
        return 8 * ops.normalize(tensor, axis=-1) @ ops.normalize(self.kernel, axis=0)


@specimen(shape=SHAPE, grid=GRID)
def angular_head() -> keras.Model:
    image = keras.Input(SHAPE)
    return keras.Model(image, AngularHead()(layers.GlobalAveragePooling2D()(stem(image))))


@specimen(shape=SHAPE, grid=GRID, read=tokens(*GRID))
def attention_pooling() -> keras.Model:
    image = keras.Input(SHAPE)
    features = stem(image)
    weights = layers.Dense(1, name="weights")(features)
    share = ops.softmax(ops.reshape(weights, (-1, 96)))
    mean = ops.sum(ops.reshape(features, (-1, 96, 12)) * ops.expand_dims(share, -1), axis=1)
    return keras.Model(image, layers.Dense(3)(mean))


@specimen(shape=SHAPE, grid=GRID)
def squeeze_and_excite() -> keras.Model:
    image = keras.Input(SHAPE)
    tensor = stem(image)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(tensor)
    gate = layers.Conv2D(12, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="silu")(squeezed))
    return classifier(image, layers.Multiply()([tensor, gate]))


def _mean_of_first(outputs: Any) -> Any:
    return ops.mean(outputs[..., 1], axis=(1, 2))


@specimen(shape=SHAPE, grid=(32, 48), target=ks.Region(1, np.ones(SHAPE[:2], bool)), score=_mean_of_first)
def u_net() -> keras.Model:
    image = keras.Input(SHAPE)
    fine = layers.Conv2D(8, 3, padding="same", activation="silu")(image)
    coarse = stem(fine, 2)
    back = layers.Conv2DTranspose(4, 2, strides=2, activation="silu")(coarse)
    both = layers.Conv2D(8, 3, padding="same", activation="silu")(layers.Concatenate()([fine, back]))
    return keras.Model(image, layers.Conv2D(3, 1)(both))


@specimen(
    shape=SHAPE,
    grid=GRID,
    inputs=lambda images: [images, images * 0 + 0.25],
    options={"input": 0},
)
def siamese() -> keras.Model:
    image = keras.Input(SHAPE)
    encoder = keras.Model(image, layers.GlobalAveragePooling2D()(stem(image)), name="encoder")
    first, second = keras.Input(SHAPE), keras.Input(SHAPE)
    difference = layers.Subtract()([encoder(first), encoder(second)])
    return keras.Model([first, second], layers.Dense(3)(difference))


@specimen(shape=SHAPE, grid=GRID, target=ks.Region(1, np.ones(SHAPE[:2], bool)), score=_mean_of_first)
def autoencoder() -> keras.Model:
    image = keras.Input(SHAPE)
    code = stem(image)
    return keras.Model(image, layers.Conv2DTranspose(3, 4, strides=4)(code))


@specimen(shape=(3, 16, 24, 2), grid=(None, 16, 24))
def convolutional_lstm() -> keras.Model:
    image = keras.Input((3, 16, 24, 2))
    return classifier(image, layers.ConvLSTM2D(4, 3, padding="same")(image))


@specimen(shape=(4, 16, 24, 2), grid=(4, 8, 12))
def layers_over_frames() -> keras.Model:
    image = keras.Input((4, 16, 24, 2))
    tensor = layers.TimeDistributed(layers.Conv2D(8, 3, padding="same", activation="silu"))(image)
    tensor = layers.TimeDistributed(layers.AveragePooling2D(2))(tensor)
    return classifier(image, tensor)


@specimen(shape=(64, 3), grid=(32,))
def sequence() -> keras.Model:
    image = keras.Input((64, 3))
    return classifier(image, layers.Conv1D(5, 2, strides=2, activation="silu")(image))


@specimen(shape=(8, 16, 24, 1), grid=(4, 8, 12))
def volume() -> keras.Model:
    image = keras.Input((8, 16, 24, 1))
    return classifier(image, layers.Conv3D(4, 2, strides=2, activation="silu")(image))


@specimen(shape=(16, 48, 1), grid=(1, 12), read=tokens(1, 12))
def text_reader() -> keras.Model:
    """CRNN: the columns of a picture as a sequence, without turning it."""
    image = keras.Input((16, 48, 1))
    tensor = stem(image)
    column = layers.MaxPooling2D((4, 1))(tensor)
    steps = layers.Reshape((12, 12))(column)
    states = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="states")(steps)
    return classifier(image, states)


@specimen(shape=(40, 64, 1), grid=(10, 16))
def spectrogram() -> keras.Model:
    image = keras.Input((40, 64, 1))
    return classifier(image, stem(layers.BatchNormalization()(image)))


def _windows(tensor: Tensor, size: int) -> Tensor:
    """(N, h, w, C) to (windows, size * size, C)."""
    height, width, channels = tensor.shape[1:]
    tensor = ops.reshape(tensor, (-1, height // size, size, width // size, size, channels))
    return ops.reshape(ops.transpose(tensor, (0, 1, 3, 2, 4, 5)), (-1, size * size, channels))


def _back(tensor: Tensor, height: int, width: int, size: int) -> Tensor:
    """The inverse of `_windows`."""
    channels = tensor.shape[-1]
    tensor = ops.reshape(tensor, (-1, height // size, width // size, size, size, channels))
    return ops.reshape(ops.transpose(tensor, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))


@specimen(shape=SHAPE, grid=GRID)
def windows_turned_back() -> keras.Model:
    image = keras.Input(SHAPE)
    tensor = stem(image)
    inside = _windows(tensor, 4)
    inside = layers.MultiHeadAttention(2, 3)(inside, inside)
    tensor = layers.Add()([tensor, _back(inside, 8, 12, 4)])
    return classifier(image, tensor)


@specimen(shape=SHAPE, grid=GRID)
def dynamic_size() -> keras.Model:
    image = keras.Input((None, None, 3))
    return classifier(image, stem(image))


@specimen(
    shape=SHAPE,
    grid=GRID,
    inputs=lambda images: {"picture": images, "age": images[:, 0, 0, :1] * 0 + 1},
    target=ks.Output("kind", 1),
    score=lambda outputs: outputs["kind"][:, 1],
    options={"input": "picture"},
)
def dictionaries() -> keras.Model:
    image, age = keras.Input(SHAPE, name="picture"), keras.Input((1,), name="age")
    features = layers.Concatenate()([layers.GlobalAveragePooling2D()(stem(image)), age])
    outputs = {"kind": layers.Dense(3, name="kind")(features), "size": layers.Dense(1, name="size")(features)}
    return keras.Model({"picture": image, "age": age}, outputs)


@specimen(shape=SHAPE, grid=GRID, read=channels_first)
def channels_in_front() -> keras.Model:
    image = keras.Input(SHAPE)
    tensor = layers.Permute((3, 1, 2))(stem(image))
    tensor = layers.Conv2D(5, 1, data_format="channels_first", activation="silu")(tensor)
    return keras.Model(
        image, layers.Dense(3)(layers.GlobalAveragePooling2D(data_format="channels_first")(tensor))
    )
