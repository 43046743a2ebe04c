"""Models whose way to the score leads through operators or branches: what is said of their layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing.models.base import pictures
from tests.zoo.apart import changed_call
from tests.zoo.heads import classifier, stem
from tests.zoo.models.way import SHAPE, PoolingEncoder, TwoWays, two_branches

IMAGES = pictures(2, *SHAPE, seed=3)


def two_ways() -> keras.Model:
    image = keras.Input(SHAPE)
    return classifier(image, TwoWays(name="two")(stem(image)))


def test_layers_inside_a_block_are_on_the_way_to_the_score() -> None:
    rows = {row.path: row for row in ks.layers(two_ways())}
    assert rows["two/a"].explainable
    assert rows["two/b"].explainable
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(3)(PoolingEncoder(name="encoder")(stem(image, 2))))
    assert {row.path: row for row in ks.layers(model)}["encoder/inner"].explainable


@pytest.mark.parametrize("layer", ["a", "b"])
def test_ablation_inside_a_block_spares_no_layer_beside_it(layer: str) -> None:
    model = two_ways()
    found = ks.AblationCAM(relu=False, layer=f"two/{layer}")(ks.Probe(model, compile=False), IMAGES, 1)
    inner = getattr(model.get_layer("two"), {"a": "first", "b": "second"}[layer])
    activations: list[Any] = []

    def score(change: Any) -> Any:
        with changed_call(inner, change):
            return keras.ops.convert_to_numpy(model(IMAGES, training=False))[:, 1].astype("float64")

    def keep(output: Any) -> Any:
        activations.append(keras.ops.convert_to_numpy(output).astype("float64"))
        return output

    whole = score(keep)
    expected = np.zeros(activations[0].shape[:-1])
    for channel in range(activations[0].shape[-1]):
        kept = np.ones(activations[0].shape[-1], "float32")
        kept[channel] = 0
        drop = whole - score(lambda output, kept=kept: keras.ops.multiply(output, kept))
        expected += drop[:, None, None] * activations[0][..., channel]
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_map_of_two_branches_is_of_both() -> None:
    # Behind both a mean and a linear head: gradient times activation adds up to the score but for the bias.
    model = two_branches()
    found = ks.HiResCAM(relu=False)(ks.Probe(model, compile=False), IMAGES, 1)
    bias = keras.ops.convert_to_numpy(model.layers[-1].bias)[1]
    np.testing.assert_allclose(found.values.sum((1, 2)), found.scores - bias, atol=1e-5)
    assert found.notes
