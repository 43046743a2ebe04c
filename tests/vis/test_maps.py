"""The keras-vis interface: maps are kerascope's own, on every kind of model and filter."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.models import fill
from kerascope.vis import backprop_modifiers, grad_modifiers
from kerascope.vis.filters import filters_of
from kerascope.vis.utils import utils
from kerascope.vis.visualization import (
    visualize_activation,
    visualize_cam,
    visualize_saliency,
)
from tests.helpers.expected_warnings import FLATTENED, warned
from tests.helpers.networks.vis import CLOSE, HEAD, network, stretched

pytestmark = FLATTENED


class TestCam:
    def test_is_grad_cam_stretched(self, model, image) -> None:
        expected = ks.GradCAM()(model, image[None], target=2).heatmaps(placement="stretched")[0]
        found = visualize_cam(model, 4, filter_indices=2, seed_input=image)
        assert found.shape == (8, 8)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    def test_does_not_depend_on_swapping_the_softmax(self, image) -> None:
        model = network()
        before = visualize_cam(model, HEAD, 1, image)
        model.layers[HEAD].activation = keras.activations.linear
        model = utils.apply_modifications(model)
        np.testing.assert_allclose(visualize_cam(model, HEAD, 1, image), before, atol=CLOSE)

    def test_penultimate_layer(self, model, image) -> None:
        expected = ks.GradCAM(layer="first")(model, image[None], target=2).heatmaps(placement="stretched")[0]
        found = visualize_cam(model, 4, 2, image[None], penultimate_layer_idx=0)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)
        np.testing.assert_allclose(
            visualize_cam(model, -1, 2, image, penultimate_layer_idx=-5), found, atol=0
        )

    def test_penultimate_layer_behind_the_layer(self, model, image) -> None:
        with pytest.raises(ValueError, match="before layer_idx"):
            visualize_cam(model, 0, 1, image, penultimate_layer_idx=1)

    @pytest.mark.parametrize(("name", "modifier"), grad_modifiers.NAMES.items())
    def test_grad_modifiers(self, model, image, name, modifier) -> None:
        # No map of class 1 is flat.
        expected = ks.GradCAM(layer="first", gradients=modifier)(model, image[None], target=1).heatmaps(
            placement="stretched"
        )[0]
        for given in (name, getattr(grad_modifiers, name), lambda grads: grad_modifiers.get(name)(grads)):
            found = visualize_cam(model, 4, 1, image, penultimate_layer_idx=0, grad_modifier=given)
            np.testing.assert_allclose(found, stretched(expected), atol=1e-4)

    @pytest.mark.parametrize(
        ("name", "rule"),
        [("guided", "guided"), ("rectified", "deconvnet"), ("relu", "deconvnet"), ("deconv", "deconvnet")],
    )
    def test_backprop_modifiers(self, model, image, name, rule) -> None:
        expected = ks.GradCAM(layer="first", backprop=rule)(model, image[None], target=2).heatmaps(
            placement="stretched"
        )[0]
        for given in (name, getattr(backprop_modifiers, name)):
            found = visualize_cam(model, 4, 2, image, penultimate_layer_idx=0, backprop_modifier=given)
            np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    def test_a_mode_that_meets_no_rectifier_says_so(self, image) -> None:
        inputs = keras.Input((8, 8, 2))
        hidden = keras.layers.Conv2D(3, 3, activation="relu")(inputs)
        outputs = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(hidden))
        model = keras.Model(inputs, outputs)
        model.set_weights([np.random.default_rng(2).random(weight.shape) for weight in model.get_weights()])
        plain = visualize_cam(model, HEAD, 0, image)
        with warned(ks.errors.KerascopeWarning, "changes nothing"):
            guided = visualize_cam(model, HEAD, 0, image, backprop_modifier="guided")
        np.testing.assert_array_equal(plain, guided)

    def test_a_flat_map_is_zero_and_warned_about(self, image) -> None:
        model = network()
        model.set_weights([np.abs(weight) for weight in model.get_weights()])
        for modifier in ("negate", lambda grads: -grads):
            with warned(ks.errors.KerascopeWarning, "constant|flattens", subclasses=True) as caught:
                found = visualize_cam(model, HEAD, 0, image, grad_modifier=modifier)
            np.testing.assert_array_equal(found, np.zeros((8, 8)))
            kinds = [ks.errors.FlatMapWarning, ks.errors.FlattenedHeadWarning]
            assert sorted((one.category for one in caught), key=repr) == kinds


class TestSaliency:
    def test_is_saliency_stretched(self, model, image) -> None:
        expected = ks.Saliency()(model, image[None], target=2).heatmaps()[0]
        found = visualize_saliency(model, 4, filter_indices=2, seed_input=image)
        assert found.shape == (8, 8)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    def test_a_map_that_hardly_varies_is_zero_and_warned_about(self, model, image) -> None:
        with warned(ks.errors.FlatMapWarning, "varies by 2% of its largest value"):
            found = visualize_saliency(
                model, 4, 2, image, grad_modifier=lambda grads: 1 + 0.02 * np.abs(grads) / np.abs(grads).max()
            )
        np.testing.assert_array_equal(found, np.zeros((8, 8)))

    def test_keepdims(self, model, image) -> None:
        expected = np.abs(ks.Probe(model).gradients(image[None], target=2)[0])
        found = visualize_saliency(model, 4, 2, image, keepdims=True)
        assert found.shape == (8, 8, 2)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    @pytest.mark.parametrize("name", [None, *grad_modifiers.NAMES])
    def test_grad_modifiers(self, model, image, name) -> None:
        gradient = ks.Probe(model).gradients(image[None], target=0)[0]
        expected = gradient if name is None else grad_modifiers.get(name)(gradient)
        forms = [name] if name is None else [name, lambda grads: grad_modifiers.get(name)(grads)]
        for given in forms:
            found = visualize_saliency(model, 4, 0, image, grad_modifier=given)
            np.testing.assert_allclose(found, stretched(expected.max(axis=-1)), atol=1e-4)

    @pytest.mark.parametrize(("name", "rule"), [("guided", "guided"), ("relu", "deconvnet")])
    def test_backprop_modifiers(self, model, image, name, rule) -> None:
        expected = ks.Saliency(backprop=rule)(model, image[None], target=2).heatmaps()[0]
        found = visualize_saliency(model, 4, 2, image, backprop_modifier=name)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)
        assert np.abs(found - visualize_saliency(model, 4, 2, image)).max() > 0.01

    def test_a_function_from_a_model_to_a_model(self, model, image) -> None:
        other = network()
        other.set_weights([weight + 0.1 for weight in other.get_weights()])
        found = visualize_saliency(model, 4, 2, image, backprop_modifier=lambda model: other)
        np.testing.assert_array_equal(found, visualize_saliency(other, 4, 2, image))
        with pytest.raises(ks.errors.ParameterError, match="Keras model"):
            visualize_saliency(model, 4, 2, image, backprop_modifier=lambda model: None)

    def test_no_rectifier(self, image) -> None:
        inputs = keras.Input((8, 8, 2))
        model = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs)))
        with pytest.raises(ks.errors.RuleError):
            visualize_saliency(model, HEAD, 0, image, backprop_modifier="guided")

    def test_a_subclassed_model(self, image) -> None:
        class Small(keras.Model):
            def __init__(self) -> None:
                super().__init__()
                self.hidden = keras.layers.Conv2D(3, 3, activation="softplus", name="hidden")
                self.flat = keras.layers.Flatten()
                self.head = keras.layers.Dense(4, activation="softmax", name="head")

            def call(self, inputs):
                return self.head(self.flat(self.hidden(inputs)))

        model = Small()
        model(image[None])
        fill(model, 6)
        expected = stretched(ks.Saliency()(model, image[None], target=2).heatmaps()[0])
        found = visualize_saliency(model, utils.find_layer_idx(model, "head"), 2, image)
        np.testing.assert_allclose(found, expected, atol=CLOSE)
        found = visualize_activation(model, HEAD, 2, seed_input=image, input_range=(0, 1), max_iter=2)
        assert found.shape == (8, 8, 2)
        assert found.std() > 0

    def test_an_input_of_several(self, image) -> None:
        first, second = keras.Input((8, 8, 2), name="one"), keras.Input((8, 8, 2), name="two")
        joined = keras.layers.Concatenate()([first, second])
        outputs = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(joined)))
        model = keras.Model([first, second], outputs)
        seeds = [image, image[::-1]]
        for place in (0, 1):
            probe = ks.Probe(model, input=place)
            expected = ks.Saliency()(probe, [seed[None] for seed in seeds], target=1).heatmaps()[0]
            found = visualize_saliency(model, HEAD, 1, seeds, wrt_tensor=model.inputs[place])
            np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)
        with pytest.raises(ks.errors.InputError, match=r"wrt_tensor=model\.inputs"):
            visualize_saliency(model, HEAD, 1, seeds)
        with pytest.raises(ks.errors.InputError, match="list of 2"):
            visualize_saliency(model, HEAD, 1, image, wrt_tensor=model.inputs[0])
        for options in ({}, {"grad_modifier": "negate"}):
            found = visualize_activation(
                model,
                HEAD,
                1,
                wrt_tensor=model.inputs[1],
                seed_input=seeds,
                input_range=(0.0, 1.0),
                max_iter=2,
                **options,
            )
            assert found.shape == (8, 8, 2)


@pytest.mark.once
class TestModels:
    """What keras-vis could not do."""

    def check(self, model, index, seed, target, shape, **options) -> None:
        probe = ks.Probe(model, **options)
        batch = {name: part[None] for name, part in seed.items()} if isinstance(seed, dict) else seed[None]
        expected = ks.GradCAM()(probe, batch, target=target).heatmaps(placement="stretched")[0]
        np.testing.assert_allclose(visualize_cam(model, index, 1, seed), stretched(expected), atol=CLOSE)
        assert visualize_saliency(model, index, 1, seed).shape == shape[:-1]
        assert visualize_saliency(model, index, 1, seed, keepdims=True).shape == shape
        for more in ({}, {"grad_modifier": "relu"}):
            found = visualize_activation(
                model, index, 1, seed_input=seed, input_range=(0, 1), max_iter=2, **more
            )
            assert found.shape == shape
            assert found.std() > 0

    def alive(self, model):
        """Weights that speak for every class."""
        generator = np.random.default_rng(5)
        model.set_weights([generator.random(weight.shape) for weight in model.get_weights()])
        return model

    def test_a_backbone_inside_and_two_outputs(self, image) -> None:
        backbone = keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                keras.layers.Conv2D(3, 3, activation="softplus"),
                keras.layers.AveragePooling2D(2),
            ],
            name="backbone",
        )
        inputs = keras.Input((8, 8, 2))
        features = keras.layers.Flatten()(backbone(inputs))
        outputs = {
            "one": keras.layers.Dense(3, activation="softmax", name="one")(features),
            "two": keras.layers.Dense(2, activation="sigmoid", name="two")(features),
        }
        model = self.alive(keras.Model(inputs, outputs))
        for name in outputs:
            index = utils.find_layer_idx(model, name)
            self.check(model, index, image, ks.Output(name, 1), (8, 8, 2))

    def test_a_dictionary_of_inputs(self, image) -> None:
        picture, vector = keras.Input((8, 8, 2), name="picture"), keras.Input((3,), name="vector")
        hidden = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(picture))
        outputs = keras.layers.Dense(2)(keras.layers.Concatenate()([hidden, vector]))
        model = self.alive(keras.Model({"picture": picture, "vector": vector}, outputs))
        seed = {"picture": image, "vector": np.ones(3, "float32")}
        self.check(model, HEAD, seed, 1, (8, 8, 2))
        with pytest.raises(ks.errors.InputError, match="dictionary"):
            visualize_cam(model, HEAD, 1, image)

    def test_a_signal(self) -> None:
        model = self.alive(
            keras.Sequential(
                [
                    keras.Input((20, 2)),
                    keras.layers.Conv1D(4, 5, activation="softplus"),
                    keras.layers.Flatten(),
                    keras.layers.Dense(3),
                ]
            )
        )
        self.check(model, HEAD, np.random.default_rng(0).random((20, 2)), 1, (20, 2))


@pytest.mark.once
class TestFilters:
    def test_several_are_added(self, model, image) -> None:
        probe = ks.Probe(model)
        gradient = probe.gradients(image[None], target=1) + probe.gradients(image[None], target=3)
        found = visualize_saliency(model, 4, [1, 3], image)
        np.testing.assert_allclose(found, stretched(np.abs(gradient[0]).max(axis=-1)), atol=CLOSE)

    def test_the_score_is_a_sum_or_a_mean(self, model, image) -> None:
        probe = ks.Probe(model)
        scores = [float(probe.scores(image[None], target=place)[0]) for place in range(4)]
        units = [float(probe.scores(image[None], target=ks.Unit("second", place))[0]) for place in (0, 2)]
        for index, filters, expected in [
            (4, [1, 3], scores[1] + scores[3]),
            (4, None, np.mean(scores)),
            (1, [0, 2], sum(units)),
        ]:
            target = filters_of(probe, index, filters, image[None])
            np.testing.assert_allclose(probe.scores(image[None], target), [expected], rtol=1e-4)

    def test_none_is_the_mean_of_all(self, model, image) -> None:
        probe = ks.Probe(model)
        gradient = sum(probe.gradients(image[None], target=place) for place in range(4)) / 4
        found = visualize_saliency(model, 4, None, image)
        np.testing.assert_allclose(found, stretched(np.abs(gradient[0]).max(axis=-1)), atol=CLOSE)

    def test_counted_from_the_end(self, model, image) -> None:
        np.testing.assert_array_equal(
            visualize_saliency(model, 4, -1, image), visualize_saliency(model, 4, 3, image)
        )

    @pytest.mark.parametrize("layer", ["second", "hidden"])
    def test_a_layer_inside(self, model, image, layer) -> None:
        expected = ks.Saliency()(model, image[None], target=ks.Unit(layer, 1)).heatmaps()[0]
        found = visualize_saliency(model, utils.find_layer_idx(model, layer), 1, image)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    def test_of_an_output_that_is_a_picture(self, image) -> None:
        inputs = keras.Input((8, 8, 2))
        model = keras.Model(inputs, keras.layers.Conv2D(3, 3, activation="softmax", name="masks")(inputs))
        linear = keras.models.clone_model(model)
        linear.set_weights(model.get_weights())
        linear.layers[HEAD].activation = keras.activations.linear
        expected = ks.Saliency()(linear, image[None], target=ks.Unit("masks", 1)).heatmaps()[0]
        found = visualize_saliency(model, HEAD, 1, image)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

    @pytest.mark.parametrize("function", [visualize_cam, visualize_saliency])
    def test_errors(self, model, image, function) -> None:
        with pytest.raises(ks.errors.TargetError, match="from 0 to 3"):
            function(model, 4, 4, image)
        with pytest.raises(ks.errors.TargetError, match="from 0 to 5"):
            function(model, 3, [0, 6], image)
        with pytest.raises(ks.errors.TargetError, match="whole number"):
            function(model, 4, 1.5, image)
        with pytest.raises(ks.errors.UnknownLayerError, match="from 0 to 4"):
            function(model, 5, 0, image)
        with pytest.raises(ks.errors.ParameterError, match="whole number"):
            function(model, "head", 0, image)
        with pytest.raises(ks.errors.InputError, match="one image"):
            function(model, 4, 0, np.stack([image, image]))
        with pytest.raises(ks.errors.InputError, match="must have the shape"):
            function(model, 4, 0, image[:4])
        with pytest.raises(ValueError, match=r"grad_modifier must be.*did you mean 'negate'"):
            function(model, 4, 0, image, grad_modifier="negat")
        with pytest.raises(ks.errors.ParameterError, match="shape"):
            function(model, 4, 0, image, grad_modifier=lambda grads: grads[..., :1])
        with pytest.raises(ValueError, match="backprop_modifier must be"):
            function(model, 4, 0, image, backprop_modifier="guide")
        with pytest.raises(ks.errors.ModelError):
            function("model", 4, 0, image)

    def test_wrt_tensor_is_the_input(self, model, image) -> None:
        expected = visualize_saliency(model, 4, 0, image)
        for given in (model.inputs[0], model.inputs):
            np.testing.assert_array_equal(visualize_saliency(model, 4, 0, image, wrt_tensor=given), expected)


def test_maps_change_nothing_of_the_model(model, image) -> None:
    weights = [weight.copy() for weight in model.get_weights()]
    before = np.asarray(model.predict(image[None], verbose=0))
    visualize_cam(model, HEAD, 1, image, backprop_modifier="guided")
    visualize_activation(model, HEAD, 1, grad_modifier="relu", max_iter=2)
    np.testing.assert_array_equal(before, model.predict(image[None], verbose=0))
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert "call" not in vars(model.layers[0])
