"""The keras-vis interface: helpers and modifiers against hand values."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.vis import grad_modifiers, input_modifiers
from kerascope.vis.utils import utils
from kerascope.vis.visualization import (
    get_num_filters,
    overlay,
)
from tests.helpers.networks.vis import HEAD, network


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
