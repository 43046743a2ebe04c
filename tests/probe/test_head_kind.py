"""Whether the head pools the places of a layer or flattens them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe.graph.automatic_layer import find_automatic
from kerascope.probe.graph.head import score_sources
from kerascope.probe.graph.head_kind import HeadKind, flattening_layers, head_kind
from kerascope.testing.models import MODELS
from tests.helpers.expected_warnings import warned

# What is found depends on the graph, which is the same on every backend.
pytestmark = pytest.mark.once

SIZE = (8, 6, 3)


def kind_of(model: keras.Model, layer: str | None = None) -> HeadKind:
    graph = ks.Probe(model, compile=False).graph(np.zeros((2, *model.inputs[0].shape[1:]), "float32"))
    sources = score_sources(graph, [0])
    return head_kind(
        graph, find_automatic(graph, sources).call if layer is None else graph.find_call(layer), sources
    )


def behind(*parts: Any, shape: tuple[int, ...] = SIZE) -> keras.Model:
    """A convolution, named conv, with something behind it."""
    rank = len(shape) - 1
    convolution = {1: layers.Conv1D, 2: layers.Conv2D}[rank](4, 3, padding="same", name="conv")
    image = keras.Input(shape)
    tensor = convolution(image)
    for part in parts:
        tensor = part(tensor)
    return keras.Model(image, tensor)


def squeezed(tensor: Any) -> Any:
    """A squeeze-and-excite block, which pools on the side."""
    gate = layers.Dense(4, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(tensor))
    return layers.Multiply()([tensor, layers.Reshape((1, 1, 4))(layers.Flatten()(gate))])


class Flat(layers.Layer):
    """A flattening layer of somebody's own."""

    def call(self, tensor: Any) -> Any:
        return ops.reshape(tensor, (-1, math.prod(tensor.shape[1:])))


HEADS: dict[str, tuple[HeadKind, Callable[[], list[Any]]]] = {
    "mean": ("pooled", lambda: [layers.GlobalAveragePooling2D()]),
    "maximum": ("pooled", lambda: [layers.GlobalMaxPooling2D()]),
    "mean, then Flatten": (
        "pooled",
        lambda: [layers.Dropout(0.5), layers.GlobalAveragePooling2D(keepdims=True), layers.Flatten()],
    ),
    "bare mean": ("pooled", lambda: [lambda tensor: ops.mean(tensor, axis=(1, 2))]),
    "bare maximum": ("pooled", lambda: [lambda tensor: ops.max(tensor, axis=(1, 2))]),
    "a window over all": ("pooled", lambda: [layers.AveragePooling2D((8, 6)), layers.Flatten()]),
    "a bare window over all": (
        "pooled",
        lambda: [lambda tensor: ops.max_pool(tensor, (8, 6), strides=(8, 6)), layers.Flatten()],
    ),
    "pooled on the side and behind": ("pooled", lambda: [squeezed, layers.GlobalAveragePooling2D()]),
    "convolution, then mean": ("pooled", lambda: [layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()]),
    "Flatten": ("flattened", lambda: [layers.Flatten()]),
    "Reshape": ("flattened", lambda: [layers.Reshape((8 * 6 * 4,))]),
    "Reshape to one place": ("flattened", lambda: [layers.Reshape((1, 1, 8 * 6 * 4)), layers.Flatten()]),
    "bare reshape": ("flattened", lambda: [lambda tensor: ops.reshape(tensor, (-1, 8 * 6 * 4))]),
    "a layer of one's own": ("flattened", lambda: [Flat()]),
    "convolution and pooling, then Flatten": (
        "flattened",
        lambda: [layers.Conv2D(3, 3), layers.MaxPooling2D(2), layers.Dropout(0.5), layers.Flatten()],
    ),
    "rows, then Flatten": ("flattened", lambda: [layers.Reshape((8 * 6, 4)), layers.Flatten()]),
    "pooled on the side": ("flattened", lambda: [squeezed, layers.Flatten()]),
    "a window over a part": (
        "other",
        lambda: [layers.AveragePooling2D((5, 5)), layers.Flatten()],
    ),
    "recurrent": ("other", lambda: [layers.Reshape((8 * 6, 4)), layers.GRU(5)]),
    "one of the places": ("other", lambda: [lambda tensor: tensor[:, 0, 0]]),
    "pooled on the side alone": (
        "other",
        lambda: [squeezed, lambda tensor: tensor[:, 0, 0]],
    ),
}


@pytest.mark.parametrize("head", HEADS)
def test_what_the_score_is_made_through(head: str) -> None:
    kind, parts = HEADS[head]
    assert kind_of(behind(*parts(), layers.Dense(3)), "conv") == kind


def test_of_two_branches_one_that_flattens_is_enough() -> None:
    image = keras.Input(SIZE)
    features = layers.Conv2D(4, 3, name="conv")(image)
    both = [layers.Flatten()(features), layers.GlobalAveragePooling2D()(features)]
    assert kind_of(keras.Model(image, layers.Dense(3)(layers.Concatenate()(both))), "conv") == "flattened"


def test_signals_and_frames() -> None:
    assert kind_of(behind(layers.Flatten(), layers.Dense(3), shape=(9, 2))) == "flattened"
    frames = keras.Sequential(
        [
            keras.Input((5, 8, 6, 3)),
            layers.TimeDistributed(layers.Conv2D(4, 3), name="frames"),
            layers.TimeDistributed(layers.Flatten()),
            layers.GRU(4),
            layers.Dense(3),
        ]
    )
    assert kind_of(frames, "frames") == "flattened"


TINY: dict[str, HeadKind] = {
    "flattened": "flattened",
    "nested_fresh": "pooled",
    "hub": "pooled",
    "mixed_float16": "pooled",  # what is cast in front of the layer hides nothing behind it
    "transformer": "pooled",
    "transformer_class_token": "other",
    "segmentation": "other",
    "recurrent": "other",
    "subclassed": "other",  # its mean is an operation in `call`, which cannot be followed
}


@pytest.mark.parametrize("name", TINY)
def test_heads_of_every_kind_of_network(name: str) -> None:
    tiny = MODELS[name]()
    graph = ks.Probe(tiny.model, compile=False).graph(tiny.images)
    sources = score_sources(graph, [0])
    assert head_kind(graph, find_automatic(graph, sources).call, sources) == TINY[name]


def test_the_way_ends_at_what_is_explained() -> None:
    model = behind(layers.Conv2D(4, 3, name="behind"), layers.Flatten(name="flat"), layers.Dense(3))
    graph = ks.Probe(model, compile=False).graph(np.zeros((1, *SIZE), "float32"))
    assert flattening_layers(graph, ["conv", "behind"], ks.Class(0)) == {"conv": "flat", "behind": "flat"}
    assert flattening_layers(graph, ["conv"], ks.Unit("behind", channel=0)) == {}


# Methods that average a gradient over places

WARNING = "head should pool.*flattens.*'flat' behind 'conv'.*HiResCAM or MultiScaleCAM"


@pytest.fixture(scope="module")
def flattened() -> ks.Probe:
    keras.utils.set_random_seed(0)
    return ks.Probe(behind(layers.Flatten(name="flat"), layers.Dense(3)), compile=False)


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(0).random((2, *SIZE)).astype("float32")


@pytest.mark.parametrize(
    "method",
    [
        ks.GradCAM(relu=False),
        ks.FinerCAM(ks.GradCAM(relu=False)),
        ks.SmoothGrad(ks.GradCAM(relu=False), samples=40),  # more copies than go in one pass
        ks.Augmented(ks.XGradCAM(relu=False)),
        ks.PrincipalComponent(ks.GradCAM()),
    ],
    ids=lambda method: method.describe(),
)
def test_a_method_that_averages_warns_once(flattened: ks.Probe, images: Any, method: ks.Method) -> None:
    with warned(ks.errors.FlattenedHeadWarning, WARNING) as caught:
        found = method(flattened, images, 1)
    assert len(caught) == 1
    assert found.warnings == (f"FlattenedHeadWarning: {caught[0].message}",)


def test_one_of_several_layers_is_enough(images: Any) -> None:
    image = keras.Input(SIZE)
    kept = layers.Conv2D(4, 3, name="kept")(image)
    other = layers.Conv2D(4, 3, name="other")(image)
    parts = [layers.GlobalAveragePooling2D()(kept), layers.Flatten(name="flat")(other)]
    probe = ks.Probe(keras.Model(image, layers.Dense(3)(layers.Concatenate()(parts))), compile=False)
    assert not ks.GradCAM("kept", relu=False)(probe, images, 1).warnings
    with warned(ks.errors.FlattenedHeadWarning, r"\('flat' behind 'other'\)"):
        ks.GradCAM(layers=("kept", "other"), relu=False)(probe, images, 1)


@pytest.mark.parametrize(
    "method",
    [ks.HiResCAM(relu=False), ks.EigenGradCAM(), ks.ScoreCAM(relu=False), ks.SmoothGrad(samples=2)],
    ids=repr,
)
def test_a_method_that_does_not_average_says_nothing(
    flattened: ks.Probe, images: Any, method: ks.Method
) -> None:
    assert not method(flattened, images, 1).warnings


def test_the_table_of_layers_says_so(flattened: ks.Probe) -> None:
    table = flattened.layers()
    assert table.automatic is not None
    assert table.automatic.head == "flattened"
    assert [row.head for row in table if row is not table.automatic] == [None] * (len(table) - 1)
    assert str(table).splitlines()[-1].startswith("the head flattens: Grad-CAM averages places away")
    assert "the head flattens" in table._repr_html_()
    assert "flattens" not in str(ks.layers(MODELS["functional"]().model))
