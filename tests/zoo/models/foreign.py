"""Models with parts that are not of Keras."""

from __future__ import annotations

import tempfile
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.zoo.heads import classifier, stem
from tests.zoo.specimen import channels_first, specimen

SHAPE = (32, 48, 3)
GRID = (8, 12)


def _mean_of_channels_first(image: Any, tensor: Any) -> keras.Model:
    return keras.Model(image, layers.Dense(3)(ops.mean(tensor, axis=(2, 3))))


def _torch_module() -> Any:
    import torch

    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 4, stride=4), torch.nn.SiLU())


@specimen(shape=SHAPE, grid=GRID, read=channels_first)
def module_of_torch() -> keras.Model:
    image = keras.Input(SHAPE)
    wrapped = layers.TorchModuleWrapper(_torch_module(), output_shape=(None, 8, *GRID))
    return _mean_of_channels_first(image, wrapped(layers.Permute((3, 1, 2))(image)))


@specimen(shape=SHAPE, grid=GRID)
def module_of_torch_turned_back() -> keras.Model:
    image = keras.Input(SHAPE)
    wrapped = layers.TorchModuleWrapper(_torch_module(), output_shape=(None, 8, *GRID))
    tensor = layers.Permute((2, 3, 1))(wrapped(layers.Permute((3, 1, 2))(image)))
    return classifier(image, tensor)


@specimen(
    shape=SHAPE,
    grid=GRID,
    read=channels_first,
    inputs=lambda images: images.swapaxes(1, 3).swapaxes(2, 3),
)
def module_of_torch_on_channels_in_front() -> keras.Model:
    image = keras.Input((3, *SHAPE[:2]))
    wrapped = layers.TorchModuleWrapper(_torch_module(), output_shape=(None, 8, *GRID))
    pool = layers.GlobalAveragePooling2D(data_format="channels_first")
    return keras.Model(image, layers.Dense(3)(pool(wrapped(image))))


def _jax_convolution(axes: str) -> Any:
    """A convolution of patches in JAX, with images laid out as `axes` say."""

    def call(params: Any, inputs: Any) -> Any:
        import jax

        found = jax.lax.conv_general_dilated(
            inputs, params, (4, 4), "VALID", dimension_numbers=(axes, "HWIO", axes)
        )
        return jax.nn.silu(found)

    return call


def _jax_layer(axes: str) -> keras.Layer:
    kernel = np.random.default_rng(0).normal(0, 0.2, (4, 4, 3, 8)).astype("float32")
    return layers.JaxLayer(_jax_convolution(axes), params=keras.Variable(kernel).value)


@specimen(shape=SHAPE, grid=GRID, backends=("jax",))
def function_of_jax() -> keras.Model:
    image = keras.Input(SHAPE)
    return classifier(image, _jax_layer("NHWC")(image))


@specimen(shape=SHAPE, grid=GRID, backends=("jax",), read=channels_first)
def function_of_jax_with_channels_in_front() -> keras.Model:
    image = keras.Input(SHAPE)
    return _mean_of_channels_first(image, _jax_layer("NCHW")(layers.Permute((3, 1, 2))(image)))


@specimen(shape=SHAPE, grid=GRID, backends=("jax",), needs="flax")
def module_of_flax() -> keras.Model:
    import flax

    image = keras.Input(SHAPE)
    return classifier(image, layers.FlaxLayer(flax.linen.Conv(8, (4, 4), (4, 4)))(image))


@specimen(shape=SHAPE, grid=GRID, backends=("tensorflow",))
def saved_model_of_tensorflow() -> keras.Model:
    """Its inside is out of reach; what it returns is a layer's output."""
    inner = keras.Input(SHAPE)
    backbone = keras.Model(inner, stem(inner))
    with tempfile.TemporaryDirectory() as folder:
        backbone.export(folder, verbose=False)
        loaded = layers.TFSMLayer(folder, call_endpoint="serve")
    image = keras.Input(SHAPE)
    return classifier(image, loaded(image))
