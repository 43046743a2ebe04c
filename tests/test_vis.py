"""The keras-vis interface: helpers against hand values, pictures against kerascope's own, every option."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.vis import backprop_modifiers, callbacks, grad_modifiers, input_modifiers, losses, regularizers
from kerascope.vis.filters import filters_of
from kerascope.vis.optimizer import Optimizer
from kerascope.vis.utils import utils
from kerascope.vis.visualization import (
    get_num_filters,
    overlay,
    visualize_activation,
    visualize_activation_with_losses,
    visualize_cam,
    visualize_cam_with_losses,
    visualize_saliency,
    visualize_saliency_with_losses,
)
from support import warned

REPOSITORY = Path(__file__).parents[1]
HEAD = -1
CLOSE = 1e-5


def network(channels: int = 2, activation: str = "softmax") -> keras.Model:
    """Conv, conv, pool, dense, dense; the same weights for every backend."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8, 8, channels)),
            keras.layers.Conv2D(4, 3, activation="relu", name="first"),
            keras.layers.Conv2D(3, 3, activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="relu", name="hidden"),
            keras.layers.Dense(4, activation=activation, name="head"),
        ]
    )
    generator = np.random.default_rng(0)
    # Biases of a half keep every rectifier open for some images, and closed for others.
    model.set_weights(
        [
            generator.normal(0, 0.7 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape)
            if weight.ndim > 1
            else np.full(weight.shape, 0.5)
            for weight in model.get_weights()
        ]
    )
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(1).random((8, 8, 2)).astype("float32")


def stretched(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min())


# ---- helpers -------------------------------------------------------------------------------------


@pytest.mark.once
class TestArrays:
    def test_normalize_goes_from_0_to_1(self) -> None:
        np.testing.assert_array_equal(utils.normalize([2, 4, 3]), [0, 1, 0.5])
        np.testing.assert_allclose(utils.normalize(np.array([1.0, 3.0]), -1, 1), [-1, 1])

    def test_a_small_map_reaches_1(self) -> None:
        assert utils.normalize(np.array([0, 1e-9])).max() == 1

    def test_a_flat_map_is_flat(self) -> None:
        np.testing.assert_array_equal(utils.normalize(np.full((2, 2), 5.0)), np.zeros((2, 2)))
        np.testing.assert_array_equal(utils.deprocess_input(np.full(3, 7.3), (0, 10)), [5, 5, 5])

    @pytest.mark.parametrize("function", [utils.normalize, utils.deprocess_input])
    def test_nan_is_refused(self, function) -> None:
        with pytest.raises(ks.errors.InputError, match="finite"):
            function(np.array([1.0, np.nan]))

    def test_deprocess_input_by_hand(self) -> None:
        array = np.array([-3.0, 3.0])
        np.testing.assert_allclose(utils.deprocess_input(array, (0, 1)), [0.4, 0.6])
        np.testing.assert_allclose(utils.deprocess_input(array, (0, 255)), [102, 153])
        np.testing.assert_array_equal(array, [-3, 3])

    def test_deprocess_input_clips_what_is_far_out(self) -> None:
        array = np.zeros(200)
        array[0] = 1.0
        assert utils.deprocess_input(array, (0, 1)).max() == 1

    def test_random_array_has_the_mean_and_spread(self) -> None:
        array = utils.random_array((5, 6, 2), mean=128, std=20, seed=4)
        assert array.shape == (5, 6, 2)
        np.testing.assert_allclose([array.mean(), array.std()], [128, 20])
        np.testing.assert_array_equal(array, utils.random_array((5, 6, 2), 128, 20, seed=4))
        assert (utils.random_array((9,)) != utils.random_array((9,))).any()

    def test_random_array_leaves_the_global_generator_alone(self) -> None:
        before = np.random.get_state()[1].copy()  # noqa: NPY002 (that is what is tested)
        utils.random_array((3,))
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_stitch_images_by_hand(self) -> None:
        images = [np.full((2, 3, 1), value, "uint8") for value in (1, 2, 3)]
        sheet = utils.stitch_images(images, margin=1, cols=2)
        expected = [
            [1, 1, 1, 0, 2, 2, 2],
            [1, 1, 1, 0, 2, 2, 2],
            [0, 0, 0, 0, 0, 0, 0],
            [3, 3, 3, 0, 0, 0, 0],
            [3, 3, 3, 0, 0, 0, 0],
        ]
        np.testing.assert_array_equal(sheet[..., 0], expected)
        assert sheet.dtype == np.uint8
        assert utils.stitch_images([]) is None

    def test_stitch_images_of_two_sizes(self) -> None:
        with pytest.raises(ks.errors.InputError, match="one shape"):
            utils.stitch_images([np.zeros((2, 2, 1)), np.zeros((2, 3, 1))])

    def test_overlay_by_hand(self) -> None:
        mixed = overlay(np.array([200, 0], "uint8"), np.array([100, 255], "uint8"), alpha=0.25)
        np.testing.assert_array_equal(mixed, [125, 191])
        assert mixed.dtype == np.uint8
        assert overlay(np.ones(2, "float32"), np.zeros(2))[0] == 0.5

    @pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan])
    def test_overlay_alpha(self, alpha) -> None:
        with pytest.raises(ValueError, match="alpha must be"):
            overlay(np.zeros(2), np.zeros(2), alpha=alpha)

    def test_overlay_shapes(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            overlay(np.zeros((2, 2, 3)), np.zeros((2, 2)))


@pytest.mark.once
class TestUtils:
    def test_lists_and_defaults(self) -> None:
        assert utils.listify(3) == [3]
        assert utils.listify([3]) == [3]
        assert utils.listify(np.arange(2)) == [0, 1]
        assert list(utils.reverse_enumerate("abc")) == [(2, "c"), (1, "b"), (0, "a")]
        assert utils.add_defaults_to_kwargs({"a": 1, "b": 2}, b=3) == {"a": 1, "b": 3}
        np.testing.assert_array_equal(utils.bgr2rgb(np.array([[1, 2, 3]])), [[3, 2, 1]])

    def test_get_identifier(self) -> None:
        assert utils.get_identifier("abs", {"abs": abs}, "numbers") is abs
        assert utils.get_identifier(abs, {}, "numbers") is abs
        with pytest.raises(ValueError, match="numbers"):
            utils.get_identifier("max", {"abs": abs}, "numbers")

    def test_shapes_in_either_data_format(self) -> None:
        tensor = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
        assert utils.get_img_shape(tensor) == (2, 5, 3, 4)
        assert utils.get_img_indices() == (0, 3, 1, 2)
        np.testing.assert_array_equal(tensor[utils.slicer[:, 1, ...]], tensor[..., 1])
        keras.config.set_image_data_format("channels_first")
        try:
            assert utils.get_img_shape(tensor) == (2, 3, 4, 5)
            assert utils.get_img_indices() == (0, 1, 2, 3)
            np.testing.assert_array_equal(tensor[utils.slicer[:, 1, ...]], tensor[:, 1])
        finally:
            keras.config.set_image_data_format("channels_last")

    def test_find_layer_idx(self, model) -> None:
        assert utils.find_layer_idx(model, "hidden") == 3
        with pytest.raises(ValueError, match="did you mean 'hidden'"):
            utils.find_layer_idx(model, "hiden")

    def test_get_num_filters(self, model) -> None:
        assert [get_num_filters(model.layers[place]) for place in (0, 3, 4)] == [4, 6, 4]

    def test_pictures_from_files(self, tmp_path) -> None:
        from PIL import Image

        colours = np.zeros((4, 6, 4), "uint8")
        colours[..., 0], colours[..., 3] = 200, 255
        Image.fromarray(colours).save(tmp_path / "red.png")
        loaded = utils.load_img(tmp_path / "red.png")
        assert (loaded.shape, loaded.dtype) == ((4, 6, 3), np.uint8)
        assert loaded[0, 0].tolist() == [200, 0, 0]
        grey = utils.load_img(tmp_path / "red.png", grayscale=True, target_size=(2, 3))
        assert grey.shape == (2, 3)
        assert grey[0, 0] == 60  # 0.299 * 200
        (tmp_path / "text.png").write_text("no picture")
        with pytest.raises(ks.errors.InputError, match="picture"):
            utils.load_img(tmp_path / "text.png")

    @pytest.mark.parametrize("shape", [(40, 60, 3), (40, 60, 1), (40, 60)])
    def test_draw_text(self, shape) -> None:
        blank = np.full(shape, 255, "uint8")
        written = utils.draw_text(blank, "Step 1")
        assert written.shape == shape
        assert written.min() < 128
        assert blank.min() == 255
        with pytest.raises(ks.errors.InputError, match="uint8"):
            utils.draw_text(blank.astype("float32"), "x")

    def test_labels_out_of_range(self) -> None:
        with pytest.raises(ks.errors.TargetError, match="0 to 999"):
            utils.lookup_imagenet_labels([1000])


class TestApplyModifications:
    def test_predict_honours_a_swapped_activation(self, image) -> None:
        model = network()
        weights = [weight.copy() for weight in model.get_weights()]
        before = model.predict(image[None], verbose=0)
        np.testing.assert_allclose(before.sum(), 1, rtol=1e-5)
        model.layers[HEAD].activation = keras.activations.linear
        changed = utils.apply_modifications(model)
        after = changed.predict(image[None], verbose=0)
        scores = after - after.max()
        np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(), before, rtol=1e-4)
        assert abs(after.sum() - 1) > 1e-3
        for old, new in zip(weights, changed.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_evaluate_and_fit_honour_it_too(self, image) -> None:
        model = network()
        model.compile("sgd", "mse")
        model.optimizer.learning_rate = 0.0
        images, wanted = image[None], np.zeros((1, 4), "float32")
        model.fit(images, wanted, verbose=0)
        model.evaluate(images, wanted, verbose=0)
        model.layers[HEAD].activation = keras.activations.linear
        utils.apply_modifications(model)
        expected = float(np.mean(model.predict(images, verbose=0) ** 2))
        assert expected > 0.3  # more than four probabilities could give
        np.testing.assert_allclose(model.evaluate(images, wanted, verbose=0), expected, rtol=1e-4)
        np.testing.assert_allclose(
            model.fit(images, wanted, verbose=0).history["loss"][0], expected, rtol=1e-4
        )

    def test_a_model_inside_a_model(self, image) -> None:
        inner = network()
        inputs = keras.Input((8, 8, 2))
        outer = keras.Model(inputs, inner(inputs))
        outer.predict(image[None], verbose=0)
        inner.predict(image[None], verbose=0)
        inner.layers[HEAD].activation = keras.activations.linear
        utils.apply_modifications(outer)
        for changed in (outer, inner):
            assert abs(changed.predict(image[None], verbose=0).sum() - 1) > 1e-3

    def test_no_model(self) -> None:
        with pytest.raises(ks.errors.ModelError):
            utils.apply_modifications("model")


# ---- maps ----------------------------------------------------------------------------------------


class TestCam:
    def test_is_grad_cam_stretched(self, model, image) -> None:
        expected = ks.GradCAM()(model, image[None], target=2).heatmaps()[0]
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
        expected = ks.GradCAM(layer="first")(model, image[None], target=2).heatmaps()[0]
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
        expected = ks.GradCAM(layer="first", gradients=modifier)(model, image[None], target=1).heatmaps()[0]
        for given in (name, getattr(grad_modifiers, name), lambda grads: grad_modifiers.get(name)(grads)):
            found = visualize_cam(model, 4, 1, image, penultimate_layer_idx=0, grad_modifier=given)
            np.testing.assert_allclose(found, stretched(expected), atol=1e-4)

    @pytest.mark.parametrize(
        ("name", "rule"),
        [("guided", "guided"), ("rectified", "deconvnet"), ("relu", "deconvnet"), ("deconv", "deconvnet")],
    )
    def test_backprop_modifiers(self, model, image, name, rule) -> None:
        expected = ks.GradCAM(layer="first", backprop=rule)(model, image[None], target=2).heatmaps()[0]
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
        with warned(ks.errors.FlatMapWarning, "constant"):
            found = visualize_cam(model, HEAD, 0, image, grad_modifier="negate")
        np.testing.assert_array_equal(found, np.zeros((8, 8)))
        with warned(ks.errors.FlatMapWarning, "constant"):
            found = visualize_cam(model, HEAD, 0, image, grad_modifier=lambda grads: -grads)
        np.testing.assert_array_equal(found, np.zeros((8, 8)))


class TestSaliency:
    def test_is_saliency_stretched(self, model, image) -> None:
        expected = ks.Saliency()(model, image[None], target=2).heatmaps()[0]
        found = visualize_saliency(model, 4, filter_indices=2, seed_input=image)
        assert found.shape == (8, 8)
        np.testing.assert_allclose(found, stretched(expected), atol=CLOSE)

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
                self.hidden = keras.layers.Conv2D(3, 3, activation="relu", name="hidden")
                self.flat = keras.layers.Flatten()
                self.head = keras.layers.Dense(4, activation="softmax", name="head")

            def call(self, inputs):
                return self.head(self.flat(self.hidden(inputs)))

        model = Small()
        model(image[None])
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


class TestModels:
    """What keras-vis could not do."""

    def check(self, model, index, seed, target, shape, **options) -> None:
        probe = ks.Probe(model, **options)
        batch = {name: part[None] for name, part in seed.items()} if isinstance(seed, dict) else seed[None]
        expected = ks.GradCAM()(probe, batch, target=target).heatmaps()[0]
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
        """Weights that no rectifier closes on."""
        generator = np.random.default_rng(5)
        model.set_weights([generator.random(weight.shape) for weight in model.get_weights()])
        return model

    def test_a_backbone_inside_and_two_outputs(self, image) -> None:
        backbone = keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                keras.layers.Conv2D(3, 3, activation="relu"),
                keras.layers.MaxPooling2D(2),
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
                    keras.layers.Conv1D(4, 5, activation="relu"),
                    keras.layers.Flatten(),
                    keras.layers.Dense(3),
                ]
            )
        )
        self.check(model, HEAD, np.random.default_rng(0).random((20, 2)), 1, (20, 2))


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

    def test_wrt_tensor_inside_the_model(self, model, image) -> None:
        inside = model.layers[0].output
        with pytest.raises(ks.errors.ParameterError, match="wrt_tensor must be"):
            visualize_saliency(model, 4, 0, image, wrt_tensor=inside)
        with pytest.raises(ks.errors.ParameterError, match="wrt_tensor must be"):
            visualize_activation(model, 4, 0, wrt_tensor=inside)
        found = visualize_saliency(model, 4, 0, image, wrt_tensor=model.inputs[0])
        np.testing.assert_array_equal(found, visualize_saliency(model, 4, 0, image))

    def test_a_modifier_called_on_a_model(self, model) -> None:
        with pytest.raises(ks.errors.ParameterError, match="backprop_modifier='guided'"):
            backprop_modifiers.guided(model)


# ---- losses --------------------------------------------------------------------------------------


class Symbolic(losses.Loss):
    """As in keras-vis: an expression of what a layer returns."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        self.name = "Symbolic Loss"
        self.layer = layer

    def build_loss(self):
        return -ops.mean(self.layer.output[..., 1]) - ops.mean(self.layer.output[..., 2])


class TestLosses:
    def test_the_built_in_loss_is_the_built_in_map(self, model, image) -> None:
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], [1, 2]), -1)]
        np.testing.assert_allclose(
            visualize_saliency_with_losses(model.inputs[0], pairs, image),
            visualize_saliency(model, HEAD, [1, 2], image),
            atol=CLOSE,
        )
        np.testing.assert_allclose(
            visualize_cam_with_losses(model.inputs, pairs, image, model.get_layer("first")),
            visualize_cam(model, HEAD, [1, 2], image, penultimate_layer_idx=0),
            atol=CLOSE,
        )

    def test_a_symbolic_loss(self, model, image) -> None:
        layer = model.get_layer("second")
        for own, built_in in [
            (Symbolic(layer), losses.ActivationMaximization(layer, [1, 2])),
            (Symbolic(layer), losses.ActivationMaximization(layer, (1, 2)).build_loss),
        ]:
            expected = (
                [(built_in, -2.0)] if isinstance(built_in, losses.Loss) else [(_Returns(built_in()), -2.0)]
            )
            np.testing.assert_allclose(
                visualize_saliency_with_losses(model.inputs[0], [(own, -2.0)], image, grad_modifier=None),
                visualize_saliency_with_losses(model.inputs[0], expected, image, grad_modifier=None),
                atol=CLOSE,
            )

    def test_a_function_of_the_image(self, model, image) -> None:
        found = visualize_saliency_with_losses(
            model.inputs[0],
            [(lambda images: ops.sum(images**2, axis=(1, 2, 3)), 0.5)],
            image,
            grad_modifier=None,
            keepdims=True,
        )
        np.testing.assert_allclose(found, stretched(image), atol=CLOSE)  # the gradient of x^2 / 2 is x

    def test_regularizers_by_hand(self) -> None:
        images = np.zeros((1, 2, 2, 1), "float32")
        images[0, 0, 0, 0] = 127.5
        tensor = ops.convert_to_tensor(images)
        variation = regularizers.TotalVariation().build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(variation), [0.5])
        norm = regularizers.LPNorm(p=2.0).build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(norm), [0.5], rtol=1e-6)
        norm = regularizers.LPNorm(p=float("inf")).build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(norm), [1.0])
        for p in (2.0, float("inf")):
            norm, alone = (
                regularizers.LPNorm(p=p).penalty((0, 255), weight)(tensor) for weight in (3.0, 1.0)
            )
            np.testing.assert_allclose(ops.convert_to_numpy(norm), 3 * ops.convert_to_numpy(alone), rtol=1e-6)
        with pytest.raises(ValueError, match="at least 1"):
            regularizers.LPNorm(p=0.5)

    def test_errors(self, model, image) -> None:
        loss = losses.ActivationMaximization(model.layers[HEAD], 0)
        with pytest.raises(ks.errors.ParameterError, match="at least one loss"):
            visualize_saliency_with_losses(model.inputs[0], [(loss, 0)], image)
        with pytest.raises(ks.errors.ParameterError, match="build_loss"):
            visualize_saliency_with_losses(model.inputs[0], [(_Returns(3), 1)], image)
        with pytest.raises(NotImplementedError, match="build_loss"):
            visualize_saliency_with_losses(model.inputs[0], [(losses.Loss(), 1)], image)
        other = network()
        with pytest.raises(ks.errors.ModelError, match="input tensor"):
            visualize_saliency_with_losses(other.inputs[0], [(loss, 1)], image)
        with pytest.raises(ks.errors.TargetError, match="from 0 to 3"):
            visualize_saliency_with_losses(
                model.inputs[0], [(losses.ActivationMaximization(model.layers[HEAD], 9), 1)], image
            )
        assert str(loss) == "ActivationMax Loss"


class _Returns(losses.Loss):
    def __init__(self, built) -> None:
        super().__init__()
        self.built = built

    def build_loss(self):
        return self.built


# ---- maximisation --------------------------------------------------------------------------------


class Watcher(callbacks.OptimizerCallback):
    def __init__(self) -> None:
        self.steps: list[tuple] = []
        self.ended = 0

    def callback(self, i, named_losses, overall_loss, grads, wrt_value) -> None:
        self.steps.append((i, dict(named_losses), overall_loss, grads, wrt_value))

    def on_end(self) -> None:
        self.ended += 1


class Half(input_modifiers.InputModifier):
    def pre(self, inp):
        return inp / 2

    def post(self, inp):
        return inp * 2


class TestActivation:
    def test_raises_the_score(self, model) -> None:
        found = visualize_activation(
            model, HEAD, 1, input_range=(0.0, 1.0), lp_norm_weight=0, tv_weight=None, max_iter=40
        )
        assert (found.shape, found.dtype) == ((8, 8, 2), np.float32)
        exact = ks.Maximize(
            steps=40,
            input_range=(0, 1),
            parametrization="pixels",
            penalties=(),
            transforms=ks.Transforms(jitter=0, scale=1),
        )(model, 1)
        np.testing.assert_allclose(found, utils.deprocess_input(exact.images[0], (0, 1)), atol=1e-4)
        grey = ks.Probe(model).scores(np.full((1, 8, 8, 2), 0.5), target=1)
        assert exact.scores[0] > grey[0] + 0.1

    def test_whole_numbers_give_bytes(self, model) -> None:
        found = visualize_activation(model, HEAD, 1, max_iter=2)
        assert (found.shape, found.dtype) == ((8, 8, 2), np.uint8)

    @pytest.mark.parametrize("ends", [(0, 1), (-1, 1), (0, 256)])
    @pytest.mark.parametrize("options", [{}, {"grad_modifier": "negate"}], ids=["plain", "stepped"])
    def test_whole_numbers_that_bytes_cannot_show_give_floats(self, model, ends, options) -> None:
        found = visualize_activation(model, HEAD, 1, input_range=ends, max_iter=2, **options)
        assert found.dtype == np.float32
        assert ends[0] <= found.min() < found.max() <= ends[1]
        assert found.std() > 0

    def test_a_picture_beside_numbers(self, image) -> None:
        numbers, picture = keras.Input((4,), name="numbers"), keras.Input((8, 8, 2), name="picture")
        hidden = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(picture))
        outputs = keras.layers.Dense(2)(keras.layers.Concatenate()([numbers, hidden]))
        model = keras.Model([numbers, picture], outputs)
        seeds = [np.ones(4, "float32"), image]
        run = {"seed_input": seeds, "input_range": (0, 1), "max_iter": 2}
        # Both ways: Jitter takes its size, and the regularizers their values, from the picture.
        for more in ([], [Half()]):
            found = visualize_activation(
                model, HEAD, 1, input_modifiers=[input_modifiers.Jitter((1, 2)), *more], **run
            )
            assert found.shape == (8, 8, 2)
            assert found.std() > 0
        pairs = [(regularizers.LPNorm(p=2.0), 1)]
        gradient = Optimizer(model.inputs, pairs, (0, 1), norm_grads=False).minimize(
            seeds, max_iter=1, verbose=False
        )[1]
        # The derivative of 2 rms(x) is 2 x / (N rms(x)).
        expected = 2 * image / (image.size * np.sqrt(np.mean(image**2)))
        np.testing.assert_allclose(gradient[0], expected, rtol=1e-4)

    def test_negative_weights_are_stepped(self, model) -> None:
        found = visualize_activation(model, HEAD, 1, input_range=(0, 1), max_iter=2, tv_weight=-1)
        assert found.std() > 0

    @pytest.mark.parametrize("jitter", [0.7, 7, (0.1, 0.7)])
    def test_a_jitter_of_more_than_half(self, model, jitter) -> None:
        found = visualize_activation(
            model, HEAD, 1, input_range=(0, 1), max_iter=2, input_modifiers=[input_modifiers.Jitter(jitter)]
        )
        assert found.std() > 0

    @pytest.mark.parametrize("jitter", [(0.1, 0.2, 0.3), (1, 2, 3)])
    def test_a_jitter_of_too_many_axes(self, model, jitter) -> None:
        with pytest.raises(ks.errors.ParameterError, match="2 spatial axes"):
            visualize_activation(model, HEAD, 1, input_modifiers=[input_modifiers.Jitter(jitter)])

    def test_an_open_size(self) -> None:
        inputs = keras.Input((None, None, 1))
        outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
        model = keras.Model(inputs, outputs)
        run = {"input_range": (0, 1), "max_iter": 2, "input_modifiers": [input_modifiers.Jitter(2)]}
        with pytest.raises(ks.errors.InputError, match="seed_input must be given"):
            visualize_activation(model, HEAD, 1, **run)
        seed = np.random.default_rng(0).random((9, 7, 1))
        found = visualize_activation(model, HEAD, 1, seed_input=seed, **run)
        assert found.shape == (9, 7, 1)
        assert found.std() > 0

    @pytest.mark.parametrize(
        "options",
        [
            {"seed_input": np.random.default_rng(2).random((8, 8, 2))},
            {"wrt_tensor": "input"},
            {"filter_indices": [0, 2]},
            {"filter_indices": None},
            {"act_max_weight": 0},
            {"act_max_weight": 3.0, "lp_norm_weight": 1, "tv_weight": 0},
            {"input_modifiers": [input_modifiers.Jitter()]},
            {"input_modifiers": [input_modifiers.Jitter(2)]},
            {"input_modifiers": [Half(), input_modifiers.Jitter((1, 2))]},
            {"grad_modifier": "absolute"},
            {"grad_modifier": lambda grads: grads * 2},
            {"backprop_modifier": "guided"},
            {"backprop_modifier": "rectified"},
            {"callbacks": [Watcher()]},
        ],
        ids=lambda options: ", ".join(options),
    )
    def test_options_run(self, model, options) -> None:
        if "wrt_tensor" in options:
            options = {"wrt_tensor": model.inputs[0]}
        found = visualize_activation(
            model, HEAD, **{"filter_indices": 1, "input_range": (0.0, 1.0), "max_iter": 3, **options}
        )
        assert found.shape == (8, 8, 2)
        assert np.isfinite(found).all()
        assert found.std() > 0

    def test_the_signature_is_that_of_keras_vis(self) -> None:
        parameters = inspect.signature(visualize_activation).parameters
        defaults = {name: value.default for name, value in parameters.items()}
        assert list(defaults)[:5] == ["model", "layer_idx", "filter_indices", "wrt_tensor", "seed_input"]
        expected = {"input_range": (0, 255), "act_max_weight": 1, "lp_norm_weight": 10, "tv_weight": 10}
        assert expected.items() <= defaults.items()

    def test_unknown_options(self, model) -> None:
        with pytest.raises(ks.errors.ParameterError, match="did you mean 'max_iter'"):
            visualize_activation(model, HEAD, 1, max_iters=3)
        with pytest.raises(ks.errors.ParameterError, match="input_range"):
            visualize_activation(model, HEAD, 1, input_range=(1, 0))
        with pytest.raises(ks.errors.ParameterError, match="callbacks"):
            visualize_activation(model, HEAD, 1, callbacks=[print])
        with pytest.raises(ks.errors.ParameterError, match="input_modifiers"):
            visualize_activation(model, HEAD, 1, input_modifiers=[print])
        for steps in (0, 1.5, True):
            with pytest.raises(ks.errors.ParameterError, match="max_iter must be"):
                visualize_activation(model, HEAD, 1, max_iter=steps)

    def test_print_and_gif(self, model, tmp_path, capsys) -> None:
        from PIL import Image

        grey = network(channels=1)
        for name, options in (("plain", {}), ("stepped", {"grad_modifier": "negate"})):
            path = tmp_path / name
            visualize_activation(
                grey,
                HEAD,
                1,
                input_range=(0, 1),
                max_iter=3,
                verbose=True,
                callbacks=[callbacks.GifGenerator(str(path))],
                **options,
            )
            lines = capsys.readouterr().out.splitlines()
            assert len(lines) == 3
            assert lines[0].startswith("Iteration: 1, named_losses: ActivationMax Loss: ")
            assert all(name in lines[2] for name in ("L-6.0 Norm Loss", "TV(2.0) Loss", "overall loss"))
            with Image.open(f"{path}.gif") as animation:
                assert animation.n_frames == 3
                durations = [animation.seek(place) or animation.info["duration"] for place in range(3)]
            assert durations == [50, 50, 50]

    def test_with_losses(self, model, image) -> None:
        found = visualize_activation_with_losses(
            model.inputs[0],
            [(Symbolic(model.get_layer("second")), 1), (regularizers.TotalVariation(model.inputs[0]), 1)],
            seed_input=image,
            input_range=(0.0, 1.0),
            max_iter=3,
        )
        assert found.shape == (8, 8, 2)


class TestOptimizer:
    def test_descends_and_tells_the_callbacks(self, model, image) -> None:
        watcher = Watcher()
        pairs = [
            (losses.ActivationMaximization(model.layers[HEAD], 1), 1),
            (lambda images: ops.mean(images**2, axis=(1, 2, 3)), 2.0),
        ]
        optimizer = Optimizer(model.inputs[0], pairs, input_range=(0.0, 1.0))
        shown, gradient, seen = optimizer.minimize(image, max_iter=12, callbacks=[watcher], verbose=False)
        assert [step[0] for step in watcher.steps] == list(range(12))
        assert watcher.ended == 1
        overall = [step[2] for step in watcher.steps]
        assert overall[-1] < overall[0]
        first = watcher.steps[0]
        score = ks.Probe(model).scores(image[None], target=1)[0]
        np.testing.assert_allclose(first[1]["ActivationMax Loss"], -score, rtol=1e-4)
        np.testing.assert_allclose(first[1]["<lambda>"], 2 * np.mean(image**2), rtol=1e-4)
        np.testing.assert_allclose(first[2], sum(first[1].values()), rtol=1e-4)
        np.testing.assert_allclose(np.sqrt(np.mean(first[3] ** 2)), 1, rtol=1e-3)
        np.testing.assert_array_equal(first[4], image[None])
        np.testing.assert_array_equal(gradient, watcher.steps[-1][3])
        np.testing.assert_array_equal(seen, watcher.steps[-1][4])
        best = watcher.steps[int(np.argmin(overall))][4][0]
        np.testing.assert_allclose(shown, utils.deprocess_input(best, (0, 1)), atol=1e-6)

    def test_a_step_by_hand(self, model, image) -> None:
        watcher = Watcher()
        pairs = [(lambda images: ops.sum(images, axis=(1, 2, 3)), 1)]
        optimizer = Optimizer(model.inputs[0], pairs, input_range=(0.0, 51.0))
        optimizer.minimize(image, max_iter=2, callbacks=[watcher], verbose=False)
        # The gradient is one everywhere: the step is 51 / 255 over the root of 0.05.
        moved = watcher.steps[1][4] - watcher.steps[0][4]
        np.testing.assert_allclose(moved, np.full((1, 8, 8, 2), -0.2 / np.sqrt(0.05)), rtol=1e-4)

    def test_the_raw_gradient(self, model, image) -> None:
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), -1)]
        optimizer = Optimizer(model.inputs[0], pairs, norm_grads=False)
        gradient = optimizer.minimize(image, max_iter=1, grad_modifier="negate", verbose=False)[1]
        np.testing.assert_allclose(gradient, -ks.Probe(model).gradients(image[None], target=1), atol=CLOSE)

    def test_a_modifier_is_handed_channels_last(self) -> None:
        keras.config.set_image_data_format("channels_first")
        try:
            shapes, watcher = [], Watcher()
            model = keras.Sequential(
                [keras.Input((2, 5, 4)), keras.layers.Flatten(), keras.layers.Dense(3, name="head")]
            )
            image = np.random.default_rng(0).random((2, 5, 4)).astype("float32")
            pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), -1)]
            gradient = Optimizer(model.inputs[0], pairs, norm_grads=False).minimize(
                image,
                max_iter=1,
                grad_modifier=lambda grads: shapes.append(grads.shape) or 2 * grads,
                callbacks=[watcher],
                verbose=False,
            )[1]
            expected = ks.Probe(model).gradients(image[None], target=1)
        finally:
            keras.config.set_image_data_format("channels_last")
        assert shapes == [(1, 5, 4, 2)]
        assert gradient.shape == watcher.steps[0][3].shape == (1, 2, 5, 4)
        np.testing.assert_allclose(gradient, 2 * np.moveaxis(expected, -1, 1), rtol=1e-5)

    def test_starts_from_the_same_noise(self, model) -> None:
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), 1)]
        runs = [Optimizer(model.inputs[0], pairs).minimize(max_iter=1, verbose=False) for _ in range(2)]
        np.testing.assert_array_equal(runs[0][2], runs[1][2])
        np.testing.assert_allclose(runs[0][2].mean(), 127.5, rtol=1e-4)

    def test_errors(self, model) -> None:
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), 1)]
        with pytest.raises(ks.errors.ParameterError, match="max_iter"):
            Optimizer(model.inputs[0], pairs).minimize(max_iter=0)
        with pytest.raises(ks.errors.ParameterError, match="input_range"):
            Optimizer(model.inputs[0], pairs, input_range=(1, 1))
        with pytest.raises(ks.errors.ParameterError, match="wrt_tensor"):
            Optimizer(model.inputs[0], pairs, wrt_tensor=model.layers[0].output)

    def test_an_open_size_needs_a_seed(self) -> None:
        inputs = keras.Input((None, None, 1))
        outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
        model = keras.Model(inputs, outputs)
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], 1), 1)]
        with pytest.raises(ks.errors.InputError, match="seed_input"):
            Optimizer(model.inputs[0], pairs).minimize(verbose=False)
        seed = np.random.default_rng(0).random((9, 7, 1))
        assert Optimizer(model.inputs[0], pairs).minimize(seed, max_iter=2, verbose=False)[0].shape == (
            9,
            7,
            1,
        )


class TestGradModifiers:
    @pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
    def test_by_hand(self, kind) -> None:
        grads = np.array([-2.0, 0.0, 4.0], kind)
        expected = {
            "negate": [2, 0, -4],
            "absolute": [2, 0, 4],
            "relu": [0, 0, 4],
            "invert": [-0.5, 1e7, 0.25],
            "small_values": [0.5, 1e7, 0.25],
        }
        assert set(expected) == set(grad_modifiers.NAMES)
        for name, values in expected.items():
            if kind == "float16" and 1e7 in values:
                continue  # beyond its range
            found = grad_modifiers.get(name)(grads)
            assert isinstance(found, np.ndarray)
            assert found.dtype == kind
            np.testing.assert_allclose(found, values, rtol=1e-6)
        np.testing.assert_array_equal(grads, [-2, 0, 4])


@pytest.mark.once
class TestJitter:
    def test_comes_back(self) -> None:
        image = np.arange(2 * 5 * 6, dtype="float32").reshape(1, 5, 6, 2)
        jitter = input_modifiers.Jitter((1, 3))
        shifted = [jitter.pre(image) for _ in range(20)]
        assert any((one != image).any() for one in shifted)
        for one in shifted:
            np.testing.assert_array_equal(np.sort(one.ravel()), image.ravel())
        np.testing.assert_array_equal(jitter.post(jitter.pre(image)), image)

    def test_shares_and_pixels(self) -> None:
        assert input_modifiers.Jitter(0.1).shifts((50, 20)) == (5, 2)
        assert input_modifiers.Jitter((0.1, 3)).shifts((50, 20)) == (5, 3)
        np.testing.assert_allclose(input_modifiers.Jitter(0.05).pixels((8, 10)), [0.4, 0.5])
        with pytest.raises(ks.errors.ParameterError, match="2 spatial axes"):
            input_modifiers.Jitter((1, 1, 1)).shifts((5, 5))
        with pytest.raises(ValueError, match="at least 0"):
            input_modifiers.Jitter(-1)


def test_maps_change_nothing_of_the_model(model, image) -> None:
    weights = [weight.copy() for weight in model.get_weights()]
    before = np.asarray(model.predict(image[None], verbose=0))
    visualize_cam(model, HEAD, 1, image, backprop_modifier="guided")
    visualize_activation(model, HEAD, 1, grad_modifier="relu", max_iter=2)
    np.testing.assert_array_equal(before, model.predict(image[None], verbose=0))
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert "call" not in vars(model.layers[0])


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning")  # one epoch makes a poor reader
def test_the_tutorial(tmp_path, capsys) -> None:
    spec = importlib.util.spec_from_file_location(
        "tutorial", REPOSITORY / "examples" / "keras_vis_tutorial.py"
    )
    tutorial = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tutorial)
    tutorial.main([str(tmp_path / "figures"), "--epochs=1", "--source=package", "--steps=4"])
    written = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert written == ["activation.png", "against.png", "cam.png"]
    assert all(path.stat().st_size > 2000 for path in (tmp_path / "figures").iterdir())
    assert "accuracy" in capsys.readouterr().out
