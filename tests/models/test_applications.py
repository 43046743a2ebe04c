"""Every network of `keras.applications`: the layer that is taken, and a Grad-CAM there."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest

import kerascope as ks
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.probes import BACKEND

CONSTRUCTORS: dict[str, Callable[..., keras.Model]] = {
    name: constructor
    for name, constructor in vars(keras.applications).items()
    if callable(constructor) and "weights" in inspect.signature(constructor).parameters
}

# The last tensor with more than one position. Unnamed layers are numbered from a cleared session.
AUTOMATIC = {
    **dict.fromkeys(("VGG16", "VGG19"), "block5_pool"),
    **dict.fromkeys(("ResNet50", "ResNet101", "ResNet152"), "conv5_block3_out"),
    **dict.fromkeys(("ResNet50V2", "ResNet101V2", "ResNet152V2"), "post_relu"),
    "InceptionV3": "mixed10",
    "InceptionResNetV2": "conv_7b_ac",
    "Xception": "block14_sepconv2_act",
    "MobileNet": "conv_pw_13_relu",
    "MobileNetV2": "out_relu",
    # The activation behind the last convolution; the next layer is the mean, and the classifier's two
    # convolutions see a single position.
    "MobileNetV3Small": "activation_17",
    "MobileNetV3Large": "activation_19",
    **dict.fromkeys(("DenseNet121", "DenseNet169", "DenseNet201"), "relu"),
    **dict.fromkeys((f"EfficientNetB{number}" for number in range(8)), "top_activation"),
    **dict.fromkeys((f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3")), "top_activation"),
    **dict.fromkeys((f"EfficientNetV2{size}" for size in "SML"), "top_activation"),
    "NASNetMobile": "activation_187",
    "NASNetLarge": "activation_259",
    # The sum at the end of the last of 18 or 36 blocks.
    "ConvNeXtTiny": "add_17",
    **dict.fromkeys((f"ConvNeXt{size}" for size in ("Small", "Base", "Large", "XLarge")), "add_35"),
}
# At this size every one of them still ends on a grid of more than one position.
SIZES = {"InceptionV3": 128, "InceptionResNetV2": 128}
SIZE = 96
# One of each kind runs on every backend, on JAX, which compiles longest, three; a family differs in depth and
# width only. NASNet cannot be built on PyTorch, and takes half a minute on JAX.
EVERYWHERE = {
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
}
ON_JAX = {"MobileNetV2", "ResNet50", "VGG16"}
# Of the others, one a family: what more depth or width changes. All are tried by --every-network.
ONE_MORE = {
    "ConvNeXtSmall",
    "DenseNet169",
    "EfficientNetV2B0",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNetV3Large",
    "NASNetMobile",
    "ResNet101",
    "ResNet101V2",
    "VGG19",
}
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="Keras builds NASNet on TensorFlow")
not_on_jax = pytest.mark.skipif(BACKEND == "jax", reason="one of each kind takes two minutes to compile")
pytestmark = pytest.mark.slow


def where(name: str) -> list[pytest.MarkDecorator]:
    """The backends on which a network is tried."""
    if name not in EVERYWHERE | ONE_MORE:
        return [pytest.mark.every_network, tensorflow_only if name.startswith("NASNet") else pytest.mark.once]
    if name.startswith("NASNet"):
        return [tensorflow_only]
    if name in ON_JAX:
        return []
    return [not_on_jax if name in EVERYWHERE else pytest.mark.once]


NAMES = [pytest.param(name, marks=where(name)) for name in sorted(AUTOMATIC)]
# Drawing the weights of one network compiles a program for every shape on JAX; so does running it eagerly.
COMPILE = BACKEND == "jax"


@pytest.fixture
def build(request: pytest.FixtureRequest) -> Iterator[Callable[..., keras.Model]]:
    """A network with random weights, its unnamed layers numbered from one; and memory freed behind it."""

    def network(name: str, **options: object) -> keras.Model:
        keras.utils.clear_session()
        keras.utils.set_random_seed(request.config.getoption("--seed"))
        try:
            return CONSTRUCTORS[name](weights=None, **options)
        except ValueError as error:
            if "is not available with the" not in str(error):
                raise
            pytest.skip(f"Keras has no {name} here: {error}")

    yield network
    keras.utils.clear_session()
    gc.collect()


def test_every_network_of_keras_is_in_the_table() -> None:
    new, gone = set(CONSTRUCTORS) - set(AUTOMATIC), set(AUTOMATIC) - set(CONSTRUCTORS)
    assert not new, f"keras.applications has networks that AUTOMATIC does not name: {sorted(new)}"
    assert not gone, f"AUTOMATIC names networks that keras.applications does not have: {sorted(gone)}"


@FLATTENED  # VGG16 and VGG19
@pytest.mark.parametrize("name", NAMES)
def test_grad_cam_of_a_network(name: str, build: Callable[..., keras.Model]) -> None:
    size = SIZES.get(name, SIZE)
    model = build(name, input_shape=(size, size, 3))
    images = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")
    probe = ks.Probe(model, compile=COMPILE)
    automatic = probe.layers(images).automatic
    assert automatic is not None
    assert automatic.path == AUTOMATIC[name]
    # With random weights, the whole of a map may speak against a class.
    result = ks.GradCAM(relu=False)(probe, images, 1)
    assert result.layer == AUTOMATIC[name]
    assert result.values.shape == (1, *(automatic.grid or ()))
    assert np.isfinite(result.values).all()
    assert np.ptp(result.values) > 0


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(EVERYWHERE | {"InceptionV3"}))
def test_the_layer_is_the_same_at_the_default_size(name: str, build: Callable[..., keras.Model]) -> None:
    model = build(name)
    size = model.input_shape[1] or 224  # MobileNetV3 leaves it open
    automatic = ks.layers(model, np.zeros((1, size, size, 3), "float32")).automatic
    assert automatic is not None
    assert automatic.path == AUTOMATIC[name]
    assert automatic.grid is not None
    assert min(automatic.grid) >= 7
