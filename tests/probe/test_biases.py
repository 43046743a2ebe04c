"""Every constant that a model adds is found, whatever layer adds it, and what is not known is named."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.models import fill

L = layers


def classifier(*parts: Any, shape: tuple[int, ...] = (8, 8, 3), seed: int = 3) -> keras.Model:
    model = keras.Sequential([keras.Input(shape), *parts, layers.GlobalAveragePooling2D(), layers.Dense(3)])
    fill(model, seed)
    return model


def images(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def explained(model: keras.Model, target: Any = 1) -> ks.Explanation:
    return ks.FullGrad()(ks.Probe(model, compile=False), images(2, *model.input_shape[1:]), target)


def complete(found: ks.Explanation) -> bool:
    assert found.completeness_gap is not None
    return bool(np.abs(found.completeness_gap).max() < 1e-4)


PARTS = {
    "activation inside": [L.Conv2D(4, 3, activation="relu")],
    "leaky": [L.Conv2D(4, 3, activation="leaky_relu")],
    "strided, unpadded": [L.Conv2D(4, 3, strides=2), L.ReLU()],
    "batch normalisation": [L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()],
    "normalisation without scale": [L.Conv2D(4, 3), L.BatchNormalization(scale=False), L.ReLU()],
    "normalisation without offset": [L.Conv2D(4, 3), L.BatchNormalization(center=False), L.ReLU()],
    "depthwise": [L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")],
    "separable": [L.SeparableConv2D(4, 3, activation="relu")],
    "transposed": [L.Conv2DTranspose(4, 3, strides=2, activation="relu")],
    "dense on pixels": [L.Dense(5, activation="relu")],
    "einsum": [L.EinsumDense("nhwc,cd->nhwd", (None, None, 5), bias_axes="d", activation="relu")],
    "rescaling": [L.Rescaling(2.0, offset=-1.0), L.Conv2D(4, 3, activation="relu")],
    "normalisation of the input": [
        L.Normalization(mean=[0.5, 0.25, 0.0], variance=[1.0, 4.0, 0.25]),
        L.Conv2D(4, 3, activation="relu"),
    ],
    "parametric": [L.Conv2D(4, 3), L.PReLU(shared_axes=[1, 2])],
    "maximum pooling": [L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(4, 2)],
    "ceiling": [L.Conv2D(4, 3), L.ReLU(max_value=0.5), L.Conv2D(4, 3), L.ReLU(6.0)],
    "ceiling inside": [L.Rescaling(8.0), L.Conv2D(4, 3, activation="relu6")],
    "without bias": [L.Conv2D(4, 3, use_bias=False, activation="relu")],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_image_and_biases_sum_to_the_score(parts: list[Any]) -> None:
    model = classifier(*[layer.__class__.from_config(layer.get_config()) for layer in parts])
    for target in range(3):
        found = explained(model, target)
        assert complete(found), found.completeness_gap
        assert not found.notes


def test_the_constant_of_a_ceiling_is_needed() -> None:
    """Else the test above would not have met one."""
    model = classifier(layers.Conv2D(4, 3), layers.ReLU(max_value=0.5, name="ceiling"))
    assert (ks.Probe(model).activations(images(2, 8, 8, 3), "ceiling") == 0.5).any()
    assert complete(explained(model))


def test_a_layer_that_runs_twice_counts_twice() -> None:
    image = keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same", activation="relu")
    inner = keras.Model(image, shared(shared(image)), name="inner")
    outer = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Add()([inner(outer), inner(inner(outer))]))
    model = keras.Model(outer, layers.Dense(3, activation="softmax")(pooled))
    fill(model, 5)
    found = explained(model)
    assert complete(found), found.completeness_gap


def test_a_bias_beside_the_way_to_the_score_adds_nothing() -> None:
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, activation="relu", name="features")(image)
    aside = layers.Conv2D(2, 3, name="aside")(features)
    score = layers.Dense(3, name="score")(layers.GlobalAveragePooling2D()(features))
    model = keras.Model(image, [score, layers.Dense(2, name="other")(layers.GlobalAveragePooling2D()(aside))])
    fill(model, 6)
    assert complete(explained(model, ks.Output(0, 1)))


def test_new_weights_are_seen() -> None:
    model = classifier(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization())
    probe = ks.Probe(model)
    before = ks.FullGrad()(probe, images(2, 8, 8, 3), 1)
    fill(model, 9)
    after = ks.FullGrad()(probe, images(2, 8, 8, 3), 1)
    assert complete(before)
    assert complete(after)
    assert not np.allclose(before.values, after.values)


class PlusOne(layers.Layer):
    """A constant that nobody can know of."""

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs + 1.0)


class Offset(layers.Layer):
    """A bias that goes by another name."""

    def build(self, shape: Any) -> None:
        self.offset = self.add_weight(shape=(shape[-1],), name="offset")

    def call(self, inputs: Any) -> Any:
        return inputs + self.offset


def plus_number() -> keras.Model:
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, name="conv")(image) + 1.0
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(ops.relu(features))))
    fill(model, 4)
    return model


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (lambda: classifier(L.Conv2D(4, 3), L.LayerNormalization(name="norm")), "norm (LayerNormalization)"),
        (lambda: classifier(L.Conv2D(4, 3), Offset(name="mine")), "mine (Offset)"),
        (lambda: classifier(L.Conv2D(4, 3, activation="gelu", name="soft")), "soft (gelu)"),
        (lambda: classifier(L.Conv2D(4, 3), L.Activation("tanh", name="soft")), "soft (Activation)"),
        (lambda: classifier(L.Conv2D(4, 3), L.ELU(name="soft")), "soft (ELU)"),
        (plus_number, "(Add)"),
        (lambda: classifier(L.Conv2D(4, 3), PlusOne()), "the terms miss the score"),
    ],
)
def test_what_cannot_be_included_is_named(model: Any, named: str) -> None:
    found = explained(model())
    assert named in " ".join(found.notes)
    assert not complete(found)


def test_images_are_needed() -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
    with pytest.raises(ks.errors.InputError, match="spatial axes"):
        ks.FullGrad()(model, np.ones((2, 5)), 1)


def test_an_activation_that_is_a_layer_is_looked_at_as_a_layer() -> None:
    straight = classifier(layers.Conv2D(4, 3, activation=layers.LeakyReLU(negative_slope=0.1)))
    found = explained(straight)
    assert complete(found)
    assert not found.notes
    assert "sum to the score" in " ".join(
        explained(classifier(layers.Conv2D(4, 3, activation=layers.ELU()))).notes
    )


def test_a_bias_behind_the_last_place_is_not_drawn() -> None:
    """Of one position nothing can be drawn, whether it is kept as an axis or not."""
    dense = classifier(layers.Conv2D(4, 3, activation="relu"))
    kept = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(keepdims=True),
            layers.Conv2D(3, 1),
            layers.Flatten(),
        ]
    )
    pairs = zip(dense.get_weights(), kept.weights, strict=True)
    kept.set_weights([value.reshape(own.shape) for value, own in pairs])
    np.testing.assert_allclose(explained(kept).values, explained(dense).values, atol=1e-6)
