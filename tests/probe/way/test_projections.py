"""Attention that is written out: its projections are never the automatic layer, and heads are no places."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from tests.helpers.networks.attention import WIDTH, attend, transformer
from tests.helpers.networks.blocks import IMAGES, draw_weights
from tests.helpers.probes import picked

IN_FRONT = {"apart": "second/norm_0", "fused": "second/norm_0", "functional": "second_norm"}


@pytest.mark.parametrize("kind", IN_FRONT)
def test_with_a_class_token_it_is_the_normalisation_in_front_of_the_last_attention(kind: str) -> None:
    model = transformer(kind)
    found = ks.HiResCAM(relu=False)(model, IMAGES, 1)
    assert found.layer == picked(model, IMAGES) == IN_FRONT[kind]
    assert found.values.shape == (2, 4, 4)
    assert np.ptp(found.values) > 0


@pytest.mark.once
@pytest.mark.parametrize("kind", IN_FRONT)
def test_with_pooled_tokens_it_is_the_last_layer(kind: str) -> None:
    assert picked(transformer(kind, class_token=False), IMAGES) == "last"


@pytest.mark.once
def test_axes_of_heads_are_no_places() -> None:
    table = ks.layers(transformer("functional"))
    kinds = {row.kind for row in table if row.grid is None and len(row.shape) == 3}
    assert kinds == {"Reshape", "Transpose", "Matmul", "TrueDivide", "Softmax"}
    assert {row.grid for row in table if row.grid is not None} == {(4, 4)}


class AttentionPooling(layers.Layer):
    """A query of the mean gathers what tokens hold."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.query, self.key, self.value = (layers.Dense(WIDTH, name=part) for part in ("q", "k", "v"))

    def call(self, tokens: Any) -> Any:
        query = self.query(ops.mean(tokens, axis=1, keepdims=True))
        return attend(query, self.key(tokens), self.value(tokens))[:, 0]


@pytest.mark.once
def test_an_attention_that_pools_is_explained_in_front_of_its_keys_and_values() -> None:
    image = keras.Input((8, 8, 3))
    tokens = layers.Reshape((16, WIDTH), name="tokens")(layers.Conv2D(WIDTH, 2, 2, name="patches")(image))
    tokens = layers.Dense(WIDTH, "tanh", name="features")(tokens)
    pooled = AttentionPooling(name="pooling")(tokens)
    assert picked(draw_weights(keras.Model(image, layers.Dense(3)(pooled))), IMAGES) == "features"


class CrossAttention(layers.Layer):
    """A query of its own gathers values, by keys that know their places, as in SAM."""

    def __init__(self) -> None:
        super().__init__(name="cross")
        self.query, self.key, self.value = (layers.Dense(WIDTH, name=part) for part in ("q", "k", "v"))

    def call(self, query: Any, key: Any, value: Any) -> Any:
        return attend(self.query(query), self.key(key), self.value(value))[:, 0]


class Decoder(layers.Layer):
    """Adds places to the keys, by an operator."""

    def __init__(self) -> None:
        super().__init__(name="decoder")
        self.cross = CrossAttention()

    def call(self, features: Any) -> Any:
        return self.cross(features[:, :1], ops.sin(features), features)


@pytest.mark.once
def test_keys_and_values_of_different_tensors_are_projections_too() -> None:
    image = keras.Input((8, 8, 3))
    tokens = layers.Reshape((16, WIDTH), name="tokens")(layers.Conv2D(WIDTH, 2, 2, name="patches")(image))
    features = layers.Dense(WIDTH, "tanh", name="features")(tokens)
    pooled = Decoder()(features)
    assert picked(draw_weights(keras.Model(image, layers.Dense(3)(pooled))), IMAGES) == "features"


@pytest.mark.once
def test_a_layer_that_widens_tokens_is_no_projection_where_they_are_pooled() -> None:
    image = keras.Input((8, 8, 3))
    tokens = layers.Reshape((16, WIDTH), name="tokens")(layers.Conv2D(WIDTH, 2, 2, name="patches")(image))
    wide = layers.Dense(3 * WIDTH, name="wide")(tokens)
    pooled = layers.GlobalAveragePooling1D()(wide)
    assert picked(draw_weights(keras.Model(image, layers.Dense(3)(pooled))), IMAGES) == "wide"
