"""Which preprocessing a model wants, found out from the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.dataset.preparing.detection import detect
from tests.helpers.files.photographs import network


def found(model: keras.Model, size: Any = None, path: Any = None) -> Any:
    probe = ks.Probe(model)
    return detect(probe, probe.blank() if size is None else probe.blank(size), path)


def headed(first: Callable[[Any], Any]) -> keras.Model:
    """A network whose pixels go through something first."""
    pixels = keras.Input((16, 16, 3))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(first(pixels))
    return keras.Model(pixels, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(hidden)))


def standardised() -> keras.layers.Layer:
    return keras.layers.Normalization(mean=[120.0, 115.0, 100.0], variance=[3600.0, 3500.0, 3800.0])


OWN = {
    "rescaled to -1..1": (keras.layers.Rescaling(1 / 127.5, offset=-1), "0-255"),
    "rescaled to 0..1": (keras.layers.Rescaling(1 / 255), "0-255"),
    "from 0..1 to -1..1": (keras.layers.Rescaling(2.0, offset=-1), "0-1"),
    "standardised": (standardised(), "0-255"),
    "tf": (keras.applications.mobilenet_v2.preprocess_input, "0-255"),
    "torch": (keras.applications.densenet.preprocess_input, "0-255"),
    "caffe": (keras.applications.resnet50.preprocess_input, "0-255"),
    "flipped first": (
        lambda pixels: keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(pixels)),
        "0-255",
    ),
}


@pytest.mark.parametrize("case", OWN)
def test_what_the_first_layers_do_is_measured(case: str) -> None:
    first, name = OWN[case]
    answer = found(headed(first))
    assert answer.preprocessing.name == name, answer
    assert answer.doubt is None
    assert "own" in answer.reason


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("MobileNet", "-1-1"),
        ("MobileNetV2", "-1-1"),
        ("ResNet50", "caffe"),
        ("ResNet50V2", "-1-1"),
        ("DenseNet121", "torch"),
        ("VGG16", "caffe"),
        ("Xception", "-1-1"),
        ("EfficientNetB0", "0-255"),
        ("EfficientNetV2B0", "0-255"),
        ("MobileNetV3Small", "0-255"),
        ("InceptionV3", "-1-1"),
        ("ConvNeXtTiny", "0-255"),
    ],
)
def test_networks_of_keras_are_known(name: str, convention: str) -> None:
    """Each must be fed what `preprocess_input` of its module makes of bytes."""
    size = 96 if name in ("InceptionV3", "Xception") else 64
    pixels = keras.Input((size, size, 3))
    backbone = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(size, size, 3))
    hidden = keras.layers.GlobalAveragePooling2D()(backbone(pixels))
    model = keras.Model(pixels, keras.layers.Dense(3)(hidden), name="mine")
    answer = found(model)
    assert answer.preprocessing.name == convention, answer
    assert answer.doubt is None
    module = getattr(keras.applications, MODULES[name])
    bytes_ = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype="uint8")
    wanted = module.preprocess_input(bytes_.astype("float32")[None].copy())[0]
    ours, _ = answer.preprocessing(bytes_, (size, size))
    np.testing.assert_allclose(ours, wanted, atol=1e-4)


MODULES = {
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "DenseNet121": "densenet",
    "VGG16": "vgg16",
    "Xception": "xception",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "NASNetMobile": "nasnet",
    "InceptionV3": "inception_v3",
    "ConvNeXtTiny": "convnext",
}


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras builds NASNet on TensorFlow")
def test_nasnet_is_known() -> None:
    test_networks_of_keras_are_known("NASNetMobile", "-1-1")


@pytest.mark.once
@pytest.mark.slow
def test_a_backbone_behind_its_preprocessing_is_not_fed_twice() -> None:
    """The wrong variant: by its name alone, this MobileNetV2 would get pixels from -1 to 1."""
    pixels = keras.Input((32, 32, 3))
    scaled = keras.applications.mobilenet_v2.preprocess_input(pixels)
    backbone = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(backbone(scaled)))
    assert found(model).preprocessing.name == "0-255"


def test_a_guess_is_said_with_what_to_do() -> None:
    answer = found(headed(lambda pixels: pixels))
    assert answer.preprocessing.name == "0-1"
    assert "does not preprocess by itself" in answer.doubt
    assert "torch" in answer.doubt
    odd = found(headed(keras.layers.Rescaling(0.1)))
    assert odd.preprocessing.name == "0-1"
    assert "fits neither" in odd.doubt


def test_a_file_beside_the_model_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.keras"
    (tmp_path / "mine.preprocess.json").write_text('{"convention": "caffe"}')
    answer = found(network(), path=path)
    assert answer.preprocessing.name == "caffe"
    assert "mine.preprocess.json" in answer.reason
