"""Models whose way to the score leads through operators, branches or other outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

import kerascope as ks
from kerascope.typing import Tensor
from tests.zoo.heads import classifier, stem
from tests.zoo.specimen import EVERYWHERE, Specimen, register, specimen, tokens

SHAPE = (32, 48, 3)
GRID = (8, 12)


class OperatorThenLayer(keras.Model):
    """A model that computes with an operator and hands the result to a layer that returns its argument."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.convolution = layers.Conv2D(4, 4, strides=4, activation="silu", name="convolution")
        self.still = layer
        self.head = layers.Dense(3)

    def call(self, images: Tensor) -> Tensor:
        return self.head(self.still(ops.mean(self.convolution(images), axis=(1, 2))))


class OperatorThenPicture(keras.Model):
    """The same, where the layer is given a picture."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.still = layer
        self.convolution = layers.Conv2D(4, 4, strides=4, activation="silu", name="convolution")
        self.head = layers.Dense(3)

    def call(self, images: Tensor) -> Tensor:
        return self.head(ops.mean(self.convolution(self.still(images * 2 - 1)), axis=(1, 2)))


def _built(model: keras.Model) -> keras.Model:
    model(ops.zeros((1, *SHAPE)))
    return model


STILL: dict[str, Callable[[], keras.Layer]] = {
    "dropout": lambda: layers.Dropout(0.5),
    "identity": layers.Identity,
    "gaussian_noise": lambda: layers.GaussianNoise(0.5),
    "linear_activation": lambda: layers.Activation("linear"),
}
for _name, _layer in STILL.items():
    register(
        Specimen(
            f"operator_then_{_name}",
            lambda layer=_layer: _built(OperatorThenLayer(layer())),
            SHAPE,
            GRID,
            layers=("convolution",),
            backends=EVERYWHERE if _name == "dropout" else ("torch",),
        )
    )
for _name, _layer in {**STILL, "random_flip": layers.RandomFlip}.items():
    register(
        Specimen(
            f"operator_then_picture_{_name}",
            lambda layer=_layer: _built(OperatorThenPicture(layer())),
            SHAPE,
            GRID,
            layers=("convolution",),
        )
    )


class TwoWays(layers.Layer):
    """Two convolutions of the same tensor, joined by operators."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.second = (layers.Conv2D(8, 3, padding="same", name=name) for name in "ab")

    def call(self, tensor: Tensor) -> Tensor:
        return ops.silu(self.first(tensor)) * 2 + ops.tanh(self.second(tensor))


@specimen(shape=SHAPE, grid=GRID, layers=("two",), backends=EVERYWHERE)
def operators_at_the_end_of_a_block() -> keras.Model:
    image = keras.Input(SHAPE)
    return classifier(image, TwoWays(name="two")(stem(image)))


class PoolingEncoder(layers.Layer):
    """An encoder that ends in a mean of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = layers.Conv2D(5, 2, strides=2, activation="silu", name="inner")

    def call(self, tensor: Tensor) -> Tensor:
        return ops.mean(self.inner(tensor), axis=(1, 2))


@specimen(shape=SHAPE, grid=(8, 12), layers=("encoder/inner",), backends=EVERYWHERE)
def encoder_that_pools_by_itself() -> keras.Model:
    image = keras.Input(SHAPE)
    return keras.Model(image, layers.Dense(3)(PoolingEncoder(name="encoder")(stem(image, 2))))


@specimen(shape=SHAPE, grid=GRID)
def constant_that_was_computed() -> keras.Model:
    """A vector for each class that a layer made once, as the texts of a zero-shot classifier."""
    image = keras.Input(SHAPE)
    texts = layers.Dense(3)(ops.reshape(ops.linspace(-1.0, 1.0, 24), (12, 2)))
    return keras.Model(image, ops.mean(stem(image), axis=(1, 2)) @ texts)


def _branches(image: Any, common: Tensor) -> keras.Model:
    pooled = [
        layers.GlobalAveragePooling2D()(
            layers.Conv2D(8, 3, padding="same", activation="silu", name=name)(common)
        )
        for name in ("left", "right")
    ]
    return keras.Model(image, layers.Dense(3)(layers.Concatenate()(pooled)))


def two_branches() -> keras.Model:
    """Both pooled and concatenated: not in the registry, for a map at one of them is half the answer."""
    image = keras.Input(SHAPE)
    return _branches(image, layers.Activation("tanh", name="common")(stem(image)))


def two_outputs() -> keras.Model:
    """The last layer with places feeds the other output."""
    image = keras.Input(SHAPE)
    features = layers.Conv2D(4, 4, strides=4, activation="silu", name="shared")(image)
    kind = layers.Dense(3, name="kind")(layers.GlobalAveragePooling2D()(features))
    mask = layers.Conv2DTranspose(1, 4, strides=4, name="mask")(features)
    return keras.Model(image, {"kind": kind, "mask": mask})


register(
    Specimen(
        "last_layer_feeds_another_output",
        two_outputs,
        SHAPE,
        GRID,
        layers=("shared",),
        target=ks.Output("kind", 1),
        score=lambda outputs: outputs["kind"][:, 1],
    )
)


class OwnAttention(layers.Layer):
    """Attention of a transformer's own: three projections, or one of all three, and two products."""

    def __init__(self, width: int, fused: bool, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.fused = width, fused
        names = ("all",) if fused else ("query", "key", "value")
        self.projections = [layers.Dense(width * 3 // len(names), name=name) for name in names]
        self.out = layers.Dense(width, name="out")

    def call(self, tensor: Tensor) -> Tensor:
        projected = [layer(tensor) for layer in self.projections]
        query, key, value = ops.split(projected[0], 3, axis=-1) if self.fused else projected
        weights = ops.softmax(query @ ops.swapaxes(key, 1, 2) / self.width**0.5)
        return self.out(weights @ value)


class ClassToken(layers.Layer):
    """A token of its own, in front of the patches or behind them, and a position for each."""

    def __init__(self, count: int = 1, behind: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.behind = count, behind

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, self.count, shape[-1]), initializer="uniform", name="token")
        self.position = self.add_weight(shape=(1, shape[1] + self.count, shape[-1]), initializer="uniform")

    def call(self, tensor: Tensor) -> Tensor:
        token = ops.tile(self.token, (ops.shape(tensor)[0], 1, 1))
        parts = [tensor, token] if self.behind else [token, tensor]
        return ops.concatenate(parts, axis=1) + self.position


class Attend(layers.Layer):
    """A block of a transformer in one layer, with operators for its sums."""

    def __init__(self, width: int, fused: bool, **options: Any) -> None:
        super().__init__(**options)
        self.before = layers.LayerNormalization(name="before")
        self.attention = OwnAttention(width, fused, name="attention")
        self.middle = layers.LayerNormalization(name="middle")
        self.wide, self.narrow = layers.Dense(2 * width, activation="gelu"), layers.Dense(width)

    def call(self, tensor: Tensor) -> Tensor:
        tensor = tensor + self.attention(self.before(tensor))
        return tensor + self.narrow(self.wide(self.middle(tensor)))


def patch_tokens(image: Any, width: int = 16) -> Tensor:
    """The patches of 8 pixels of a picture as a sequence."""
    patches = layers.Conv2D(width, 8, strides=8, name="patches")(image)
    return layers.Reshape((-1, width))(patches)


def _transformer(fused: bool, in_layers: bool) -> keras.Model:
    image = keras.Input(SHAPE)
    tensor = ClassToken(name="class_token")(patch_tokens(image))
    for number in range(2):
        if in_layers:
            tensor = Attend(16, fused, name=f"block{number}")(tensor)
        else:
            normal = layers.LayerNormalization(name=f"norm{number}")(tensor)
            tensor = layers.Add(name=f"add{number}")(
                [tensor, OwnAttention(16, fused, name=f"attention{number}")(normal)]
            )
            wide = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(tensor))
            tensor = layers.Add(name=f"sum{number}")([tensor, layers.Dense(16)(wide)])
    return keras.Model(image, layers.Dense(3)(layers.LayerNormalization()(tensor)[:, 0]))


for _fused in (False, True):
    for _in_layers in (False, True):
        register(
            Specimen(
                f"own_attention{'_fused' * _fused}{'_in_blocks' * _in_layers}",
                lambda fused=_fused, in_layers=_in_layers: _transformer(fused, in_layers),
                SHAPE,
                (4, 6),
                read=tokens(4, 6, front=1),
                layers=("block0", "block1/before") if _in_layers else ("sum0", "norm1"),
                backends=EVERYWHERE if _fused and _in_layers else ("torch",),
            )
        )
