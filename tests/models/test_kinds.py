"""Kinds of models that people have: each explained like a plain model of the same weights."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import fill, pictures
from kerascope.typing import Tensor

SIZE = 16
IMAGES = pictures(2, SIZE, SIZE, 3, seed=40)
CAM = ks.GradCAM(relu=False)


def features(tensor: Tensor) -> Tensor:
    """Two convolutions with a normalisation between them, as in a small backbone; no unit has a corner."""
    tensor = layers.Conv2D(4, 3, padding="same", name="conv1")(tensor)
    tensor = layers.BatchNormalization(name="norm")(tensor)
    tensor = layers.Activation("silu", name="silu")(tensor)
    return layers.Conv2D(5, 3, strides=2, padding="same", activation="silu", name="conv2")(tensor)


def flat(*before: keras.Layer) -> keras.Model:
    """The network without any nesting."""
    tensor = image = keras.Input((SIZE, SIZE, 3))
    for layer in before:
        tensor = layer(tensor)
    return keras.Model(image, classifier(features(tensor)))


def classifier(tensor: Tensor) -> Tensor:
    pooled = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(tensor))
    return layers.Dense(3, activation="softmax", name="head")(pooled)


def backbone() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    return keras.Model(image, features(image), name="backbone")


def like(model: keras.Model, other: keras.Model) -> keras.Model:
    """`model` with the weights of another one whose variables have the same order."""
    model.set_weights(other.get_weights())
    return model


def filled(model: keras.Model) -> keras.Model:
    fill(model, 41)
    return model


def assert_explained_alike(model: Any, plain: Any, layer: str, images: Any = None) -> None:
    """Score, map and saliency of a model are those of the plain one."""
    images = IMAGES if images is None else images
    for target in (0, 2):
        found, expected = CAM(model, images, target), CAM(plain, IMAGES, target)
        assert found.layer == layer
        assert_close(found.scores, expected.scores, CLOSE, "score")
        assert_close(found.values, expected.values, CLOSE, "map")
        gradient = ks.Saliency()(model, images, target).values
        assert_close(gradient, ks.Saliency()(plain, IMAGES, target).values, CLOSE, "gradient")


def test_transfer_learning_on_a_frozen_backbone() -> None:
    image = keras.Input((SIZE, SIZE, 3))
    frozen = backbone()
    frozen.trainable = False
    model = filled(keras.Model(image, classifier(frozen(image, training=False))))
    flags = [(layer.name, layer.trainable) for layer in model._flatten_layers()]
    assert_explained_alike(model, copied(flat(), model), "backbone/conv2")
    assert [(layer.name, layer.trainable) for layer in model._flatten_layers()] == flags
    assert len(model.trainable_variables) == 2


def copied(plain: keras.Model, model: keras.Model) -> keras.Model:
    """`plain` with the weights of the layers of these names, wherever they are in the other model."""
    inner = {layer.name: layer for layer in model._flatten_layers()}
    for layer in plain.layers:
        if layer.weights and layer.name in inner:
            layer.set_weights(inner[layer.name].get_weights())
    return plain


def test_a_model_built_around_its_backbones_own_input() -> None:
    # As keras-hub builds its classifiers: the graph leads through the backbone as one layer.
    inner = backbone()
    model = filled(keras.Model(inner.input, classifier(inner(inner.input)), name="classifier"))
    assert_explained_alike(model, copied(flat(), model), "backbone/conv2")


def test_a_sequential_of_models() -> None:
    pooled = keras.Input((SIZE // 2, SIZE // 2, 5))
    head = keras.Model(pooled, classifier(pooled), name="classifier")
    model = filled(keras.Sequential([keras.Input((SIZE, SIZE, 3)), backbone(), head]))
    assert_explained_alike(model, copied(flat(), model), "backbone/conv2")
    deeper = keras.Sequential([keras.Sequential([backbone()], name="inner"), head])
    deeper.build((None, SIZE, SIZE, 3))
    assert_explained_alike(filled(deeper), copied(flat(), deeper), "inner/backbone/conv2")


def test_augmentation_inside_the_model_is_inactive() -> None:
    before = [
        layers.RandomFlip(seed=1),
        layers.RandomRotation(0.2, seed=1),
        layers.RandomZoom(0.2, seed=1),
        layers.RandomContrast(0.2, seed=1),
        layers.GaussianNoise(0.5, seed=1),
    ]
    model = flat(*before)
    plain = flat()
    fill(plain, 41)
    copied(model, plain)
    assert_explained_alike(model, plain, "conv2")


def test_preprocessing_inside_the_model() -> None:
    normalise = layers.Normalization(mean=[0.25, 0.5, 0.75], variance=[0.25, 1.0, 4.0])
    model = flat(layers.Rescaling(1 / 256), normalise)
    plain = flat()
    fill(plain, 41)
    copied(model, plain)
    deviation = np.array([0.5, 1, 2], "float32")
    raw = 256 * (IMAGES * deviation + [0.25, 0.5, 0.75])
    found, expected = (method(model, raw, 1) for method in (CAM, ks.Saliency())), CAM(plain, IMAGES, 1)
    cam, saliency = found
    assert_close(cam.values, expected.values, CLOSE, "map")
    # A gradient per unit of the input, which here has 256 units per deviation.
    inner = ks.Saliency()(plain, IMAGES, 1).values
    assert_close(saliency.values, inner / (256 * deviation), CLOSE, "gradient")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy: str) -> None:
    plain = filled(flat())
    image = keras.Input((SIZE, SIZE, 3))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = like(keras.Model(image, classifier(features(image))), plain)
    finally:
        keras.config.set_dtype_policy(before)
    for method in (CAM, ks.Saliency()):
        found, expected = method(mixed, IMAGES, 1), method(plain, IMAGES, 1)
        assert found.values.dtype == "float32"
        error = np.abs(found.values - expected.values).max() / np.abs(expected.values).max()
        assert error < (0.01 if policy == "mixed_float16" else 0.06)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_saved_and_loaded(ending: str, tmp_path: Any) -> None:
    image = keras.Input((SIZE, SIZE, 3))
    model = filled(keras.Model(image, classifier(backbone()(image))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # HDF5 is old, as Keras says
        model.save(tmp_path / f"model{ending}")
        loaded = keras.saving.load_model(tmp_path / f"model{ending}", compile=False)
    assert_explained_alike(loaded, copied(flat(), model), "backbone/conv2")


@keras.saving.register_keras_serializable(package="kerascope_tests")
class Gate(layers.Layer):
    """A custom layer with a weight and operators in its `call`: x * sigmoid(scale * x)."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, tensor: Tensor) -> Tensor:
        return tensor * keras.ops.sigmoid(self.scale * tensor)


class Unregistered(Gate):
    """The same, which has to be named when it is loaded."""


@pytest.mark.parametrize("kind", [Gate, Unregistered])
def test_custom_objects(kind: type[Gate], tmp_path: Any) -> None:
    image = keras.Input((SIZE, SIZE, 3))
    model = filled(keras.Model(image, classifier(kind(name="gate")(features(image)))))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects={"Unregistered": Unregistered})
    tensor = keras.Input((SIZE, SIZE, 3))
    # In layers of Keras: one factor per channel is a depthwise convolution of one pixel.
    inner = features(tensor)
    gate = layers.DepthwiseConv2D(1, use_bias=False, activation="sigmoid", name="factors")(inner)
    plain = keras.Model(tensor, classifier(layers.Multiply(name="gate")([inner, gate])))
    copied(plain, model)
    scale = model.get_layer("gate").get_weights()[0]
    plain.get_layer("factors").set_weights([scale.reshape(1, 1, -1, 1)])
    assert_explained_alike(loaded, plain, "gate")


@pytest.mark.parametrize("jit", [True, False])
def test_a_compiled_and_trained_model(jit: bool) -> None:
    if jit and keras.backend.backend() == "torch":
        pytest.skip("torch.compile of a training step takes most of a minute")
    model = filled(flat())
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=jit)
    model.train_on_batch(IMAGES, np.array([0, 2]))
    plain = like(flat(), model)
    assert_explained_alike(model, plain, "conv2")
    before = CAM(model, IMAGES, 1).scores
    model.train_on_batch(IMAGES, np.array([1, 1]))
    like(plain, model)
    assert_explained_alike(model, plain, "conv2")
    assert np.abs(CAM(model, IMAGES, 1).scores - before).max() > 0
