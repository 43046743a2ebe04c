"""The keras-vis interface: models whose own gradient is modified."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import backend
from kerascope.vis import backprop_modifiers, losses
from kerascope.vis.backend import modify_model_backprop
from kerascope.vis.visualization import (
    visualize_cam,
    visualize_saliency,
    visualize_saliency_with_losses,
)
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.vis import CLOSE, HEAD

HIDDEN = np.array([[-1.0, 1.0], [-1.0, 1.0]])
OUT = np.array([[-1.0], [2.0]])
# The input, and the gradients: plain, guided, rectified. In the second row the open unit is the one with the
# negative slope.
ROWS = [((1.0, 0.5), 2.0, 2.0, 2.0), ((-1.0, 0.5), 1.0, 0.0, 2.0)]


class Called(keras.Model):
    """A rectifier that a subclassed model calls by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(2, use_bias=False)
        self.head = layers.Dense(1, use_bias=False)

    def call(self, inputs: Any) -> Any:
        return self.head(ops.relu(self.hidden(inputs)))


def sequential(*parts: Any) -> keras.Model:
    return keras.Sequential([keras.Input((2,)), *parts, layers.Dense(1, use_bias=False)])


def functional(rectify: Any) -> keras.Model:
    inputs = keras.Input((2,))
    hidden = rectify(layers.Dense(2, use_bias=False)(inputs))
    return keras.Model(inputs, layers.Dense(1, use_bias=False)(hidden))


MODELS = {
    "activation": lambda: sequential(layers.Dense(2, activation="relu", use_bias=False)),
    "layer": lambda: sequential(layers.Dense(2, use_bias=False), layers.ReLU()),
    "operation": lambda: functional(ops.relu),
    "nested": lambda: functional(keras.Sequential([keras.Input((2,)), layers.Activation("relu")])),
    "subclassed": Called,
}


def gradient(model: keras.Model, vector: tuple[float, float]) -> np.ndarray:
    """As the backend takes it, without a probe."""
    differentiate = backend.current().value_and_gradients(lambda given: (model(given["x"]), {}))
    found = differentiate({"x": ops.convert_to_tensor([vector])})[2][0]["x"]
    return ops.convert_to_numpy(found)[0]


@pytest.mark.parametrize("name", MODELS)
def test_whoever_differentiates_it_gets_the_rule(name) -> None:
    model = MODELS[name]()
    model(np.zeros((1, 2), "float32"))
    model.set_weights([HIDDEN, OUT])
    twins = [modify_model_backprop(model, rule) for rule in ("guided", "rectified")]
    for vector, plain, *modified in ROWS:
        for twin, expected in zip([model, *twins], [plain, *modified], strict=True):
            np.testing.assert_allclose(gradient(twin, vector), [expected, expected])
            found = ks.Probe(twin).gradients(np.array([vector], "float32"), target=ks.Value())[0]
            np.testing.assert_allclose(found, [expected, expected])


def test_nothing_else_of_the_model_changes(model, image) -> None:
    model.compile("adam", "mse")
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    twin = modify_model_backprop(model, "guided")
    assert type(twin) is type(model)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert twin.layers[0].activation is model.layers[0].activation
    assert all(mine is yours for mine, yours in zip(twin.variables, model.variables, strict=True))
    np.testing.assert_allclose(
        twin.predict(image[None], verbose=0), model.predict(image[None], verbose=0), atol=CLOSE
    )
    assert (model.compiled, twin.compiled) == (True, False)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    assert all("call" not in vars(layer) for layer in model.layers)


@FLATTENED
@pytest.mark.parametrize("name", ["guided", "rectified"])
def test_the_maps_are_those_of_the_option(model, image, name) -> None:
    twin = backprop_modifiers.get(name)(model)
    for function in (visualize_saliency, visualize_cam):
        expected = function(model, HEAD, 1, image, backprop_modifier=name)
        np.testing.assert_allclose(function(twin, HEAD, 1, image), expected, atol=CLOSE)
    # A loss names layers alone, of which another model is made.
    pairs = [(losses.ActivationMaximization(twin.layers[HEAD], 1), -1)]
    expected = visualize_saliency(model, HEAD, 1, image, backprop_modifier=name)
    found = visualize_saliency_with_losses(twin.inputs[0], pairs, image)
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.mark.once
def test_errors(model) -> None:
    with pytest.raises(ValueError, match="backprop_modifier must be"):
        modify_model_backprop(model, "guide")
    with pytest.raises(ks.errors.ModelError, match="built Keras model"):
        modify_model_backprop("model", "guided")
    with pytest.raises(ks.errors.RuleError, match="needs a rectifier"):
        modify_model_backprop(sequential(), "guided")
