"""Shapley-CAM: second derivatives by hand, and by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.resize import resize
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.cam import network

BOTH = ("conv1", "conv2")


def residual_softmax(scores: Any) -> Any:
    """The paper's utility: the score of class 1 and the logarithm of its probability."""
    return scores[:, 1] + ops.log_softmax(scores)[:, 1]


def pooled(weights: Tensor, activations: Tensor) -> Tensor:
    return (weights.mean(axis=(1, 2), keepdims=True) * activations).sum(axis=-1)


def test_shapley_cam_with_a_hessian_by_hand() -> None:
    probe, images = network(
        layers.Conv2D(4, 3, activation="relu", name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3)
    )
    kernel, bias = (part.astype("float64") for part in probe.model.layers[-1].get_weights())
    activations = probe.activations(images, "conv").astype("float64")
    expected = []
    for each in activations:
        positions = each.shape[0] * each.shape[1]
        scores = each.mean(axis=(0, 1)) @ kernel + bias
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        slope = kernel @ (2 * np.eye(3)[1] - chances) / positions
        # d2/dz2 of -log sum exp z, along the change of z that the activations are.
        bent = -(np.diag(chances) - np.outer(chances, chances)) @ (scores - bias)
        expected.append(each @ (slope - kernel @ bent / positions / 2))
    found = ks.ShapleyCAM(relu=False)(probe, images, residual_softmax).values
    assert_close(found, np.stack(expected), CLOSE, "with the Hessian of the softmax")
    plain = ks.GradCAM(relu=False)(probe, images, residual_softmax).values
    assert np.abs(found - plain).max() > 0.01 * np.abs(plain).max()


@FLATTENED
def test_shapley_cam_with_differences_of_gradients() -> None:
    """Behind a curved hidden layer, the curvature is what central differences of gradients say."""
    head = [layers.Flatten(), layers.Dense(6, "softplus"), layers.Dense(3)]
    probe, images = network(layers.Conv2D(4, 3, activation="tanh", name="conv"), *head)
    activations = probe.activations(images, "conv").astype("float64")
    first, second = (part.get_weights() for part in head[1:])

    def gradient(values: Tensor) -> Tensor:
        before = values.reshape(len(values), -1) @ first[0].astype("float64") + first[1]
        return ((second[0][:, 1] / (1 + np.exp(-before))) @ first[0].T).reshape(values.shape)

    assert_close(probe.gradients(images, 1, "conv"), gradient(activations), CLOSE, "the gradient by hand")
    step = 1e-4
    bent = (gradient(activations * (1 + step)) - gradient(activations * (1 - step))) / (2 * step)
    found = ks.ShapleyCAM(layer="conv", relu=False)(probe, images, 1).values
    assert_close(found, pooled(gradient(activations) - bent / 2, activations), CLOSE, "by differences")
    assert np.abs(pooled(bent, activations)).max() > 0.01 * np.abs(found).max()


@FLATTENED
def test_shapley_cam_takes_each_layer_by_itself() -> None:
    probe, images = network(
        layers.Conv2D(4, 3, activation="tanh", name="conv1"),
        layers.Conv2D(4, 3, activation="tanh", name="conv2"),
        layers.Flatten(),
        layers.Dense(3),
    )
    # The unpadded layers are stretched here, as `resize` stretches them.
    probe = ks.Probe(probe.model, placement="stretched", compile=False)
    single = [ks.ShapleyCAM(layer=layer, relu=False)(probe, images, 1).values for layer in BOTH]
    before = probe.backward_count
    found = ks.ShapleyCAM(layers=BOTH, relu=False)(probe, images, 1).values
    assert probe.backward_count - before == 2 * ks.ShapleyCAM(layers=BOTH).backwards == 6
    assert_close(found, (single[0] + resize(single[1], (6, 8))) / 2, CLOSE, "the mean of both")
    assert not np.allclose(single[0], ks.GradCAM(layer="conv1", relu=False)(probe, images, 1).values)


def test_shapley_cam_takes_no_rule() -> None:
    with pytest.raises(ks.errors.ParameterError, match="second ones"):
        ks.ShapleyCAM(backprop="guided")
