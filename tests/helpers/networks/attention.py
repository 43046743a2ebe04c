"""Small vision transformers whose attention is written out, as a layer or in a functional graph."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.helpers.networks.blocks import draw_weights

WIDTH, HEADS = 12, 2


def split_heads(tokens: Any) -> Any:
    """(N, T, C) to (N, heads, T, C / heads)."""
    parts = ops.reshape(tokens, (-1, tokens.shape[1], HEADS, WIDTH // HEADS))
    return ops.transpose(parts, (0, 2, 1, 3))


def attend(query: Any, key: Any, value: Any) -> Any:
    """Attention of several heads, by operators alone."""
    products = ops.matmul(split_heads(query), ops.transpose(split_heads(key), (0, 1, 3, 2)))
    mixed = ops.matmul(ops.softmax(products / (WIDTH // HEADS) ** 0.5), split_heads(value))
    return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, query.shape[1], WIDTH))


class Attention(layers.Layer):
    """Attention with three projections, or with a single one that is three times as wide."""

    def __init__(self, fused: bool, name: str) -> None:
        super().__init__(name=name)
        names = ["qkv"] if fused else ["query", "key", "value"]
        self.projections = [layers.Dense(WIDTH * 3 // len(names), name=part) for part in names]
        self.out = layers.Dense(WIDTH, name="out")

    def call(self, tokens: Any) -> Any:
        parts = [projection(tokens) for projection in self.projections]
        return self.out(attend(*(ops.split(parts[0], 3, axis=-1) if len(parts) == 1 else parts)))


class Block(layers.Layer):
    """A block of a transformer."""

    def __init__(self, fused: bool, name: str) -> None:
        super().__init__(name=name)
        self.norms = [layers.LayerNormalization(name=f"norm_{number}") for number in range(2)]
        self.attention = Attention(fused, "attention")
        self.wide, self.mlp = layers.Dense(24, "gelu", name="wide"), layers.Dense(WIDTH, name="mlp")

    def call(self, tokens: Any) -> Any:
        tokens = tokens + self.attention(self.norms[0](tokens))
        return tokens + self.mlp(self.wide(self.norms[1](tokens)))


class ClassToken(layers.Layer):
    """Puts a token in front."""

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]))

    def call(self, tokens: Any) -> Any:
        token = ops.broadcast_to(self.token, (ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return ops.concatenate([token, tokens], axis=1)


def functional_block(tokens: Any, name: str) -> Any:
    """The same block in a functional graph."""
    given = layers.LayerNormalization(name=f"{name}_norm")(tokens)
    parts = [layers.Dense(WIDTH, name=f"{name}_{part}")(given) for part in ("query", "key", "value")]
    tokens = tokens + layers.Dense(WIDTH, name=f"{name}_out")(attend(*parts))
    return tokens + layers.Dense(WIDTH, name=f"{name}_mlp")(layers.LayerNormalization()(tokens))


def transformer(kind: str, class_token: bool = True) -> keras.Model:
    """Of patches 4 x 4, two blocks, and a head on the class token or on the mean.

    Args:
        kind: how the attention is written: `"apart"`, `"fused"` or `"functional"`.
        class_token: the score is read of a class token.
    """
    image = keras.Input((8, 8, 3))
    tokens = layers.Reshape((16, WIDTH))(layers.Conv2D(WIDTH, 2, 2, name="patches")(image))
    tokens = ClassToken(name="tokens")(tokens) if class_token else tokens
    for name in ("first", "second"):
        functional = kind == "functional"
        tokens = functional_block(tokens, name) if functional else Block(kind == "fused", name)(tokens)
    tokens = layers.LayerNormalization(name="last")(tokens)
    pooled = tokens[:, 0] if class_token else layers.GlobalAveragePooling1D()(tokens)
    return draw_weights(keras.Model(image, layers.Dense(3)(pooled)))
