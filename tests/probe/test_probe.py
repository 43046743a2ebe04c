"""The probe: what it reads, what it counts, and how long it lives."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS, fill, pictures
from tests.helpers.probes import BACKEND


def test_scores_are_those_in_front_of_the_softmax() -> None:
    soft, linear = MODELS["softmax_head"](), MODELS["linear_head"]()
    expected = ops.convert_to_numpy(linear.model(linear.images))
    probe = ks.Probe(soft.model)
    for index in range(3):
        assert_close(probe.scores(soft.images, index), expected[:, index], CLOSE, f"class {index}")
    assert_close(probe.scores(soft.images), expected.max(axis=1), CLOSE, "the predicted class")
    probabilities = ops.convert_to_numpy(soft.model(soft.images))
    assert_close(probe.scores(soft.images, ks.Probability(1)), probabilities[:, 1], CLOSE, "a probability")


def test_log_odds_are_those_of_the_probability() -> None:
    tiny = MODELS["softmax_head"]()
    probe = ks.Probe(tiny.model)
    probabilities = ops.convert_to_numpy(tiny.model(tiny.images)).astype("float64")
    for index in range(3):
        p = probabilities[:, index]
        assert_close(
            probe.scores(tiny.images, ks.LogOdds(index)), np.log(p / (1 - p)), 1e-4, f"class {index}"
        )
    best = probabilities.max(axis=1)
    assert_close(probe.scores(tiny.images, ks.LogOdds()), np.log(best / (1 - best)), 1e-4, "predicted")
    explanation = ks.GradCAM(relu=False)(probe, tiny.images, ks.LogOdds(1))
    assert explanation.targets.tolist() == [1, 1, 1]
    assert np.abs(explanation.values - ks.GradCAM(relu=False)(probe, tiny.images, 1).values).max() > 1e-3


def test_activations_are_what_the_layer_returns() -> None:
    tiny = MODELS["functional"]()
    inner = keras.Model(tiny.model.input, tiny.model.get_layer("conv1").output)
    expected = ops.convert_to_numpy(inner(tiny.images))
    assert_close(ks.Probe(tiny.model).activations(tiny.images, "conv1"), expected, CLOSE, "conv1")
    assert ks.Probe(tiny.model).activations(tiny.images, "head").shape == (3, 3)


def test_gradients_at_the_input_and_at_a_layer() -> None:
    tiny = MODELS["linear_map"]()
    probe = ks.Probe(tiny.model)
    at_layer = np.broadcast_to(tiny.facts["layer_gradients"][2], (2, 8, 8, 4))
    at_input = np.broadcast_to(tiny.facts["gradients"][2], (2, 8, 8, 3))
    assert_close(probe.gradients(tiny.images, 2, layer="mix"), at_layer, 0.0, "at the layer")
    assert_close(probe.gradients(tiny.images, 2), at_input, 0.0, "at the input")
    assert_close(probe.activations(tiny.images), tiny.facts["activations"], CLOSE, "activations")
    assert probe.gradients(tiny.images, ks.Top(2)).shape == (2, 2, 8, 8, 3)


def test_mixed_precision_is_read_in_float32() -> None:
    tiny = MODELS["mixed_float16"]()
    probe = ks.Probe(tiny.model)
    assert probe.activations(tiny.images).dtype == np.float32
    assert probe.gradients(tiny.images, 1, layer="conv2").dtype == np.float32
    assert np.any(probe.gradients(tiny.images, 1))


def test_lists_tensors_and_integers_are_taken_as_images() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    expected = probe.scores(tiny.images, 1)
    for images in (list(tiny.images), ops.convert_to_tensor(tiny.images), tiny.images.astype("float64")):
        assert_close(probe.scores(images, 1), expected, 0.0, type(images).__name__)
    whole = (tiny.images > 0.5).astype("uint8")
    assert_close(probe.scores(whole, 1), probe.scores(whole.astype("float32"), 1), 0.0, "uint8")


def test_an_mlp_on_pictures_without_a_channel_is_explained_in_two_dimensions() -> None:
    # keras.datasets.mnist is (N, 28, 28), and the first network of every course flattens it.
    model = keras.Sequential([keras.Input((8, 6)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    fill(model, 62)
    images = pictures(2, 8, 6)
    result = ks.Saliency()(model, images, 1)
    kernel = model.layers[-1].get_weights()[0]
    expected = np.broadcast_to(kernel[:, 1].reshape(8, 6, 1), (2, 8, 6, 1))
    assert_close(result.values, expected, CLOSE, "values")
    assert result.heatmaps().shape == (2, 8, 6)


@pytest.mark.parametrize("first", ["conv", "recurrent", "normal"])
def test_a_sequence_is_no_picture(first: str) -> None:
    start = {
        "conv": layers.Conv1D(6, 3, padding="same"),
        "recurrent": layers.LSTM(6, return_sequences=True),
        "normal": layers.LayerNormalization(),
    }[first]
    model = keras.Sequential([keras.Input((8, 6)), start, layers.Flatten(), layers.Dense(3)])
    assert ks.Saliency()(model, pictures(2, 8, 6), 1).heatmaps().shape == (2, 8)


def test_a_stream_of_any_length_is_one_trace() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model, batch_size=4)
    images = np.concatenate([tiny.images] * 5)
    whole = ks.GradCAM()(probe, images, 1)
    for count in (15, 13, 9, 5, 4):
        part = ks.GradCAM()(probe, images[:count], 1)
        assert_close(part.values, whole.values[:count], 0.0, f"{count} images")
    assert probe.trace_count == 1
    assert probe.forward_count == probe.backward_count == 15 + 15 + 13 + 9 + 5 + 4


def test_few_images_are_padded_to_a_power_of_two() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    images = np.concatenate([tiny.images] * 2)
    for count, traces in ((6, 1), (5, 1), (3, 2), (4, 2), (1, 3), (6, 3)):
        ks.Saliency()(probe, images[:count], 0)
        assert probe.trace_count == traces, count
    assert probe.forward_count == 6 + 5 + 3 + 4 + 1 + 6


@pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning")
def test_methods_layers_and_kinds_of_target_are_programs_of_their_own_and_classes_are_not() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    signed = ks.GradCAM(relu=False)
    questions: list[tuple[ks.Method, list[Any]]] = [
        (signed, [0, 1, [0, 1, 2], ks.Class(2)]),
        (signed, [None]),
        (signed, [ks.Contrast(0, 1), ks.Contrast(2, 0)]),
        (signed, [ks.Unit("conv2", 0), ks.Unit("conv2", 3)]),
        (signed, [ks.Top(2)]),
        (ks.GradCAM(layer="conv1", relu=False), [0, 1]),
        (ks.Saliency(), [0, 1]),
    ]
    for number, (method, targets) in enumerate([*questions, *questions], start=1):
        for target in targets:
            method(probe, tiny.images, target)
            assert probe.trace_count == min(number, len(questions)), f"{method} of {target}"


def test_several_classes_cost_one_forward() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    ks.GradCAM()(probe, tiny.images, ks.Top(3))
    assert (probe.forward_count, probe.backward_count) == (3, 9)
    probe.scores(tiny.images, ks.Top(3))
    assert (probe.forward_count, probe.backward_count) == (6, 9)


def test_programs_are_kept_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerascope.probe.execute.cache.LIMIT", 2)
    tiny = MODELS["linear"]()
    probe = ks.Probe(tiny.model, compile=False)
    for k in (1, 2, 3, 3, 2, 1):
        probe.scores(tiny.images, ks.Top(k))
    assert probe.trace_count == 4
    assert len(probe._cache._programs) == 2


def test_a_bare_models_probe_lives_and_dies_with_it() -> None:
    tiny = MODELS["nested_fresh"]()
    ks.explain(tiny.model, tiny.images, target=1)
    probe = weakref.ref(ks.Probe.for_model(tiny.model))
    model = weakref.ref(tiny.model)
    again = probe()
    assert again is ks.Probe.for_model(tiny.model)
    del again, tiny
    gc.collect()  # the model
    gc.collect()  # and what its probe was made of
    assert model() is None
    assert probe() is None


def test_a_changed_model_is_compiled_anew() -> None:
    tiny = MODELS["sequential"]()
    before = ks.Saliency()(tiny.model, tiny.images, 1)
    tiny.model.layers[-1].activation = keras.activations.softmax
    after = ks.Saliency()(tiny.model, tiny.images, 1)
    assert ks.Probe.for_model(tiny.model).trace_count == 2
    # The score in front of the new softmax is the one that there was.
    assert_close(after.values, before.values, CLOSE, "values")
    assert np.isfinite(after.probabilities).all()
    assert np.isnan(before.probabilities).all()


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "torch", reason="the other backends compile by themselves")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_torch_compile_is_an_option() -> None:
    tiny = MODELS["functional"]()
    eager = ks.GradCAM()(ks.Probe(tiny.model), tiny.images, 1)
    compiled = ks.GradCAM()(ks.Probe(tiny.model, compile=True), tiny.images, 1)
    assert_close(compiled.values, eager.values, CLOSE, "compiled")


class Branching(keras.Model):
    """A model that looks at its pixels to decide what to do, which PyTorch allows."""

    def __init__(self) -> None:
        super().__init__(name="branching")
        self.conv = layers.Conv2D(4, 3, activation="relu", name="conv")
        self.head = layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        features = self.conv(images)
        features = features if float(ops.mean(images)) > 0 else -features
        return self.head(ops.mean(features, axis=(1, 2)))


@pytest.mark.skipif(BACKEND != "torch", reason="the other backends cannot compile such a model")
def test_a_model_that_branches_on_values_is_surveyed_with_data() -> None:
    model = Branching()
    images = pictures(2, 8, 8, 3)
    model(images)
    fill(model, 63)
    found = ks.GradCAM(relu=False)(model, images, 1)
    assert found.layer == "conv"
    assert not found.flat.any()


def test_a_padded_probe_keeps_the_larger_padding() -> None:
    tiny = MODELS["dynamic_size"]()
    method = ks.SmoothGrad(ks.IntegratedGradients(steps=3), samples=35)
    probe = ks.Probe(tiny.model, batch_size=32)
    method(probe, tiny.images[:1], 1)
    assert probe.trace_count == method.programs


class Looped(keras.Model):
    """A transformer with a class token, and a loop behind it that has no gradient backwards on JAX."""

    def __init__(self, inner: keras.Model) -> None:
        super().__init__()
        self.inner = inner

    def call(self, images: Any) -> Any:
        return ops.while_loop(
            lambda count, values: count < 2,
            lambda count, values: (count + 1, values),
            (0, self.inner(images)),
        )[1]


def test_a_model_without_a_gradient_is_asked_for_scores() -> None:
    tiny = MODELS["transformer_class_token"]()
    model = Looped(tiny.model)
    model(tiny.images)
    probe = ks.Probe(model)
    assert_close(probe.scores(tiny.images, 1), ks.Probe(tiny.model).scores(tiny.images, 1), CLOSE, "scores")
    assert len(probe.layers(tiny.images)) > 1


def test_it_is_known_where_the_model_lies() -> None:
    """Tests run on the processor; a variable of an accelerator says otherwise."""
    assert ks.Probe(MODELS["functional"]().model).on_host
