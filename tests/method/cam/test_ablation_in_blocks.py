"""Ablation-CAM at layers inside blocks whose `call` ends in operators: the rest of the block runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.typing import Tensor
from tests.helpers.networks.blocks import IMAGES, Two, array, behind_a_stem, draw_weights


class Mixer(layers.Layer):
    """A residual block with a network of two layers inside, as in a transformer."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.norm = layers.LayerNormalization(name="norm")
        self.wide, self.mlp = layers.Dense(12, name="wide"), layers.Dense(6, name="mlp")

    def call(self, tensor: Any) -> Any:
        return tensor + self.mlp(ops.tanh(self.wide(self.norm(tensor))))


def mixers() -> keras.Model:
    image = keras.Input((8, 8, 3))
    tensor = layers.Reshape((16, 6))(layers.Conv2D(6, 2, 2, name="patches")(image))
    for name in ("first", "second"):
        tensor = Mixer(name)(tensor)
    pooled = layers.GlobalAveragePooling1D()(tensor)
    return draw_weights(keras.Model(image, layers.Dense(3, name="head")(layers.Dense(8, "tanh")(pooled))))


def ablate(activations: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Score by score without each channel, by definition."""
    found, whole = np.zeros(activations.shape[:-1]), score(activations)
    for channel in range(activations.shape[-1]):
        without = activations.copy()
        without[..., channel] = 0
        drop = whole - score(without)
        found += drop.reshape(-1, *[1] * (found.ndim - 1)) * activations[..., channel]
    return found


def test_of_one_of_two_layers_that_operators_join() -> None:
    model = behind_a_stem(Two())
    two, head = model.get_layer("two"), model.get_layer("head")
    stem = model.get_layer("stem")(IMAGES)
    beside = two.a(stem)

    def score(activations: Tensor) -> Tensor:
        return array(head(ops.mean(two.join(beside, ops.convert_to_tensor(activations)), axis=(1, 2))))[:, 1]

    found = ks.AblationCAM(relu=False, layer="two/b")(model, IMAGES, 1)
    assert_close(found.values, ablate(array(two.b(stem)), score), CLOSE, "two/b")


@pytest.mark.parametrize("name", ["first", "second"])
def test_inside_a_transformer_block(name: str) -> None:
    model = mixers()
    before, after = ([], ["second"]) if name == "first" else (["first"], [])
    block = model.get_layer(name)
    tensor = ops.reshape(model.get_layer("patches")(IMAGES), (-1, 16, 6))
    for other in before:
        tensor = model.get_layer(other)(tensor)

    def score(activations: Tensor) -> Tensor:
        given = tensor + ops.convert_to_tensor(activations)
        for other in after:
            given = model.get_layer(other)(given)
        hidden = model.layers[-2](ops.mean(given, axis=1))
        return array(model.get_layer("head")(hidden))[:, 1]

    activations = array(block.mlp(ops.tanh(block.wide(block.norm(tensor)))))
    found = ks.AblationCAM(relu=False, layer=f"{name}/mlp")(model, IMAGES, 1)
    assert_close(found.values, ablate(activations, score).reshape(-1, 4, 4), CLOSE, name)
