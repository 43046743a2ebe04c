"""Rules: every kind of rectifier follows them, wherever it is."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe.intercept.rectifier import RECTIFIERS
from kerascope.testing.fixture import CLOSE, assert_close
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.rectifiers import PLACES, Holds, MapsOver, nested
from tests.helpers.networks.rules import (
    BACKEND,
    BY_HAND,
    CLASS,
    HEAD,
    IMAGES,
    WAYS_BACK,
    WEIGHTS,
    Calls,
    alternating,
    by_hand,
    chain,
    check,
    conv,
    gelu,
    leaky,
    relu,
    relu6,
)


@pytest.mark.parametrize("name", BY_HAND)
def test_every_function(name: str) -> None:
    # As the activation of a layer, as an operation in the graph, and as a call inside a layer of one's own.
    known = hasattr(keras.activations, name)
    first = [conv(0, name)] if known else [conv(0), layers.Activation(getattr(ops, name))]
    operation = getattr(ops, name, None) or layers.Activation(name)  # mish is no operation
    model = chain(*first, conv(1), operation, conv(2), Calls(name))
    exact = gelu if name == "gelu" else BY_HAND[name]
    check(model, [exact, BY_HAND[name], BY_HAND[name]])


@pytest.mark.once
def test_every_function_is_in_the_table() -> None:
    with_parameters = {"threshold", "prelu"}
    assert set(BY_HAND) | with_parameters == RECTIFIERS


def test_the_kinks_are_reached() -> None:
    values, met = IMAGES.astype("float64"), []
    for kernel, bias in WEIGHTS:
        met.append(values @ kernel + bias)
        values = relu(met[-1])
    assert all((z < -1).any() and (z > 1).any() for z in met)
    assert any((z > 6).any() for z in met)


def test_layers() -> None:
    rectifiers = [layers.ReLU(), layers.ReLU(max_value=6), layers.LeakyReLU()]
    check(alternating(*rectifiers), [relu, relu6, leaky(0.3)])
    alpha = np.array([0.1, 0.2, 0.3, 0.4])
    prelu = layers.PReLU(keras.initializers.Constant(alpha), shared_axes=[1, 2])
    rectifiers = [layers.ELU(alpha=0.5), prelu, layers.ReLU(negative_slope=0.1, max_value=4)]
    half = lambda z: np.where(z > 0, z, np.expm1(z) / 2)  # noqa: E731
    slanted = lambda z: np.where(z > 0, np.minimum(z, 4), z / 10)  # noqa: E731
    check(alternating(*rectifiers), [half, leaky(alpha), slanted])


def test_parameters_of_an_operation() -> None:
    rectifiers = [
        lambda tensor: ops.threshold(tensor, 0.5, 0.25),
        lambda tensor: keras.activations.relu(tensor, negative_slope=0.1, max_value=4, threshold=0.5),
        lambda tensor: ops.leaky_relu(tensor, negative_slope=0.4),
    ]
    above = lambda z: np.where(z > 0.5, z, 0.25)  # noqa: E731
    cut = lambda z: np.where(z > 0.5, np.minimum(z, 4), (z - 0.5) / 10)  # noqa: E731
    check(alternating(*rectifiers), [above, cut, leaky(0.4)])


@pytest.mark.parametrize("place", PLACES)
def test_every_place(place: str) -> None:
    check(PLACES[place](), [relu] * 3)


def test_compiled() -> None:
    check(chain(nested(0), conv(1), ops.relu, conv(2), Holds()), [relu] * 3, compile=None)


def test_a_shared_layer_with_an_activation() -> None:
    shared = conv(0, "relu")
    check(chain(shared, shared, shared), [relu] * 3, [WEIGHTS[0]] * 3)


def test_mixed_precision() -> None:
    steps = [conv(number, "relu", dtype="mixed_float16") for number in range(3)]
    check(chain(*steps), [relu] * 3, tolerance=1e-2)


def test_inside_a_recurrent_layer() -> None:
    kernel, recurrent = (np.random.RandomState(seed).normal(0, 1, (3, 3)) for seed in (1, 2))
    head = np.random.RandomState(3).normal(0, 1, (3, 3))
    cell = layers.SimpleRNN(3, activation="relu", use_bias=False)
    model = keras.Sequential([keras.Input((4, 3)), cell, layers.Dense(3, use_bias=False)])
    cell.set_weights([kernel, recurrent])
    model.layers[-1].set_weights([head])
    probe = ks.Probe(model)
    signals = np.random.RandomState(5).normal(0, 1, (2, 4, 3)).astype("float32")
    state, given = np.zeros((2, 3)), []
    for step in range(4):
        given.append(signals[:, step] @ kernel + state @ recurrent)
        assert np.abs(given[-1]).min() > 1e-2, "a rectifier should not be asked at its kink"
        state = relu(given[-1])
    for rule, back in WAYS_BACK.items():
        gradient = np.broadcast_to(head[:, CLASS], (2, 3))
        expected = np.zeros(signals.shape)
        for step in reversed(range(4)):
            before = back(gradient, given[step] > 0)
            expected[:, step] = before @ kernel.T
            gradient = before @ recurrent.T
        assert_close(ks.Saliency(backprop=rule)(probe, signals, CLASS).values, expected, CLOSE, f"{rule}")


def test_inside_a_vectorised_map() -> None:
    model = alternating(*[MapsOver(ops.vectorized_map) for _ in range(3)])
    if BACKEND == "tensorflow":  # it takes the functions apart and drops their gradients
        with pytest.raises(ks.errors.RuleError, match="none of its 3 rectifiers"):
            ks.GuidedBackprop()(ks.Probe(model, compile=False), IMAGES, CLASS)
    else:
        check(model, [relu] * 3)


@FLATTENED
def test_a_class_activation_map_follows_the_rule_behind_its_layer() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    kernels = [kernel for kernel, _ in WEIGHTS]
    values, given = IMAGES.astype("float64"), []
    for kernel, bias in WEIGHTS:
        given.append(values @ kernel + bias)
        values = relu(given[-1])
    for rule, back in WAYS_BACK.items():
        gradient = np.broadcast_to(HEAD[:, CLASS].reshape(values.shape[1:]), values.shape)
        for number in (2, 1):
            gradient = back(gradient, given[number] > 0) @ kernels[number].T
        activations = relu(given[0])
        expected = (gradient.mean(axis=(1, 2), keepdims=True) * activations).sum(axis=-1)
        found = ks.GradCAM("conv0", relu=False, backprop=rule)(probe, IMAGES, CLASS)
        assert_close(found.values, expected, CLOSE, f"{rule}")


def test_several_classes_at_once() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    found = ks.GuidedBackprop()(probe, IMAGES, ks.Top(3))
    for image in range(len(IMAGES)):
        for column, index in enumerate(found.targets[image]):
            expected = by_hand("guided", [relu] * 3, index=int(index))[image]
            assert_close(found.values[image, column], expected, CLOSE, f"class {index}")


@FLATTENED
def test_the_methods_are_the_rules() -> None:
    probe = ks.Probe(PLACES["layer as argument"](), compile=False)
    for method, rule in ((ks.GuidedBackprop(), "guided"), (ks.Deconvnet(), "deconvnet")):
        found = method(probe, IMAGES, CLASS)
        assert found.signed
        assert_close(found.values, by_hand(rule, [relu] * 3), CLOSE, rule)
    cam = ks.GradCAM("conv1")(probe, IMAGES, CLASS).heatmaps()
    expected = cam[..., None] * by_hand("guided", [relu] * 3)
    assert_close(ks.GuidedGradCAM("conv1")(probe, IMAGES, CLASS).values, expected, CLOSE, "guided Grad-CAM")
