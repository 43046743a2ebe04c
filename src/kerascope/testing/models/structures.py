"""Other wirings: skips, several inputs and outputs, 1-D, 3-D, tokens."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerascope.testing.models.base import ZERO, Tiny, fill, pictures, sixteenths, tiny


@tiny("merge")
def residual() -> Tiny:
    """A skip connection, relu(conv2(x) + x), with Add and ReLU layers; the last map is after it."""
    image = keras.Input((8, 8, 3))
    stem = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem", **ZERO)(image)
    branch = layers.Conv2D(4, 3, padding="same", name="branch", **ZERO)(stem)
    merged = layers.ReLU(name="after")(layers.Add(name="merge")([branch, stem]))
    scores = layers.Dense(3, name="head", **ZERO)(layers.GlobalAveragePooling2D()(merged))
    model = keras.Model(image, scores)
    fill(model, 21)
    return Tiny(model, pictures(2, 8, 8, 3, seed=6), "after", "after", (8, 8))


@tiny("merge")
def residual_ops() -> Tiny:
    """The residual network with bare ops `relu(add(a, b))` in its graph, and the same weights."""
    image = keras.Input((8, 8, 3))
    stem = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem", **ZERO)(image)
    branch = layers.Conv2D(4, 3, padding="same", name="branch", **ZERO)(stem)
    merged = ops.relu(ops.add(branch, stem))
    scores = layers.Dense(3, name="head", **ZERO)(layers.GlobalAveragePooling2D()(merged))
    model = keras.Model(image, scores)
    fill(model, 21)
    return Tiny(model, pictures(2, 8, 8, 3, seed=6), "branch", None, (8, 8))


class Merging(keras.Model):
    """The residual network as a subclass; the merge is made of bare ops inside `call`."""

    def __init__(self) -> None:
        super().__init__(name="merging")
        self.stem = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem", **ZERO)
        self.branch = layers.Conv2D(4, 3, padding="same", name="branch", **ZERO)
        self.head = layers.Dense(3, name="head", **ZERO)

    def call(self, images: Any) -> Any:
        """Scores of a batch of images."""
        stem = self.stem(images)
        return self.head(ops.mean(ops.relu(self.branch(stem) + stem), axis=(1, 2)))


@tiny("merge")
def residual_subclassed() -> Tiny:
    """The residual network subclassed, merge and ReLU hidden in `call`, and the same weights."""
    model = Merging()
    images = pictures(2, 8, 8, 3, seed=6)
    model(images)
    fill(model, 21)
    return Tiny(model, images, "branch", None, (8, 8))


@tiny("rank")
def conv1d() -> Tiny:
    """Signals (2, 16, 3) under Conv1D: a map with one axis."""
    model = keras.Sequential(
        [
            keras.Input((16, 3)),
            layers.Conv1D(4, 3, 2, padding="same", activation="relu", name="conv", **ZERO),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 22)
    return Tiny(model, pictures(2, 16, 3, seed=7), "conv", "conv", (8,))


@tiny("rank")
def conv3d() -> Tiny:
    """Volumes (2, 4, 8, 6, 2) under Conv3D: a map with three axes."""
    model = keras.Sequential(
        [
            keras.Input((4, 8, 6, 2)),
            layers.Conv3D(4, 3, padding="same", activation="relu", name="conv", **ZERO),
            layers.GlobalAveragePooling3D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 23)
    return Tiny(model, pictures(2, 4, 8, 6, 2, seed=8), "conv", "conv", (4, 8, 6))


def _grey(*first: keras.layers.Layer, shape: tuple[int, ...]) -> Tiny:
    model = keras.Sequential(
        [
            keras.Input(shape),
            *first,
            layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 29)
    return Tiny(model, pictures(2, *shape, seed=16), "conv", "conv", (8, 6))


@tiny("grey")
def grey() -> Tiny:
    """Grey pictures (2, 8, 6) without a channel axis, scaled, then given one by a Reshape."""
    return _grey(layers.Rescaling(2.0), layers.Reshape((8, 6, 1)), shape=(8, 6))


@tiny("grey")
def grey_with_channel() -> Tiny:
    """The same network on pictures (2, 8, 6, 1)."""
    return _grey(layers.Rescaling(2.0), shape=(8, 6, 1))


class AddsAnAxis(keras.Model):
    """The same network as a subclass that adds the channel axis in its `call`."""

    def __init__(self) -> None:
        super().__init__(name="adds_an_axis")
        self.conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO)
        self.head = layers.Dense(3, name="head", **ZERO)

    def call(self, images: Any) -> Any:
        """Scores of a batch of pictures (N, H, W)."""
        return self.head(ops.mean(self.conv(2.0 * images[..., None]), axis=(1, 2)))


@tiny("grey")
def grey_subclassed() -> Tiny:
    """Pictures (2, 8, 6) that a subclassed model gives their channel axis."""
    model = AddsAnAxis()
    images = pictures(2, 8, 6, seed=16)
    model(images)
    fill(model, 29)
    return Tiny(model, images, "conv", "conv", (8, 6))


@tiny("shared", "several_inputs")
def siamese() -> Tiny:
    """Two images through one encoder, which runs twice: `encoder/conv#0`, `encoder/conv#1`."""
    inner = keras.Input((8, 8, 3))
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO)
    encoder = keras.Model(inner, conv(inner), name="encoder")
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    pool = layers.GlobalAveragePooling2D(name="pool")
    both = layers.Concatenate()([pool(encoder(left)), pool(encoder(right))])
    model = keras.Model([left, right], layers.Dense(3, name="head", **ZERO)(both))
    fill(model, 24)
    images = [pictures(2, 8, 8, 3, seed=9), pictures(2, 8, 8, 3, seed=10)]
    return Tiny(model, images, "encoder/conv#0", None, (8, 8), facts={"runs": 2})


@tiny("several_inputs")
def dict_input() -> Tiny:
    """An image and a row of numbers in a dict: {"image": (2, 8, 8, 3), "tabular": (2, 4)}."""
    image = keras.Input((8, 8, 3), name="image")
    tabular = keras.Input((4,), name="tabular")
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO)(image)
    pooled = layers.GlobalAveragePooling2D()(conv)
    both = layers.Concatenate()([pooled, layers.Dense(4, name="numbers", **ZERO)(tabular)])
    inputs = {"image": image, "tabular": tabular}
    model = keras.Model(inputs, layers.Dense(3, name="head", **ZERO)(both))
    fill(model, 25)
    images = {"image": pictures(2, 8, 8, 3, seed=11), "tabular": pictures(2, 4, seed=12)}
    return Tiny(model, images, "conv", "conv", (8, 8), facts={"input": "image"})


def _two_outputs(kind: type) -> Tiny:
    image = keras.Input((8, 8, 3))
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv", **ZERO)(image)
    pooled = layers.GlobalAveragePooling2D()(conv)
    shape = layers.Dense(3, name="shape", **ZERO)
    colour = layers.Dense(2, activation="softmax", name="colour", **ZERO)
    found = {"shape": shape(pooled), "colour": colour(pooled)}
    model = keras.Model(image, found if kind is dict else list(found.values()))
    fill(model, 26)
    # Keras orders the two heads by how they are returned, so each gets its own weights by name.
    shape.set_weights([sixteenths((4, 3), 261), sixteenths((3,), 262)])
    colour.set_weights([sixteenths((4, 2), 263), sixteenths((2,), 264)])
    images = pictures(2, 8, 8, 3, seed=13)
    return Tiny(model, images, "conv", "conv", (8, 8))


@tiny("several_outputs")
def dict_output() -> Tiny:
    """Two heads in a dict: {"shape": 3 linear scores, "colour": 2 probabilities}."""
    return _two_outputs(dict)


@tiny("several_outputs")
def list_output() -> Tiny:
    """The same two heads in a list: [shape, colour]."""
    return _two_outputs(list)


@tiny("normalised")
def normalised() -> Tiny:
    """Rescaling of 0-255 pixels, BatchNormalization, Dropout: they must run in inference mode."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 256, name="rescale"),
            layers.Conv2D(4, 3, padding="same", name="conv", **ZERO),
            layers.BatchNormalization(name="normalise"),
            layers.ReLU(name="rectify"),
            layers.Dropout(0.5, name="drop"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5, name="drop_again"),
            layers.Dense(3, name="head", **ZERO),
        ]
    )
    fill(model, 27)
    images = 256 * pictures(2, 8, 8, 3, seed=14)
    return Tiny(model, images, "rectify", None, (8, 8))


class ClassToken(layers.Layer):
    """Put one learnt token before the others: (N, T, C) -> (N, T + 1, C)."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the token."""
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")

    def call(self, tokens: Any) -> Any:
        """Tokens with the class token first."""
        first = ops.broadcast_to(
            ops.cast(self.token, tokens.dtype), (ops.shape(tokens)[0], 1, tokens.shape[-1])
        )
        return ops.concatenate([first, tokens], axis=1)


def _transformer(class_token: bool, size: tuple[int, int]) -> Tiny:
    height, width = size[0] // 4, size[1] // 4
    image = keras.Input((*size, 3))
    patches = layers.Conv2D(8, 4, 4, name="patches", **ZERO)(image)
    tokens = layers.Reshape((height * width, 8), name="tokens")(patches)
    if class_token:
        tokens = ClassToken(name="class_token")(tokens)
    normal = layers.LayerNormalization(name="norm1")(tokens)
    attended = layers.MultiHeadAttention(2, 4, name="attention", **ZERO)(normal, normal)
    tokens = layers.Add(name="residual1")([tokens, attended])
    hidden = layers.Dense(8, activation="gelu", name="mlp", **ZERO)(
        layers.LayerNormalization(name="norm2")(tokens)
    )
    tokens = layers.Add(name="residual2")([tokens, hidden])
    pool = layers.GlobalAveragePooling1D(name="pool")
    summary = tokens[:, 0] if class_token else pool(tokens)
    model = keras.Model(image, layers.Dense(3, name="head", **ZERO)(summary))
    fill(model, 28)
    # Behind the last block only the class token reaches the score: the patches' gradient is zero.
    layer = "norm1" if class_token else "residual2"
    images = pictures(2, *size, 3, seed=15)
    return Tiny(model, images, layer, None, (height, width), facts={"class_token": class_token})


@tiny("tokens")
def transformer() -> Tiny:
    """One transformer block on a grid of 2x4 tokens, averaged."""
    return _transformer(class_token=False, size=(8, 16))


@tiny("tokens")
def transformer_class_token() -> Tiny:
    """One transformer block on a class token and 4x4 image tokens, read from the class token."""
    return _transformer(class_token=True, size=(16, 16))
