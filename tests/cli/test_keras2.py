"""Files of Keras 2: what Keras 3 does not read of them is read, where it has a plain meaning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.cli.loading import load_model
from kerascope.errors import ModelError

pytestmark = pytest.mark.once

IMAGES = np.random.default_rng(0).random((2, 12, 12, 3)).astype("float32")

WRITTEN: dict[str, dict[str, Any]] = {
    "DepthwiseConv2D": {"groups": 1},
    "SeparableConv2D": {"groups": 1, "kernel_initializer": "glorot_uniform", "kernel_constraint": None},
    "Conv2DTranspose": {"groups": 1},
    "SpatialDropout2D": {"noise_shape": None, "trainable": True},
    "RandomFlip": {"rng_type": "stateful"},
    "LSTM": {"time_major": False, "implementation": 2},
}
"""What Keras 2 wrote of layers that do not take it any more, as files of tf_keras 2.21 have it."""


def written(path: Path, model: keras.Model, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The model in a file of Keras 2, with its configuration changed."""
    model.save(path)
    with h5py.File(path, "r+") as file:
        changed = change(json.loads(file.attrs["model_config"]))
        file.attrs["model_config"] = json.dumps(changed)
        file.attrs["keras_version"] = "2.15.0"
    return path


def of_keras_2(layer: dict[str, Any]) -> dict[str, Any]:
    config = {**layer["config"], **WRITTEN.get(layer["class_name"], {})}
    config["dtype"] = {"class_name": "Policy", "config": {"name": "float32"}}
    kept = {name: layer[name] for name in ("class_name", "name", "inbound_nodes") if name in layer}
    return {**kept, "config": config}


def assert_same(path: Path, model: keras.Model) -> None:
    loaded = load_model(path, unsafe=False, imports=None)
    found, wanted = (ks.Probe(one).scores(IMAGES, first_number) for one in (loaded, model))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def first_number(outputs: Any) -> Any:
    return keras.ops.reshape(outputs, (keras.ops.shape(outputs)[0], -1))[:, 0]


def test_arguments_that_change_nothing(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.RandomFlip(),
            layers.SeparableConv2D(4, 3),
            layers.SpatialDropout2D(0.5),
            layers.TimeDistributed(layers.Dense(4)),
            keras.Sequential(
                [keras.Input((10, 10, 4)), layers.DepthwiseConv2D(3), layers.BatchNormalization()]
            ),
            layers.Conv2DTranspose(2, 3),
            layers.Reshape((10, 20)),
            layers.LSTM(3),
        ]
    )

    def change(part: Any) -> Any:
        if isinstance(part, list):
            return [change(one) for one in part]
        if not isinstance(part, dict):
            return part
        part = {name: change(value) for name, value in part.items()}
        return of_keras_2(part) if hasattr(layers, str(part.get("class_name"))) else part

    assert_same(written(tmp_path / "old.h5", model, change), model)


def test_an_argument_that_means_something_is_an_error(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((12, 12, 4)), layers.DepthwiseConv2D(3)])

    def change(config: dict[str, Any]) -> dict[str, Any]:
        config["config"]["layers"][1]["config"]["groups"] = 2
        return config

    path = written(tmp_path / "old.h5", model, change)
    with pytest.raises(ModelError, match=r"Keras 2\.15\.0 wrote it"):
        load_model(path, unsafe=False, imports=None)


def test_a_list_of_layers_whose_first_one_states_the_shape(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])

    def change(config: dict[str, Any]) -> dict[str, Any]:
        first, second = map(of_keras_2, config["config"]["layers"][1:])
        first["config"]["batch_input_shape"] = [None, 12, 12, 3]
        return {
            "class_name": "Sequential",
            "config": [first, {**second, "class_name": "BatchNormalizationV1"}],
        }

    assert_same(written(tmp_path / "old.h5", model, change), model)


def functional(path: Path, model: keras.Model, change: Callable[[list[Any]], list[Any]]) -> Path:
    """A functional model in a file of Keras 2: each layer is fed by the one before it."""

    def rewritten(config: dict[str, Any]) -> dict[str, Any]:
        before: str | None = None
        chain = []
        for layer in change([of_keras_2(one) for one in config["config"]["layers"]]):
            given = layer.pop("given", None)
            source = [before, 0, 0, given or {}]
            nodes = [] if before is None else [source if given else [source]]
            chain.append({**layer, "name": layer["config"]["name"], "inbound_nodes": nodes})
            before = layer["config"]["name"]
        ends = {"input_layers": [[chain[0]["name"], 0, 0]], "output_layers": [[before, 0, 0]]}
        return {"class_name": "Model", "config": {"name": "old", "layers": chain, **ends}}

    return written(path, model, rewritten)


def test_operators_of_tensorflow_with_a_number_and_names_with_slashes(tmp_path: Path) -> None:
    image = keras.Input((12, 12, 3))
    model = keras.Model(image, layers.Conv2D(4, 3)(layers.Rescaling(1 / 127.5, -1)(image)))

    def change(chain: list[Any]) -> list[Any]:
        def operator(function: str, number: float) -> dict[str, Any]:
            config = {"name": f"tf.{function}", "trainable": True, "dtype": "float32", "function": function}
            return {"class_name": "TFOpLambda", "config": config, "given": {"y": number, "name": None}}

        chain[-1]["config"]["name"] = "conv1/conv"
        return [chain[0], operator("math.truediv", 127.5), operator("math.subtract", 1.0), chain[-1]]

    path = functional(tmp_path / "old.h5", model, change)
    assert_same(path, model)
    assert load_model(path, unsafe=False, imports=None).layers[-1].name == "conv1_conv"


def test_operators_without_a_layer_are_said_to_be_of_keras_2(tmp_path: Path) -> None:
    image = keras.Input((12, 12, 3))
    model = keras.Model(image, layers.Conv2D(4, 3)(image))

    def change(chain: list[Any]) -> list[Any]:
        config = {"name": "turned", "function": "__operators__.getitem"}
        turned = {"class_name": "SlicingOpLambda", "config": config, "given": {"slice_spec": []}}
        return [chain[0], turned, chain[1]]

    path = functional(tmp_path / "old.h5", model, change)
    with pytest.raises(ModelError, match=r"'SlicingOpLambda'(.|\n)*Keras 2\.15\.0 wrote it.*load_weights"):
        load_model(path, unsafe=False, imports=None)


def test_code_in_an_old_file_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Lambda(lambda value: value / 2)])
    path = written(tmp_path / "old.h5", model, lambda config: config)
    with pytest.raises(ModelError, match="--unsafe"):
        load_model(path, unsafe=False, imports=None)


def test_another_arithmetic_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Dense(2, activation="hard_sigmoid")])
    load_model(written(tmp_path / "old.h5", model, lambda config: config), unsafe=False, imports=None)
    assert "hard_sigmoid is x / 6 + 0.5 in Keras 3" in capsys.readouterr().err
