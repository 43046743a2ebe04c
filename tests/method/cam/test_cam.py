"""Class activation maps: several layers fused, heads that CAM is exact for, weights near zero."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe import Internals
from kerascope.resize import resize
from kerascope.testing import MODELS
from kerascope.testing.fixture import CLOSE, EXACT, assert_close
from kerascope.testing.models import fill
from kerascope.typing import Tensor
from tests.helpers.networks.cam import network

BOTH = ("conv1", "conv2")
FUSED = ks.LayerCAM(layers=BOTH, fusion="scaled")


@pytest.fixture(scope="module")
def probe() -> ks.Probe:
    """Two convolutions, a mean over space, and a Dense layer."""
    return ks.Probe(MODELS["functional"]().model, compile=False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return MODELS["functional"]().images


def by_hand(maps: list[Tensor], fusion: str) -> Tensor:
    """Maps of several layers, enlarged and fused in NumPy, each image by itself."""
    large = [resize(values, (8, 16)).astype("float64") for values in maps]
    if fusion == "scaled":
        large = [
            np.stack([np.tanh(2 * one / max(np.abs(one).max(), 1e-300)) for one in each]) for each in large
        ]
    if fusion == "product":
        shares = [each / np.abs(each).max(axis=(1, 2), keepdims=True) for each in large]
        return np.prod(np.maximum(shares, 0), axis=0) - np.prod(np.maximum(np.negative(shares), 0), axis=0)
    return np.mean(large, axis=0) if fusion == "mean" else np.max(large, axis=0)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("fusion", ["mean", "max", "scaled", "product"])
def test_several_layers_are_enlarged_and_fused(
    probe: ks.Probe, images: Tensor, fusion: str, relu: bool
) -> None:
    found = ks.LayerCAM(layers=list(BOTH), fusion=fusion, relu=relu)(probe, images, 1)
    single = [ks.LayerCAM(layer=layer, relu=relu)(probe, images, 1).values for layer in BOTH]
    assert found.layer == "conv1, conv2"
    assert_close(found.values, by_hand(single, fusion), CLOSE, fusion)


def test_each_way_to_fuse_is_another(probe: ks.Probe, images: Tensor) -> None:
    names = ("mean", "max", "scaled", "product")
    maps = [ks.GradCAM(layers=BOTH, fusion=name)(probe, images, 1).values for name in names]
    for one, other in itertools.pairwise(maps):
        assert not np.allclose(one, other)
    assert max(maps[2].max(), maps[3].max()) <= 1


def test_several_layers_cost_one_backward(images: Tensor) -> None:
    counted = ks.Probe(MODELS["functional"]().model, compile=False)
    ks.GradCAM(layers=BOTH)(counted, images, 1)
    assert (counted.forward_count, counted.backward_count) == (3, 3)
    ks.EigenCAM(layers=BOTH)(counted, images, 1)
    assert (counted.forward_count, counted.backward_count) == (6, 3)


@dataclass(frozen=True)
class ScaledOverTheBatch(ks.LayerCAM):
    """Each layer's maps are scaled by the largest value of the whole batch."""

    def compute(self, internals: Internals) -> Any:
        maps = [ops.relu(self.combine(self.channels(part))) for part in internals.split()]
        small = maps[1] / ops.max(maps[1])
        return ops.repeat(ops.repeat(small, 2, axis=1), 2, axis=2) + maps[0] / ops.max(maps[0])


@pytest.mark.parametrize(
    ("method", "passes"),
    [(FUSED, True), (ScaledOverTheBatch(layers=BOTH), False)],
    ids=["each image", "over the batch"],
)
def test_fusing_looks_at_each_image_by_itself(method: ks.Method, passes: bool) -> None:
    check = next(check for check in ks.testing.checks(method) if check.name == "batch")
    if passes:
        assert check().status == "passed"
    else:
        with pytest.raises(ks.testing.ContractError, match="batch"):
            check()


def test_layers_are_part_of_the_value() -> None:
    method = ks.GradCAM(layers=["conv1", "conv2"])
    assert method.layers == BOTH
    assert hash(method) == hash(ks.GradCAM(layers=BOTH))
    assert method.describe() == "GradCAM(layers=('conv1', 'conv2'))"
    assert method.at("conv1") == ks.GradCAM(layer="conv1")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"layer": "conv1", "layers": BOTH}, "one of layer and layers"),
        ({"layers": ()}, "layers must be"),
        ({"layers": "conv1"}, "layers must be"),
        ({"layers": ("conv1", "conv1")}, "different"),
        ({"layers": BOTH, "fusion": "median"}, "fusion must be one of"),
        ({"fusion": "max"}, "fusion must be left out"),
    ],
)
def test_layers_that_cannot_be_fused_are_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ks.errors.ParameterError, match=words):
        ks.GradCAM(**parameters)


def test_grids_of_different_rank_are_not_fused() -> None:
    probe, images = network(
        layers.Conv3D(4, 3, name="frames"),
        layers.TimeDistributed(layers.GlobalAveragePooling2D()),
        layers.Conv1D(4, 2, name="line"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3),
        shape=(6, 8, 8, 1),
    )
    with pytest.raises(ks.errors.LayerError, match="as many axes"):
        ks.GradCAM(layers=("frames", "line"))(probe, images, 1)


# CAM

CONVOLUTION = {"filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"}
ACCEPTED: dict[str, Any] = {
    "dense": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(3, name="head")],
    "softmax": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax", name="head")],
    "softmax layer": lambda: [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(3, name="head"),
        layers.Softmax(),
    ],
    "convolution behind": lambda: [
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Reshape((1, 1, 4)),
        layers.Dropout(0.5),
        layers.Conv2D(3, 1, name="head"),
        layers.Flatten(),
        layers.Activation("softmax"),
    ],
    "convolution before": lambda: [
        layers.SpatialDropout2D(0.1),
        layers.Conv2D(3, 1, name="head"),
        layers.GlobalAveragePooling2D(),
    ],
}
REFUSED: dict[str, tuple[Any, str]] = {
    "flattened": (lambda: [layers.Flatten(), layers.Dense(3)], "no mean over space"),
    "hidden": (
        lambda: [layers.GlobalAveragePooling2D(), layers.Dense(5, "relu"), layers.Dense(3)],
        r"\(Dense\)",
    ),
    "largest": (lambda: [layers.GlobalMaxPooling2D(), layers.Dense(3)], "GlobalMaxPooling2D"),
    "curved": (
        lambda: [layers.GlobalAveragePooling2D(), layers.Activation("tanh"), layers.Dense(3)],
        "Activation",
    ),
    "wide": (
        lambda: [layers.Conv2D(3, 3, name="wide"), layers.GlobalAveragePooling2D()],
        r"'wide' \(Conv2D\)",
    ),
}


@pytest.mark.parametrize("head", ACCEPTED)
def test_cam_is_exact(head: str) -> None:
    probe, images = network(layers.Conv2D(**CONVOLUTION), *ACCEPTED[head]())
    kernel, bias = probe.model.get_layer("head").get_weights()
    kernel = kernel.reshape(4, 3)
    activations = probe.activations(images, "conv")
    for index in range(3):
        found = ks.CAM(layer="conv")(probe, images, index)
        assert_close(found.values, activations @ kernel[:, index], CLOSE, f"map of class {index}")
        assert_close(
            found.values.mean(axis=(1, 2)) + bias[index], found.scores, CLOSE, f"score of class {index}"
        )


@pytest.mark.parametrize("head", REFUSED)
def test_cam_refuses_other_heads(head: str) -> None:
    parts, words = REFUSED[head]
    probe, images = network(layers.Conv2D(**CONVOLUTION), *parts())
    assert ks.HiResCAM(layer="conv", relu=False)(probe, images, 1).values.any()
    with pytest.raises(ks.errors.HeadError, match=words):
        ks.CAM(layer="conv")(probe, images, 1)


def test_cam_takes_a_mean_that_is_a_bare_operation() -> None:
    image = keras.Input((8, 10, 3))
    features = layers.Conv2D(**CONVOLUTION)(image)
    for axes, exact in (((1, 2), True), ((2, -3), True), ((1,), False)):
        pooled = ops.mean(features, axis=axes)
        model = keras.Model(image, layers.Dense(3)(pooled if exact else layers.Flatten()(pooled)))
        fill(model, 34)
        images = np.random.default_rng(0).random((2, 8, 10, 3)).astype("float32")
        if exact:
            assert ks.CAM(layer="conv")(model, images, 1).values.any()
        else:
            with pytest.raises(ks.errors.HeadError, match="Mean"):
                ks.CAM(layer="conv")(model, images, 1)


def test_cam_refuses_a_way_it_cannot_follow() -> None:
    tiny = MODELS["subclassed"]()
    with pytest.raises(ks.errors.HeadError, match="no layer"):
        ks.CAM()(tiny.model, tiny.images, 1)


# Weights that must not be divided by nothing


def test_grad_cam_plus_plus_divides_by_no_zero() -> None:
    activations = ops.convert_to_tensor(np.full((1, 2, 2, 2), [-0.5, 0.5], "float32"))
    gradients = ops.convert_to_tensor(np.full((1, 2, 2, 2), [1.0, 1e-15], "float32"))
    found = ops.convert_to_numpy(ks.GradCAMPlusPlus().weigh(activations, gradients))
    assert not found[..., 0].any()  # 2 g^2 - 2 g^3 is zero for g = 1
    # 4 positions of alpha g = g / 2; the cube of the gradient is no number of float32
    assert_close(found[..., 1], np.full((1, 2, 2), 4 * 0.5e-15 * 0.5), EXACT, "of a small gradient")


def test_xgrad_cam_divides_by_no_zero() -> None:
    channel = np.array([[1.0, -1.0], [3.0, -3.0 + 1e-6]])
    activations = np.stack([channel, np.zeros((2, 2)), np.ones((2, 2))], axis=-1)[None].astype("float32")
    gradients = np.arange(12.0).reshape(1, 2, 2, 3).astype("float32")
    found = ks.XGradCAM().weigh(ops.convert_to_tensor(activations), ops.convert_to_tensor(gradients))
    found = ops.convert_to_numpy(found)
    assert not found[..., :2].any()
    assert_close(found[..., 2], np.full((1, 2, 2), gradients[..., 2].mean()), EXACT, "of a channel of ones")


@pytest.mark.parametrize("wrapper", [ks.PrincipalComponent, ks.SmoothGrad, ks.Augmented])
def test_cam_refuses_other_heads_within_another_method_too(wrapper: Any) -> None:
    tiny = MODELS["flattened"]()
    with pytest.raises(ks.errors.HeadError, match="no mean over space"):
        wrapper(ks.CAM())(tiny.model, tiny.images, 1)
