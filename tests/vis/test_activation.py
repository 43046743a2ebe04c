"""The keras-vis interface: images that excite filters, with every option; and the tutorial."""

from __future__ import annotations

import importlib.util
import inspect

import keras
import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.vis import callbacks, input_modifiers, losses, regularizers
from kerascope.vis.optimizer import Optimizer
from kerascope.vis.utils import utils
from kerascope.vis.visualization import (
    visualize_activation,
    visualize_activation_with_losses,
)
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.vis import CLOSE, HEAD, REPOSITORY, Symbolic, network


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


@pytest.mark.once
@pytest.mark.slow
@FLATTENED
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
