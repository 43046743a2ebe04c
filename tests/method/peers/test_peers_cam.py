"""Class activation maps like those of implementations nobody here wrote, at layers anywhere in a model.

captum's `LayerGradCam` at every layer with a height and width, tf-keras-vis's `Layercam`, and
pytorch-grad-cam, where it is installed: `python -m benchmarks.pytorch_grad_cam` prints the same comparison.

Not compared: tf-keras-vis's `GradcamPlusPlus`, which divides alpha by its sum over each channel, as the paper
does not, and weights with exp(score).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import difference
from kerascope.testing.models import fill, pictures
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.smooth import LAST, NETWORKS

pytestmark = FLATTENED

BACKEND = os.environ["KERAS_BACKEND"]
TOLERANCE = 1e-5
CLASS = 1
COMPARISON = Path(__file__).parents[3] / "benchmarks" / "pytorch_grad_cam.py"
# With random weights a map may be negative everywhere; signed maps have something to compare in any case.
SIGNED = {"relu": False}

torch_only = pytest.mark.skipif(BACKEND != "torch", reason="captum and pytorch-grad-cam run on torch")
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="tf-keras-vis runs on TensorFlow")


@pytest.fixture
def channels_first() -> Iterator[None]:
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


def branched(first: bool = False) -> tuple[keras.Model, Tensor]:
    """Convolutions, pooling, a sum and a concatenation, no corner, a bent head; channels first or last."""
    layers = keras.layers
    axis = 1 if first else -1
    inputs = keras.Input((3, 12, 16) if first else (12, 16, 3))
    start = layers.Conv2D(6, 3, padding="same", activation="silu", name="conv_in")(inputs)
    pooled = layers.AveragePooling2D(2, name="pool_first")(start)
    inner = layers.Conv2D(6, 3, padding="same", name="conv_linear")(pooled)
    inner = layers.Activation("softplus", name="softplus")(
        layers.BatchNormalization(axis=axis, name="norm")(inner)
    )
    merged = layers.Add(name="merge_add")([pooled, inner])
    narrow = layers.Conv2D(4, 1, activation="tanh", name="conv_narrow")(merged)
    joined = layers.Concatenate(axis=axis, name="merge_join")([merged, narrow])
    small = layers.AveragePooling2D(2, name="pool_last")(joined)
    hidden = layers.Dense(10, activation="gelu")(layers.Flatten()(small))
    model = keras.Model(inputs, layers.Dense(4)(hidden))
    fill(model, 5)
    return model, pictures(3, *model.input_shape[1:])


SPATIAL = tuple(layer.name for layer in branched()[0].layers[1:] if len(layer.output.shape) == 4)


def captum_grad_cam(model: keras.Model, images: Tensor, layer: str) -> Tensor:
    import torch
    from captum.attr import LayerGradCam

    maps = LayerGradCam(model, model.get_layer(layer)).attribute(torch.tensor(images), target=CLASS)
    return maps[:, 0].detach().numpy()


def tf_keras_vis_layer_cam(model: keras.Model, images: Tensor, layer: str) -> Tensor:
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.utils.scores import CategoricalScore

    raw: dict[str, Any] = {"expand_cam": False, "normalize_cam": False, "seek_penultimate_conv_layer": False}
    raw["activation_modifier"] = None  # no ReLU
    scores = CategoricalScore([CLASS] * len(images))
    return np.asarray(Layercam(model, clone=False)(scores, images, penultimate_layer=layer, **raw))


def agrees(mine: Tensor, theirs: Tensor) -> None:
    assert np.any(theirs), "a peer's map of zeros would prove nothing"
    assert difference(mine, theirs) <= TOLERANCE


def test_the_layers_compared_are_of_every_kind() -> None:
    assert {name.partition("_")[0] for name in SPATIAL} == {"conv", "pool", "norm", "softplus", "merge"}


@torch_only
@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize("layer", SPATIAL)
def test_grad_cam_is_captums_at_any_layer(layer: str) -> None:
    model, images = branched(first=True)
    found = ks.GradCAM(layer=layer, **SIGNED)(model, images, CLASS)
    assert found.layer == layer
    agrees(found.values, captum_grad_cam(model, images, layer))


@torch_only
@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize("name", ["residual", "inverted"])
def test_grad_cam_is_captums_within_blocks(name: str) -> None:
    model, images = NETWORKS[name]()
    probe = ks.Probe(model)
    names = [row.path for row in probe.layers() if row.grid and max(row.grid) > 1]
    assert LAST[name] in names
    for layer in names:
        mine = ks.GradCAM(layer=layer, **SIGNED)(probe, images, CLASS).values
        agrees(mine, captum_grad_cam(model, images, layer))


@tensorflow_only
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize("layer", SPATIAL)
def test_layer_cam_is_that_of_tf_keras_vis(layer: str) -> None:
    model, images = branched()
    mine = ks.LayerCAM(layer=layer, **SIGNED)(model, images, CLASS).values
    agrees(mine, tf_keras_vis_layer_cam(model, images, layer))


def comparison() -> Any:
    """The module that compares with pytorch-grad-cam."""
    name = "benchmarks_pytorch_grad_cam"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, COMPARISON)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@torch_only
@pytest.mark.filterwarnings("ignore")  # theirs, of torchvision and of what it cannot load
def test_maps_are_those_of_pytorch_grad_cam() -> None:
    module = comparison()
    if reason := module.missing():
        pytest.skip(reason)
    case = module.case(module.TINY)
    compared = {
        (pair.mine, layer): found
        for pair in module.PAIRS
        for layer in case.layers
        if not isinstance(found := module.comparison(pair, case, layer), str)
    }
    assert ("GradCAM", "merged") in compared
    apart = {name: found for name, found in compared.items() if not found <= module.TOLERANCE}
    assert not apart
