"""The keras-vis interface: gradients at tensors inside a model, and images of such tensors."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.vis import losses, regularizers
from kerascope.vis.callbacks import OptimizerCallback
from kerascope.vis.optimizer import Optimizer
from kerascope.vis.visualization import (
    visualize_activation,
    visualize_activation_with_losses,
    visualize_saliency,
    visualize_saliency_with_losses,
)
from tests.helpers.expected_warnings import warned
from tests.helpers.networks.vis import CLOSE, HEAD, REPOSITORY, stretched


class Squares(losses.Loss):
    """The sum of the squares of what a model returns."""

    def __init__(self, tensor: keras.KerasTensor) -> None:
        super().__init__()
        self.tensor = tensor

    def build_loss(self):
        return ops.sum(self.tensor * self.tensor)


class Keeper(OptimizerCallback):
    """Keeps what the gradients are taken at."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def callback(self, i, named_losses, overall_loss, grads, wrt_value) -> None:
        self.seen.append(wrt_value)


def score(model) -> list:
    """What `ActivationMaximization` gives the gradient of the score with."""
    return [(losses.ActivationMaximization(model.layers[HEAD], 1), -1)]


class TestOptimizer:
    def test_says_what_it_differentiates_at(self) -> None:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
        pairs = [(Squares(model.outputs[0]), 1)]
        for given in (None, model.inputs, model.inputs[0]):
            optimizer = Optimizer(model.inputs, pairs, wrt_tensor=given)
            assert optimizer.wrt_tensor_is_input_tensor
            assert optimizer.wrt_tensor is optimizer.input_tensor is model.inputs[0]
        optimizer = Optimizer(model.inputs, pairs, wrt_tensor=model.outputs[0])
        assert not optimizer.wrt_tensor_is_input_tensor
        assert optimizer.wrt_tensor is model.outputs[0]

    def test_at_the_output_the_image_stays(self) -> None:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
        pairs = [(Squares(model.outputs[0]), 3)]
        optimizer = Optimizer(model.inputs, pairs, wrt_tensor=model.outputs[0], norm_grads=False)
        vector, keeper = np.array([1.0, -2.0], "float32"), Keeper()
        _, gradient, value = optimizer.minimize(vector, max_iter=2, callbacks=[keeper], verbose=False)
        np.testing.assert_allclose(value, ops.convert_to_numpy(model(vector[None])), rtol=1e-5)
        np.testing.assert_allclose(gradient, 6 * value, rtol=1e-5)
        np.testing.assert_array_equal(keeper.seen, [value, value])

    def test_at_a_layer(self, model, image) -> None:
        optimizer = Optimizer(
            model.inputs[0], score(model), wrt_tensor=model.get_layer("first").output, norm_grads=False
        )
        _, gradient, value = optimizer.minimize(image, max_iter=1, verbose=False)
        probe = ks.Probe(model)
        expected = probe.gradients(image[None], target=1, layer="first")
        np.testing.assert_allclose(gradient, expected, atol=CLOSE)
        np.testing.assert_allclose(value, probe.activations(image[None], "first"), atol=CLOSE)

    def test_at_one_call_of_a_shared_layer(self) -> None:
        inputs, shared = keras.Input((3,)), keras.layers.Dense(3, use_bias=False)
        once = shared(inputs)
        twice = shared(once)
        vector, kernel = np.array([[1.0, 2.0, -1.0]], "float32"), ops.convert_to_numpy(shared.kernel)
        optimizer = Optimizer(inputs, [(Squares(twice), 1)], wrt_tensor=once, norm_grads=False)
        gradient = optimizer.minimize(vector, max_iter=1, verbose=False)[1]
        np.testing.assert_allclose(gradient, 2 * (vector @ kernel @ kernel) @ kernel.T, rtol=1e-4)

    def test_channels_first(self) -> None:
        keras.config.set_image_data_format("channels_first")
        try:
            layers = [keras.layers.Activation("silu"), keras.layers.Flatten(), keras.layers.Dense(3)]
            model = keras.Sequential([keras.Input((2, 5, 4)), *layers])
            image = np.random.default_rng(0).random((2, 5, 4)).astype("float32")
            inside = layers[0].output
            optimizer = Optimizer(model.inputs, score(model), wrt_tensor=inside, norm_grads=False)
            _, gradient, value = optimizer.minimize(image, max_iter=1, verbose=False)
        finally:
            keras.config.set_image_data_format("channels_last")
        np.testing.assert_allclose(value[0], image / (1 + np.exp(-image)), rtol=1e-5)
        # Keras flattens with the channels last.
        slopes = ops.convert_to_numpy(layers[2].kernel)[:, 1].reshape(5, 4, 2)
        np.testing.assert_allclose(gradient[0], np.moveaxis(slopes, -1, 0), rtol=1e-5)

    def test_a_tensor_inside_is_optimised_as_the_input(self, model, image) -> None:
        inside = model.get_layer("first").output
        start = ks.Probe(model).activations(image[None], "first")
        optimizer = Optimizer(inside, score(model), (0.0, 1.0), wrt_tensor=inside, norm_grads=False)
        assert optimizer.wrt_tensor_is_input_tensor
        gradient = optimizer.minimize(start, max_iter=1, verbose=False)[1]
        expected = ks.Probe(model).gradients(image[None], target=1, layer="first")
        np.testing.assert_allclose(gradient, expected, atol=CLOSE)
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), 1), (regularizers.LPNorm(), 0.1)]
        found = visualize_activation_with_losses(inside, pairs, input_range=(0.0, 1.0), max_iter=2)
        assert found.shape == (6, 6, 4)
        assert found.std() > 0


class TestSaliency:
    def test_at_a_layer(self, model, image) -> None:
        inside = model.get_layer("first").output
        gradient = ks.Probe(model).gradients(image[None], target=1, layer="first")[0]
        expected = stretched(np.abs(gradient))
        found = visualize_saliency(model, HEAD, 1, image, wrt_tensor=inside, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=CLOSE)
        expected = stretched(np.abs(gradient).max(axis=-1))
        found = visualize_saliency_with_losses(model.inputs[0], score(model), image, wrt_tensor=inside)
        np.testing.assert_allclose(found, expected, atol=CLOSE)

    def test_at_a_vector_with_a_modifier(self, model, image) -> None:
        inside = model.get_layer("hidden").output
        kernel = ops.convert_to_numpy(model.layers[HEAD].kernel)
        found = visualize_saliency(model, HEAD, 1, image, wrt_tensor=inside, grad_modifier="negate")
        np.testing.assert_allclose(found, stretched(-kernel[:, 1]), atol=CLOSE)

    def test_under_a_backprop_modifier(self, model, image) -> None:
        inside = model.get_layer("first").output
        options = {"wrt_tensor": inside, "grad_modifier": None}
        found = visualize_saliency(model, HEAD, 1, image, backprop_modifier="guided", **options)
        assert np.abs(found - visualize_saliency(model, HEAD, 1, image, **options)).max() > 0.01

    @pytest.mark.once
    def test_a_map_that_shows_nothing(self, image) -> None:
        inputs = keras.Input((8, 8, 2))
        inside = keras.layers.Activation("linear")(keras.layers.Conv2D(2, 3)(inputs))
        model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inside))
        with warned(ks.errors.FlatMapWarning, "it is constant"):
            found = visualize_saliency(model, HEAD, 1, image, wrt_tensor=inside)
        np.testing.assert_array_equal(found, np.zeros((6, 6)))


@pytest.mark.once
def test_errors(model, image) -> None:
    with pytest.raises(ks.errors.ParameterError, match="symbolic tensor"):
        Optimizer(model.inputs, score(model), wrt_tensor="first")
    with pytest.raises(ks.errors.ParameterError, match="an input of the model here"):
        visualize_activation(model, HEAD, 1, wrt_tensor=model.get_layer("first").output)
    outer = keras.Input((8, 8, 2))
    around = keras.Model(outer, keras.layers.Dense(2)(model(outer)))
    with pytest.raises(ks.errors.ModelError, match="belong to that model alone"):
        visualize_saliency(around, HEAD, 1, image, wrt_tensor=model.get_layer("first").output)
    kept = keras.layers.Identity()(outer)
    short = keras.Model(outer, keras.layers.Dense(2)(keras.layers.Flatten()(kept)))
    with pytest.raises(ks.errors.ParameterError, match="the output of a layer of the model"):
        visualize_saliency(short, HEAD, 1, image, wrt_tensor=kept)


@pytest.mark.once
def test_the_page_shows_what_runs(model, image, capsys) -> None:
    text = (REPOSITORY / "docs" / "keras-vis.md").read_text(encoding="utf-8")
    block = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)[-1]
    found = {"model": model, "input_image": image}
    exec(block, found)
    assert found["gradient"].shape == (1, *found["ideal"].shape)
    assert found["picture"].shape == (8, 8)
    assert capsys.readouterr().out.startswith("Iteration: 1")
