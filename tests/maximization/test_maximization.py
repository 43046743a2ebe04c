"""Activation maximisation: what comes out of it, for every target and input, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import errors
from kerascope.maximization.ascent import gram_similarity
from kerascope.testing.checks.effects import snapshot
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS
from tests.helpers.expected_warnings import warned
from tests.helpers.maximization import BACKEND, STILL, maximize
from tests.helpers.networks.smooth import residual


def test_scores_are_exactly_those_of_the_images_and_rise() -> None:
    tiny = MODELS["softmax_head"]()
    probe = ks.Probe(tiny.model, class_names=["tench", "tabby", "teapot"])
    found = ks.maximize(probe, ["tabby", 2], steps=40, input_range=(-1, 1), transforms=ks.Transforms(0.05))
    assert found.images.shape == (2, 8, 16, 3)
    assert found.images.dtype == np.float32
    assert_close(found.scores, probe.scores(found.images, [1, 2]), 0.0, "scores")
    assert np.array_equal(found.scores, found.snapshot_scores.max(axis=0))
    outputs = ops.convert_to_numpy(tiny.model(found.images))
    assert_close(found.probabilities, outputs[[0, 1], [1, 2]], CLOSE, "probabilities")
    assert found.titles == ("tabby", "teapot")
    assert found.targets.tolist() == [1, 2]
    grey = probe.scores(np.zeros((2, 8, 16, 3)), [1, 2])
    assert (found.scores > grey + 0.5).all(), f"{found.scores} for {grey} of grey"
    assert np.abs(found.images).max() <= 1
    assert found.history.shape == (40, 2)
    assert found.frames.shape == (14, 2, 8, 16, 3)
    assert found.snapshots.tolist() == [*range(3, 40, 3), 40]
    assert found.pictures().shape == (2, 8, 16, 3)
    assert not found.warnings


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    # Without a corner, on either side of which it might come to lie by a rounding.
    model = MODELS["smooth_functional"]().model
    together = maximize(model, [0, 1, 2])
    alone = maximize(model, 2)
    one_by_one = maximize(ks.Probe(model, batch_size=1), [0, 1, 2])
    padded = maximize(ks.Probe(model, batch_size=2), [0, 1, 2])
    assert_close(together.images[2:], alone.images, 1e-4, "alone")
    assert_close(one_by_one.images, together.images, 1e-4, "one by one")
    assert_close(padded.images, together.images, 1e-4, "with padding")
    assert padded.titles == together.titles


def test_seeds_and_copies() -> None:
    model = MODELS["smooth_functional"]().model
    first, again = (maximize(model, 1, copies=2) for _ in range(2))
    assert first.images.tobytes() == again.images.tobytes()
    assert first.titles == ("class 1", "class 1")
    assert np.abs(first.images[0] - first.images[1]).max() > 0.01, "copies begin differently"
    assert np.abs(maximize(model, 1, seed=1).images - first.images[:1]).max() > 0.01
    assert_close(maximize(model, 1).images, first.images[:1], 1e-4, "the first copy")


def test_diversity_makes_copies_less_alike() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    kin = ops.convert_to_tensor(np.array([[0, 1], [1, 0]], "float32"))
    alike = []
    for weight in (0.0, 50.0):
        found = maximize(probe, 1, copies=2, steps=60, diversity=weight)
        activations = ops.convert_to_tensor(probe.activations(found.images))
        alike.append(float(ops.convert_to_numpy(gram_similarity(activations, kin))[0]))
    assert alike[1] < alike[0] - 0.05, f"likeness {alike}"


def test_padding_does_not_count_among_copies() -> None:
    model = MODELS["smooth_functional"]().model
    three = keras.Input(batch_shape=(3, *model.input_shape[1:]))
    free = maximize(model, 1, copies=2, diversity=5.0)
    padded = maximize(keras.Model(three, model(three)), 1, copies=2, diversity=5.0)
    assert_close(padded.images, free.images, 1e-4, "with padding")


def test_targets_of_every_kind() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    found = maximize(probe, ks.Unit("conv2", channel=range(6)))
    assert found.titles == tuple(f"channel {channel} of conv2" for channel in range(6))
    expected = probe.activations(found.images, "conv2").mean(axis=(1, 2)).diagonal()
    assert_close(found.scores, expected, CLOSE, "channels")
    neuron = maximize(probe, ks.Unit("conv2", channel=3, position=(2, 5)))
    assert_close(neuron.scores, probe.activations(neuron.images, "conv2")[:, 2, 5, 3], CLOSE, "neuron")
    assert np.isnan(neuron.probabilities).all()
    layer = maximize(probe, ks.Unit("conv1"))
    assert_close(layer.scores, probe.activations(layer.images, "conv1").mean(axis=(1, 2, 3)), CLOSE, "layer")
    mixed = [2, ks.Contrast(0, 1), lambda scores: scores[:, 0] + scores[:, 2], ks.Unit("conv1", channel=1), 0]
    several = maximize(probe, mixed)
    scores = np.stack([probe.scores(several.images, index) for index in range(3)], axis=1)
    assert several.targets.tolist() == [2, -1, -1, -1, 0]
    assert_close(several.scores[[0, 4]], scores[[0, 4], [2, 0]], CLOSE, "classes among others")
    assert_close(several.scores[1], scores[1, 0] - scores[1, 1], CLOSE, "contrast")
    assert_close(several.scores[2], scores[2, 0] + scores[2, 2], CLOSE, "function")
    for numbers in (np.array([2, 0]), ks.Class(np.array([2, 0])), ks.Class((2, 0))):
        assert maximize(probe, numbers).targets.tolist() == [2, 0]
    odds = maximize(probe, ks.LogOdds(range(3)))
    assert_close(odds.scores, probe.scores(odds.images, ks.LogOdds([0, 1, 2])), CLOSE, "log-odds")
    assert odds.targets.tolist() == [0, 1, 2]
    output = MODELS["dict_output"]()
    assert len(maximize(output.model, ks.Output(0, 1))) == 1


@pytest.mark.parametrize("name", ["conv1d", "conv3d", "grey", "dynamic_size", "fixed_batch", "mixed_float16"])
def test_inputs_of_every_kind(name: str) -> None:
    tiny = MODELS[name]()
    size = (8, 16) if name == "dynamic_size" else None
    probe = ks.Probe(tiny.model)
    found = maximize(probe, [0, 1], size=size, steps=8, learning_rate=0.2)
    assert found.images.shape[1:] == tiny.images.shape[1:]
    assert (found.history[-1] > found.history[0]).all(), found.history
    assert_close(found.scores, probe.scores(found.images, [0, 1]), 1e-3, "scores")
    if name == "conv1d":
        assert found.plot().axes
    elif name == "conv3d":
        with pytest.raises(errors.ExplanationError, match="volumes"):
            found.plot()


@pytest.mark.skipif(BACKEND == "tensorflow", reason="no channels-first convolutions on a CPU")
def test_channels_first() -> None:
    last, _ = residual()
    keras.config.set_image_data_format("channels_first")
    try:
        first, _ = residual()
    finally:
        keras.config.set_image_data_format("channels_last")
    found, expected = maximize(first, 1), maximize(last, 1)
    assert found.images.shape == (1, 3, 12, 16)
    assert_close(np.moveaxis(found.images, 1, -1), expected.images, 1e-4, "images")
    assert np.abs(found.frames.astype(int) - expected.frames).max() <= 1


def test_of_several_inputs_one_is_maximised_and_the_others_stay() -> None:
    tiny = MODELS["dict_input"]()
    probe = ks.Probe(tiny.model)
    with pytest.raises(errors.InputError, match="start"):
        maximize(probe, 1)
    start = {name: array[:1] for name, array in tiny.images.items()}
    found = maximize(probe, [0, 1], start=start)
    others = {name: np.repeat(array, 2, axis=0) for name, array in start.items()}
    assert_close(found.scores, probe.scores(others | {"image": found.images}, [0, 1]), CLOSE, "scores")


def test_it_begins_where_it_is_told() -> None:
    tiny = MODELS["functional"]()
    start = np.random.default_rng(0).uniform(0.1, 0.9, (2, 8, 16, 3))
    found = maximize(tiny.model, [0, 1], start=start, steps=1, learning_rate=1e-9)
    assert_close(found.images, start, 1e-4, "two beginnings")
    found = maximize(
        tiny.model, [0, 1], start=start[:1], steps=1, learning_rate=1e-9, parametrization="fourier"
    )
    assert_close(found.images, np.repeat(start[:1], 2, axis=0), 1e-3, "one beginning")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (layers.Rescaling(1 / 255), (0, 255)),
        (layers.Rescaling(1 / 127.5, -1), (0, 255)),
        (layers.Rescaling(2.0, -1.0), (0, 1)),
        (layers.Normalization(mean=[123.7, 116.3, 103.5], variance=[3400, 3300, 3300]), (0, 255)),
        ([layers.Resizing(6, 6), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.ZeroPadding2D(1), layers.RandomFlip(), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.Dropout(0.1), layers.Conv2D(2, 1), layers.Rescaling(1 / 255)], None),
        (layers.Rescaling(7.0), None),
        (layers.Normalization(mean=[0.5] * 3, variance=[0.1] * 3), None),
    ],
)
def test_the_range_is_that_of_the_models_own_preprocessing(first: Any, expected: Any) -> None:
    before = first if isinstance(first, list) else [first]
    model = keras.Sequential([keras.Input((8, 8, 3)), *before, layers.Flatten(), layers.Dense(2)])
    if expected is None:
        with warned(errors.RangeWarning, "input_range"):
            found = maximize(model, 0, input_range=None)
        assert found.input_range == (0, 1)
        assert found.warnings[0].startswith("RangeWarning")
    else:
        found = maximize(model, 0, input_range=None)
        assert found.input_range == expected
    assert found.images.min() >= found.input_range[0]
    assert found.images.max() <= found.input_range[1]


def test_a_range_per_channel() -> None:
    tiny = MODELS["linear"]()
    low, high = (-100.0, -110.0, -120.0), (150.0, 140.0, 130.0)
    found = maximize(tiny.model, 0, input_range=(low, high), steps=200, learning_rate=0.5, transforms=STILL)
    assert (found.images >= low).all()
    assert (found.images <= high).all()
    assert (found.images.max(axis=(0, 1, 2)) > np.array(high) - 1).all(), "the whole range is used"
    assert found.input_range == (low, high)


def test_one_trace_and_the_declared_passes() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    maximize(probe, [0, 1], steps=6, snapshots=3)
    assert probe.trace_count == 2, "one step, one exact score"
    assert probe.forward_count == 2 * (6 + 3)
    assert probe.backward_count == 2 * 6
    maximize(probe, [2, 0], steps=9, learning_rate=0.1, seed=4, input_range=(0, 255))
    assert probe.trace_count == 2, "other classes, rates, seeds and ranges compile nothing"


def test_nothing_of_the_model_changes() -> None:
    tiny = MODELS["normalised"]()
    tiny.model.compile(optimizer="sgd", loss="mse")
    tiny.model(tiny.images)
    before = snapshot(tiny.model)
    generator = np.random.get_state()[1].tobytes()  # noqa: NPY002
    maximize(tiny.model, [0, 1], input_range=(0, 255))
    assert snapshot(tiny.model) == before
    assert np.random.get_state()[1].tobytes() == generator  # noqa: NPY002


def test_eight_images_are_one_batch() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    seen: list[Any] = []
    maximize(probe, [0, 1, 2, 0], copies=2, callbacks=[lambda at: seen.append(at.scores.shape)])
    assert seen == [(8,)] * 4, "four steps, each of all eight images"
    assert probe.trace_count == 2


def test_callbacks_see_every_step() -> None:
    tiny = MODELS["functional"]()
    seen: list[Any] = []
    found = maximize(tiny.model, 1, callbacks=[lambda at: seen.append((at.step, at.scores, at.images()))])
    assert [step for step, *_ in seen] == [1, 2, 3, 4]
    assert np.array_equal(np.stack([scores for _, scores, _ in seen]), found.history)
    assert_close(seen[-1][2], found.images, CLOSE, "the last image")


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    maximize(MODELS["functional"]().model, 1, progress=True)
    assert "4/4" in capsys.readouterr().out
    maximize(MODELS["functional"]().model, 1)
    assert not capsys.readouterr().out, "a pipe sees nothing"


def test_sheet_and_animation(tmp_path: Path) -> None:
    from PIL import Image

    found = maximize(MODELS["functional"]().model, [0, 1, 2], snapshots=4)
    assert len(found.plot().axes) == 3
    assert found._repr_png_().startswith(b"\x89PNG")
    with Image.open(found.save_gif(tmp_path / "run.gif")) as gif:
        assert (gif.n_frames, gif.size) == (4, (48, 8))
    with Image.open(found.save_gif(tmp_path / "one.gif", image=1)) as gif:
        assert gif.size == (16, 8)


def test_a_configuration_is_a_value() -> None:
    one = ks.Maximize(steps=3, penalties=[ks.LPNorm(1.0)])
    assert one == ks.Maximize(steps=3, penalties=(ks.LPNorm(1.0),))
    assert hash(one) == hash(ks.Maximize(steps=3, penalties=(ks.LPNorm(1.0),)))
    names = {name: getattr(ks, name) for name in ("Maximize", "LPNorm", "Transforms")}
    assert eval(repr(one), names) == one


@pytest.mark.once
@pytest.mark.slow
def test_a_photograph_classifier_is_convinced() -> None:
    """Optimised with transforms, judged without: more than 0.9, on every class tried."""
    from examples.efficientnet_lite.class_names import class_names
    from examples.efficientnet_lite.model import efficientnet_lite0

    probe = ks.Probe(efficientnet_lite0(), class_names=class_names())
    found = ks.maximize(probe, ["strawberry", "zebra"], steps=96, snapshots=3, input_range=(-127 / 128, 1))
    assert not found.warnings
    assert (found.probabilities > 0.9).all(), found.probabilities
    assert found.images.min() >= -127 / 128
    assert found.images.max() <= 1
