"""Models in which positions lie elsewhere than they seem to, or are no places of the image."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerascope.typing import Tensor
from tests.zoo.axis_truth import divide, pixels
from tests.zoo.heads import classifier, stem
from tests.zoo.models.way import ClassToken, patch_tokens
from tests.zoo.specimen import EVERYWHERE, Specimen, register, specimen, tokens, turned

SHAPE = (32, 48, 3)
GRID = (8, 12)


@specimen(shape=(16, 32, 1), grid=(8, 16), read=turned, backends=EVERYWHERE)
def turned_for_a_text_reader() -> keras.Model:
    """The map itself is turned, and columns become steps."""
    image = keras.Input((16, 32, 1))
    columns = layers.Permute((2, 1, 3))(stem(image, 2))
    states = layers.LSTM(5)(layers.Reshape((16, 96))(columns))
    return keras.Model(image, layers.Dense(3)(states))


@specimen(shape=(16, 32, 1), grid=(8, 16), read=turned)
def turned_before_a_convolution() -> keras.Model:
    image = keras.Input((16, 32, 1))
    columns = layers.Permute((2, 1, 3))(stem(image, 2))
    return classifier(image, layers.Conv2D(8, 3, padding="same", activation="silu")(columns))


@specimen(shape=(16, 32, 1), grid=(8, 16), read=turned)
def turned_by_an_operator() -> keras.Model:
    image = keras.Input((16, 32, 1))
    columns = ops.transpose(stem(image, 2), (0, 2, 1, 3))
    return classifier(image, layers.Conv2D(8, 3, padding="same", activation="silu")(columns))


@specimen(shape=(32, 32, 3), grid=(8, 8), read=turned)
def turned_and_square() -> keras.Model:
    image = keras.Input((32, 32, 3))
    columns = layers.Permute((2, 1, 3))(stem(image))
    return classifier(image, layers.Conv2D(4, 1, activation="silu")(columns))


def _tokens_of_columns(value: Any) -> Any:
    return turned(tokens(6, 4)(value))


@specimen(shape=SHAPE, grid=(4, 6), read=_tokens_of_columns)
def tokens_by_columns() -> keras.Model:
    """A sequence that goes down each column."""
    image = keras.Input(SHAPE)
    patches = layers.Permute((2, 1, 3))(layers.Conv2D(8, 8, strides=8)(image))
    sequence = layers.Reshape((24, 8))(patches)
    return classifier(image, layers.Dense(8, activation="gelu")(sequence))


def _with_tokens(count: int, behind: bool) -> keras.Model:
    image = keras.Input(SHAPE)
    tensor = ClassToken(count, behind, name="class_token")(patch_tokens(image))
    for number in range(2):
        normal = layers.LayerNormalization(name=f"norm{number}")(tensor)
        tensor = layers.Add()(
            [tensor, layers.MultiHeadAttention(2, 8, name=f"attention{number}")(normal, normal)]
        )
        wide = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(tensor))
        tensor = layers.Add(name=f"sum{number}")([tensor, layers.Dense(16)(wide)])
    token = layers.LayerNormalization()(tensor)[:, -1 if behind else 0]
    return keras.Model(image, layers.Dense(3)(token))


for _count in (1, 2, 5):
    for _behind in (False, True):
        register(
            Specimen(
                f"{_count}_tokens_{'behind' if _behind else 'in_front'}",
                lambda count=_count, behind=_behind: _with_tokens(count, behind),
                SHAPE,
                (4, 6),
                read=tokens(4, 6, **{"behind" if _behind else "front": _count}),
                backends=EVERYWHERE if _behind and _count == 1 else ("torch",),
            )
        )


class Queries(layers.Layer):
    """Vectors of the model's own, one for each thing that it asks about."""

    def __init__(self, count: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.width = count, width

    def build(self, shape: Any) -> None:
        self.vectors = self.add_weight(
            shape=(1, self.count, self.width), initializer="uniform", name="vectors"
        )

    def call(self, tensor: Tensor) -> Tensor:
        return ops.tile(self.vectors, (ops.shape(tensor)[0], 1, 1))


def _asking(count: int, first: bool) -> keras.Model:
    """Queries that look at the places of an 8 x 8 map, and at one another.

    Args:
        count: how many queries.
        first: they are made before anything is seen, as the latents of a Perceiver.
    """
    image = keras.Input((32, 32, 3))
    ask = Queries(count, 16, name="queries")
    queries = ask(image) if first else None
    features = layers.Conv2D(12, 3, padding="same", name="features")(stem(image))
    places = layers.Dense(16, activation="silu", name="places")(layers.Reshape((64, 12))(features))
    queries = ask(places) if queries is None else queries
    for number in range(2):
        asked = layers.MultiHeadAttention(2, 8, name=f"cross{number}")(queries, places)
        queries = layers.Add()([queries, asked])
        inner = layers.MultiHeadAttention(2, 8, name=f"own{number}")(queries, queries)
        queries = layers.Add(name=f"round{number}")([queries, inner])
    return classifier(image, layers.Dense(8, activation="silu", name="last")(queries))


QUERIES = {
    "latents_made_first": (16, True),
    "as_many_latents_as_places": (64, True),
    "as_many_queries_as_places": (64, False),
    "queries_and_one_more": (65, False),
    "few_queries": (10, False),
}
for _name, (_count, _first) in QUERIES.items():
    register(
        Specimen(
            _name,
            lambda count=_count, first=_first: _asking(count, first),
            (32, 32, 3),
            (8, 8),
            read=tokens(8, 8),
            layers=("places",),
            backends=EVERYWHERE if _name == "as_many_queries_as_places" else ("torch",),
        )
    )


class Perceiver(keras.Model):
    """Latents that look at the pixels, with operators for the sequence of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.ask, self.embed = Queries(16, 8, name="ask"), layers.Dense(8, activation="silu", name="embed")
        self.cross = layers.MultiHeadAttention(2, 4, name="cross")
        self.normal, self.head = layers.LayerNormalization(name="normal"), layers.Dense(3, name="head")

    def call(self, images: Tensor) -> Tensor:
        latents = self.ask(images)
        pixels = self.embed(ops.reshape(images, (-1, 256, 3)))
        latents = self.normal(latents + self.cross(latents, pixels))
        return self.head(ops.mean(latents, axis=1))


@specimen(shape=(16, 16, 3), grid=(16, 16), read=tokens(16, 16), layers=("embed",))
def perceiver() -> keras.Model:
    model = Perceiver()
    model(ops.zeros((1, 16, 16, 3)))
    return model


def _behind(shape: tuple[int, ...], *before: Any) -> keras.Model:
    tensor = image = keras.Input(shape)
    for layer in before:
        tensor = layer(tensor)
    return classifier(image, stem(tensor))


@specimen(shape=(40, 40, 3), grid=(6, 6), axes=(pixels(40).crop(8, 8).resize(6),) * 2, backends=EVERYWHERE)
def centre_crop() -> keras.Model:
    return _behind((40, 40, 3), layers.CenterCrop(24, 24))


@specimen(
    shape=(40, 40, 3), grid=(6, 6), axes=(pixels(40).crop(4, 12).resize(6), pixels(40).crop(12, 4).resize(6))
)
def cropping() -> keras.Model:
    return _behind((40, 40, 3), layers.Cropping2D(((4, 12), (12, 4))))


@specimen(shape=(40, 80, 3), grid=(10, 10), axes=(divide(40, 10), pixels(80).crop(20, 20).resize(10)))
def resizing_that_crops() -> keras.Model:
    return _behind((40, 80, 3), layers.Resizing(40, 40, crop_to_aspect_ratio=True))


@specimen(shape=(40, 80, 3), grid=(10, 10), axes=(pixels(40).crop(-20, -20).resize(10), divide(80, 10)))
def resizing_that_pads() -> keras.Model:
    return _behind((40, 80, 3), layers.Resizing(40, 40, pad_to_aspect_ratio=True))


@specimen(shape=(40, 80, 3), grid=(10, 10))
def resizing() -> keras.Model:
    return _behind((40, 80, 3), layers.Resizing(40, 40))


@specimen(shape=(40, 40, 3), grid=(7, 7), axes=(divide(40, 64).crop(4, 4).resize(7),) * 2)
def resizing_and_centre_crop() -> keras.Model:
    """Enlarged to 64 pixels, of which the middle 56 are kept: 2.5 of 40 pixels are lost on each side."""
    image = keras.Input((40, 40, 3))
    tensor = layers.CenterCrop(56, 56)(layers.Resizing(64, 64)(image))
    return classifier(image, layers.Conv2D(4, 8, strides=8, activation="silu")(tensor))


@specimen(shape=(32, 48, 3), grid=(10, 12), axes=(pixels(32).crop(-4, -4).resize(10), divide(48, 12)))
def zero_padding() -> keras.Model:
    return _behind((32, 48, 3), layers.ZeroPadding2D(((4, 4), (0, 0))))


@specimen(
    shape=(40, 40, 3), grid=(5, 5), axes=(pixels(40).crop(12, 8).resize(5), pixels(40).crop(4, 16).resize(5))
)
def sliced_by_an_operator() -> keras.Model:
    image = keras.Input((40, 40, 3))
    return classifier(image, stem(image[:, 12:32, 4:24]))


@specimen(shape=(4, 16, 24, 3), grid=(4, None, None), backends=("torch", "tensorflow"))
def network_over_frames() -> keras.Model:
    frame = keras.Input((16, 24, 3))
    network = keras.Model(frame, layers.GlobalAveragePooling2D()(stem(frame)))
    clip = keras.Input((4, 16, 24, 3))
    return classifier(clip, layers.TimeDistributed(network)(clip))


@specimen(shape=(16, 16, 1), grid=None)
def dense_layers_alone() -> keras.Model:
    image = keras.Input((16, 16, 1))
    hidden = layers.Dense(8, activation="silu")(layers.Flatten()(image))
    return keras.Model(image, layers.Dense(3)(hidden))


@specimen(shape=(16, 24, 3), grid=None)
def latents_of_a_flattened_image() -> keras.Model:
    """A sequence of 24 vectors, each of which is made of every pixel."""
    image = keras.Input((16, 24, 3))
    mixed = layers.Dense(24 * 4, activation="silu")(layers.Flatten()(image))
    return classifier(image, layers.Dense(4, activation="silu")(layers.Reshape((24, 4))(mixed)))
