"""Models in other numbers than float32, and from files."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
from keras import layers

from kerascope.cli.loading import load_model
from tests.zoo.heads import classifier, stem
from tests.zoo.specimen import Specimen, register, specimen

SHAPE = (32, 48, 3)
GRID = (8, 12)


def mixed(image: Any) -> keras.Model:
    """Convolutions, a dense layer for each place, and a dense head."""
    return classifier(image, layers.Dense(16, activation="silu", name="places")(stem(image)))


def in_precision(policy: str) -> keras.Model:
    """The model with layers of another precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return mixed(keras.Input(SHAPE))
    finally:
        keras.config.set_dtype_policy(before)


for _policy, _tolerance in (("mixed_float16", 5e-3), ("mixed_bfloat16", 4e-2)):
    register(
        Specimen(
            f"in_{_policy}", lambda policy=_policy: in_precision(policy), SHAPE, GRID, tolerance=_tolerance
        )
    )


@specimen(shape=SHAPE, grid=GRID)
def low_rank_adaptation() -> keras.Model:
    model = mixed(keras.Input(SHAPE))
    for name in ("places", "head"):
        model.get_layer(name).enable_lora(2)
        added = model.get_layer(name).lora_kernel_b
        added.assign(keras.random.normal(added.shape))
    return model


def quantized(mode: str) -> keras.Model:
    """The dense layers in small whole numbers, which is all that Keras keeps so."""
    model = mixed(keras.Input(SHAPE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # layers without weights are named as left out
        model.quantize(mode)
    return model


for _mode in ("int8", "int4"):
    register(Specimen(f"in_{_mode}", lambda mode=_mode: quantized(mode), SHAPE, GRID))


def from_file(ending: str, change: Callable[[Path], None] = lambda _: None) -> keras.Model:
    """The model as it comes out of a file."""
    image = keras.Input(SHAPE)
    tensor = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(stem(image))
    pooled = layers.GlobalAveragePooling2D()(layers.Activation("silu")(tensor))
    model = keras.Model(image, layers.Dense(3)(pooled))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{ending}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # HDF5 is old, as Keras says
            model.save(path)
            change(path)
            return load_model(path, unsafe=False, imports=None)


def as_keras_2(path: Path) -> None:
    """What Keras 2 wrote of a depthwise convolution, which Keras 3 does not take."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"


for _ending in (".keras", ".h5"):
    register(Specimen(f"from_a_file{_ending}", lambda ending=_ending: from_file(ending), SHAPE, GRID))
register(Specimen("from_a_file_of_keras_2", lambda: from_file(".h5", as_keras_2), SHAPE, GRID))
