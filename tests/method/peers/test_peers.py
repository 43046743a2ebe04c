"""The same numbers as implementations nobody here wrote, on the same Keras models and weights.

captum on the torch backend, tf-keras-vis on TensorFlow. captum's `LayerGradCam` reads channels first, so its
models are built so; tf-keras-vis reads channels last. Maps are compared on networks without a corner. Rules
are about rectifiers, and are compared where nothing rounds; captum's look for modules `torch.nn.ReLU`, so
they are asked about a twin in torch.nn with the same weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import difference
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.exact import rectified
from tests.helpers.networks.smooth import LAST, NETWORKS

pytestmark = FLATTENED

BACKEND = os.environ["KERAS_BACKEND"]
TOLERANCE = 1e-5
CLASS = 1
# With random weights a map may be negative everywhere; signed maps have something to compare in any case.
SIGNED = ks.GradCAM(relu=False)

torch_only = pytest.mark.skipif(BACKEND != "torch", reason="captum runs on torch")
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="tf-keras-vis runs on TensorFlow")


def captum_grad_cam(model: keras.Model, images: Tensor, layer: str) -> Tensor:
    import torch
    from captum.attr import LayerGradCam

    peer = LayerGradCam(model, model.get_layer(layer))
    maps = peer.attribute(torch.tensor(images), target=CLASS)
    return maps[:, 0].detach().numpy()


def captum_saliency(model: keras.Model, images: Tensor) -> Tensor:
    import torch
    from captum.attr import Saliency

    leaf = torch.tensor(images, requires_grad=True)
    return Saliency(model).attribute(leaf, target=CLASS, abs=False).detach().numpy()


def tf_keras_vis_grad_cam(model: keras.Model, images: Tensor, layer: str) -> Tensor:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    peer = Gradcam(model, clone=False)
    scores = CategoricalScore([CLASS] * len(images))
    raw: dict[str, Any] = {"expand_cam": False, "normalize_cam": False, "seek_penultimate_conv_layer": False}
    raw["activation_modifier"] = None  # no ReLU
    return np.asarray(peer(scores, images, penultimate_layer=layer, **raw))


def tf_keras_vis_saliency(model: keras.Model, images: Tensor) -> Tensor:
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.scores import CategoricalScore

    peer = Saliency(model, clone=False)
    scores = CategoricalScore([CLASS] * len(images))
    # It returns absolute values.
    return np.asarray(peer(scores, images, normalize_map=False, keepdims=True))


def torch_twin(model: keras.Model) -> tuple[Any, Any]:
    """The same network in torch.nn, channels first, and its last rectifier in front of the Flatten."""
    from torch import nn

    parts: list[Any] = []
    last, shape = None, model.input_shape[1:]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, _ = layer.get_weights()
            padding = (kernel.shape[0] - 1) // 2 if layer.padding == "same" else 0
            parts.append(nn.Conv2d(*kernel.shape[2:], kernel.shape[:2], layer.strides, padding))
            fill(parts[-1], kernel.transpose(3, 2, 0, 1), layer)
        elif isinstance(layer, keras.layers.AveragePooling2D):
            parts.append(nn.AvgPool2d(layer.pool_size))
        elif isinstance(layer, keras.layers.Flatten):
            last, shape = parts[-1], layer.input.shape[1:]
            parts.append(nn.Flatten())
        elif isinstance(layer, keras.layers.Dense):
            kernel, _ = layer.get_weights()
            parts.append(nn.Linear(*kernel.shape))
            if isinstance(parts[-2], nn.Flatten):  # Keras flattens channels last
                kernel = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            fill(parts[-1], kernel.T, layer)
        if getattr(layer, "activation", None) is keras.activations.relu:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts).eval(), last


def fill(part: Any, kernel: Tensor, layer: keras.Layer) -> None:
    import torch

    part.weight.data = torch.tensor(np.ascontiguousarray(kernel))
    part.bias.data = torch.tensor(layer.get_weights()[1])


def captum_rectified(name: str, twin: Any, layer: Any, images: Tensor) -> Tensor:
    """What captum's method of this name says about images with channels last."""
    import captum.attr
    import torch

    pixels = torch.tensor(np.ascontiguousarray(np.moveaxis(images, -1, 1)), requires_grad=True)
    if name == "GuidedGradCam":
        peer = captum.attr.GuidedGradCam(twin, layer)
        maps = peer.attribute(pixels, target=CLASS, interpolate_mode="bilinear")
    else:
        maps = getattr(captum.attr, name)(twin).attribute(pixels, target=CLASS)
    return np.moveaxis(maps.detach().numpy(), 1, -1)


def tf_keras_vis_guided(model: keras.Model, images: Tensor) -> Tensor:
    """Absolute values of guided backpropagation; the model's activations are replaced for good."""
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation
    from tf_keras_vis.utils.scores import CategoricalScore

    peer = Saliency(model, model_modifier=GuidedBackpropagation(), clone=False)
    scores = CategoricalScore([CLASS] * len(images))
    return np.asarray(peer(scores, images, normalize_map=False, keepdims=True))


def values(method: ks.Method, model: keras.Model, images: Tensor) -> Tensor:
    # Peers stretch every map over the image.
    return method(ks.Probe(model, placement="stretched"), images, CLASS).values


@pytest.fixture
def channels_first() -> Iterator[None]:
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


def efficientnet() -> tuple[keras.Model, Tensor]:
    """A deep network of `keras.applications` without a corner, with random weights, and an image of noise."""
    keras.utils.set_random_seed(0)
    shape = (3, 64, 64) if keras.config.image_data_format() == "channels_first" else (64, 64, 3)
    model = keras.applications.EfficientNetB0(weights=None, input_shape=shape, classifier_activation=None)
    return model, np.random.default_rng(0).uniform(0, 255, (1, *shape)).astype("float32")


def agrees(mine: Tensor, theirs: Tensor) -> None:
    assert np.any(theirs), "a peer's map of zeros would prove nothing"
    assert difference(mine, theirs) <= TOLERANCE


def agrees_with_captum(model: keras.Model, images: Tensor, layer: str) -> None:
    found = SIGNED(model, images, CLASS)
    assert found.layer == layer
    agrees(found.values, captum_grad_cam(model, images, layer))
    theirs = np.moveaxis(captum_saliency(model, images), 1, -1)
    agrees(values(ks.Saliency(), model, images), theirs)


def agrees_with_tf_keras_vis(model: keras.Model, images: Tensor, layer: str) -> None:
    found = SIGNED(model, images, CLASS)
    assert found.layer == layer
    agrees(found.values, tf_keras_vis_grad_cam(model, images, layer))
    agrees(abs(values(ks.Saliency(), model, images)), tf_keras_vis_saliency(model, images))


@torch_only
@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_captums(name: str) -> None:
    agrees_with_captum(*NETWORKS[name](), LAST[name])


@torch_only
@pytest.mark.parametrize("name", NETWORKS)
def test_saliency_with_channels_last_is_captums(name: str) -> None:
    model, images = NETWORKS[name]()
    agrees(values(ks.Saliency(), model, images), captum_saliency(model, images))


@torch_only
@pytest.mark.slow
@pytest.mark.usefixtures("channels_first")
def test_maps_of_a_deep_network_are_captums() -> None:
    agrees_with_captum(*efficientnet(), "top_activation")


@torch_only
@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")
@pytest.mark.parametrize("depth", ["shallow", "deep"])
@pytest.mark.parametrize(
    ("method", "name"),
    [
        (ks.GuidedBackprop(), "GuidedBackprop"),
        (ks.Deconvnet(), "Deconvolution"),
        (ks.GuidedGradCAM(), "GuidedGradCam"),
    ],
    ids=["GuidedBackprop", "Deconvolution", "GuidedGradCam"],
)
def test_rules_are_captums(method: ks.Method, name: str, depth: str) -> None:
    model, images = rectified(depth)
    twin, layer = torch_twin(model)
    theirs = captum_rectified(name, twin, layer, images)
    assert difference(values(ks.Saliency(), model, images), theirs) > 0.1, "the rule must show"
    agrees(values(method, model, images), theirs)


@tensorflow_only
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_those_of_tf_keras_vis(name: str) -> None:
    agrees_with_tf_keras_vis(*NETWORKS[name](), LAST[name])


@tensorflow_only
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
def test_maps_of_a_deep_network_are_those_of_tf_keras_vis() -> None:
    agrees_with_tf_keras_vis(*efficientnet(), "top_activation")


@tensorflow_only
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_guided_backpropagation_is_that_of_tf_keras_vis(depth: str) -> None:
    model, images = rectified(depth)
    plain, mine = (abs(values(method, model, images)) for method in (ks.Saliency(), ks.GuidedBackprop()))
    theirs = tf_keras_vis_guided(model, images)
    assert difference(plain, theirs) > 0.1, "the rule must show"
    agrees(mine, theirs)
