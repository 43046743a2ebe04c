"""The probe: what it reads, what it counts, which layer and head it finds, and how long it lives."""

from __future__ import annotations

import gc
import os
import weakref
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe.record import survey
from kerascope.testing.bench import CLOSE, same
from kerascope.testing.models import MODELS, pictures

BACKEND = os.environ["KERAS_BACKEND"]


def picked(model: keras.Model, images: Any) -> str | None:
    """The layer that is taken when none is named."""
    automatic = [row.path for row in ks.Probe(model).layers(images) if row.automatic]
    assert len(automatic) <= 1
    return automatic[0] if automatic else None


# What it reads


def test_scores_are_those_in_front_of_the_softmax() -> None:
    soft, linear = MODELS["softmax_head"](), MODELS["linear_head"]()
    expected = ops.convert_to_numpy(linear.model(linear.images))
    probe = ks.Probe(soft.model)
    for index in range(3):
        same(probe.scores(soft.images, index), expected[:, index], CLOSE, f"class {index}")
    same(probe.scores(soft.images), expected.max(axis=1), CLOSE, "the predicted class")
    probabilities = ops.convert_to_numpy(soft.model(soft.images))
    same(probe.scores(soft.images, ks.Probability(1)), probabilities[:, 1], CLOSE, "a probability")


def test_log_odds_are_those_of_the_probability() -> None:
    tiny = MODELS["softmax_head"]()
    probe = ks.Probe(tiny.model)
    probabilities = ops.convert_to_numpy(tiny.model(tiny.images)).astype("float64")
    for index in range(3):
        p = probabilities[:, index]
        same(probe.scores(tiny.images, ks.LogOdds(index)), np.log(p / (1 - p)), 1e-4, f"class {index}")
    best = probabilities.max(axis=1)
    same(probe.scores(tiny.images, ks.LogOdds()), np.log(best / (1 - best)), 1e-4, "predicted")
    explanation = ks.GradCAM(relu=False)(probe, tiny.images, ks.LogOdds(1))
    assert explanation.targets.tolist() == [1, 1, 1]
    assert np.abs(explanation.values - ks.GradCAM(relu=False)(probe, tiny.images, 1).values).max() > 1e-3
    # Where there is one output, its score is the log-odds.
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    row = np.ones((1, 4), "float32")
    p = ops.convert_to_numpy(model(row))[:, 0]
    same(ks.Probe(model).scores(row, ks.LogOdds(0)), np.log(p / (1 - p)), 1e-4, "one output")


def test_activations_are_what_the_layer_returns() -> None:
    tiny = MODELS["functional"]()
    inner = keras.Model(tiny.model.input, tiny.model.get_layer("conv1").output)
    expected = ops.convert_to_numpy(inner(tiny.images))
    same(ks.Probe(tiny.model).activations(tiny.images, "conv1"), expected, CLOSE, "conv1")
    assert ks.Probe(tiny.model).activations(tiny.images, "head").shape == (3, 3)


def test_gradients_at_the_input_and_at_a_layer() -> None:
    tiny = MODELS["linear_map"]()
    probe = ks.Probe(tiny.model)
    at_layer = np.broadcast_to(tiny.facts["layer_gradients"][2], (2, 8, 8, 4))
    at_input = np.broadcast_to(tiny.facts["gradients"][2], (2, 8, 8, 3))
    same(probe.gradients(tiny.images, 2, layer="mix"), at_layer, 0.0, "at the layer")
    same(probe.gradients(tiny.images, 2), at_input, 0.0, "at the input")
    same(probe.activations(tiny.images), tiny.facts["activations"], CLOSE, "activations")
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
        same(probe.scores(images, 1), expected, 0.0, type(images).__name__)
    whole = (tiny.images > 0.5).astype("uint8")
    same(probe.scores(whole, 1), probe.scores(whole.astype("float32"), 1), 0.0, "uint8")


def test_an_mlp_on_pictures_without_a_channel_is_explained_in_two_dimensions() -> None:
    # keras.datasets.mnist is (N, 28, 28), and the first network of every course flattens it.
    model = keras.Sequential([keras.Input((8, 6)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    images = pictures(2, 8, 6)
    result = ks.Saliency()(model, images, 1)
    kernel = model.layers[-1].get_weights()[0]
    expected = np.broadcast_to(kernel[:, 1].reshape(8, 6, 1), (2, 8, 6, 1))
    same(result.values, expected, CLOSE, "values")
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


# What it counts


def test_a_stream_of_any_length_is_one_trace() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model, batch_size=4)
    images = np.concatenate([tiny.images] * 5)
    whole = ks.GradCAM()(probe, images, 1)
    for count in (15, 13, 9, 5, 4):
        part = ks.GradCAM()(probe, images[:count], 1)
        same(part.values, whole.values[:count], 0.0, f"{count} images")
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
    monkeypatch.setattr("kerascope.probe.kept.LIMIT", 2)
    tiny = MODELS["linear"]()
    probe = ks.Probe(tiny.model, compile=False)
    for k in (1, 2, 3, 3, 2, 1):
        probe.scores(tiny.images, ks.Top(k))
    assert probe.trace_count == 4
    assert len(probe._kept._programs) == 2


def test_a_bare_models_probe_lives_and_dies_with_it() -> None:
    tiny = MODELS["nested_fresh"]()
    ks.explain(tiny.model, tiny.images, target=1)
    probe = weakref.ref(ks.Probe.attached(tiny.model))
    model = weakref.ref(tiny.model)
    again = probe()
    assert again is ks.Probe.attached(tiny.model)
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
    assert ks.Probe.attached(tiny.model).trace_count == 2
    # The score in front of the new softmax is the one that there was.
    same(after.values, before.values, CLOSE, "values")
    assert np.isfinite(after.probabilities).all()
    assert np.isnan(before.probabilities).all()


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "torch", reason="the other backends compile by themselves")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_torch_compile_is_an_option() -> None:
    tiny = MODELS["functional"]()
    eager = ks.GradCAM()(ks.Probe(tiny.model), tiny.images, 1)
    compiled = ks.GradCAM()(ks.Probe(tiny.model, compile=True), tiny.images, 1)
    same(compiled.values, eager.values, CLOSE, "compiled")


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
    found = ks.GradCAM(relu=False)(model, images, 1)
    assert found.layer == "conv"
    assert not found.flat.any()


# What a compiled program cannot see


class Scaled(keras.Model):
    """A model that reads a plain Python attribute."""

    def __init__(self) -> None:
        super().__init__(name="scaled")
        self.temperature = 1.0
        self.head = layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(images, axis=(1, 2))) * self.temperature


def test_what_is_no_weight_is_seen_too() -> None:
    images = pictures(2, 8, 8, 3)
    model = Scaled()
    model(images)
    probe = ks.Probe(model)
    before = probe.scores(images, 1)
    model.temperature = 4.0
    same(probe.scores(images, 1), 4 * before, CLOSE, "an attribute that call reads")

    normal = layers.Normalization()
    normal.adapt(images)
    model = keras.Sequential([keras.Input((8, 8, 3)), normal, layers.Flatten(), layers.Dense(3)])
    probe = ks.Probe(model)
    probe.scores(images, 1)
    normal.adapt(images * 3 + 1)
    expected = ops.convert_to_numpy(model(images))[:, 1]
    same(probe.scores(images, 1), expected, CLOSE, "statistics of a Normalization")
    traced = probe.trace_count
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((2, 3)), verbose=0)
    probe.scores(images, 1)
    assert probe.trace_count == traced, "training must not cost a trace"


class AnyDict(keras.Model):
    """A subclassed model that takes dictionaries with different keys."""

    def __init__(self) -> None:
        super().__init__(name="any_dict")
        self.head = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        mask = inputs.get("mask", 1.0)
        return self.head(ops.mean(inputs["image"] * mask + inputs.get("offset", 0.0), axis=(1, 2)))


def test_other_input_names_are_another_program() -> None:
    images, other = pictures(2, 8, 8, 3), pictures(2, 8, 8, 3, seed=1)
    model = AnyDict()
    model({"image": images})
    probe = ks.Probe(model, input="image")
    for name in ("mask", "offset"):
        expected = ops.convert_to_numpy(model({"image": images, name: other}))[:, 1]
        same(probe.scores({"image": images, name: other}, 1), expected, CLOSE, name)


class Careless(keras.Model):
    """A model whose call takes no `training`, with a layer that would train by default."""

    def __init__(self) -> None:
        super().__init__(name="careless")
        self.normal = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5)
        self.draw = layers.GaussianNoise(1.0)
        self.head = layers.Dense(3)

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(self.draw(self.drop(self.normal(images))), axis=(1, 2)))


def test_inference_mode_reaches_layers_of_a_call_without_training() -> None:
    images = pictures(2, 8, 8, 3)
    model = Careless()
    model(images)
    expected = ops.convert_to_numpy(model(images, training=False))[:, 1]
    same(ks.Probe(model).scores(images, 1), expected, CLOSE, "scores")


class Draws(keras.Model):
    """A model that draws from Keras's global generator."""

    def __init__(self) -> None:
        super().__init__(name="draws")
        self.head = layers.Dense(3)

    def call(self, images: Any) -> Any:
        noise = keras.random.normal((1, 1, 1, 3), seed=3)
        return self.head(ops.mean(images + noise, axis=(1, 2)))


def test_a_survey_leaves_the_global_generator_usable() -> None:
    images = pictures(2, 8, 8, 3)
    model = Draws()
    model(images)
    ks.Saliency()(model, images, 1)
    assert np.isfinite(ops.convert_to_numpy(keras.random.normal((2,)))).all()
    assert np.isfinite(ops.convert_to_numpy(model(images))).all()


def test_kinds_of_units_are_programs_of_their_own() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    one = probe.scores(tiny.images, ks.Unit("conv2", 2))
    several = probe.scores(tiny.images, ks.Unit("conv2", [2]))
    assert one.shape == (3,)
    same(several, one[:, None], 0.0, "a channel in a list")
    head = ops.convert_to_numpy(tiny.model(tiny.images))
    same(probe.scores(tiny.images, ks.Unit("head", 1)), head[:, 1], CLOSE, "a unit without spatial axes")
    for unit in ({"channel": 3}, {"channel": -1}):
        with pytest.raises(ks.errors.TargetError, match="from 0 to 2"):
            probe.scores(tiny.images, ks.Unit("head", **unit))
    for channel in (1.7, (), True):
        with pytest.raises(ks.errors.TargetError, match="whole number"):
            ks.Unit("head", channel)  # type: ignore[arg-type]
    assert ks.Unit("conv2", 1, position=[2, 3]).position == (2, 3)  # type: ignore[arg-type]


def test_a_unit_of_a_model_with_several_outputs_and_a_contrast_of_kinds() -> None:
    tiny = MODELS["dict_output"]()
    probe = ks.Probe(tiny.model)
    unit = probe.scores(tiny.images, ks.Unit("conv", 1))
    same(probe.scores(tiny.images, ks.Output("shape", ks.Unit("conv", 1))), unit, 0.0, "a unit of an output")
    other = MODELS["functional"]()
    probe = ks.Probe(other.model)
    scores = probe.scores(other.images, 1)
    mean = probe.scores(other.images, ks.Unit("conv1", 0))
    mixed = ks.GradCAM(relu=False)(probe, other.images, ks.Contrast(1, ks.Unit("conv1", 0)))
    same(mixed.scores, scores - mean, CLOSE, "scores")
    assert mixed.layer == "conv2", "the class comes later than the unit"
    assert mixed.title(0) == "class 1 rather than channel 0 of conv1"
    with pytest.raises(ks.errors.TargetError, match=r"\[2, 3\]"):
        probe.scores(other.images, ks.Contrast(ks.Top(2), ks.Top(3)))


# Which layer it takes


def test_the_table_of_layers() -> None:
    tiny = MODELS["nested_fresh"]()
    rows = {row.path: row for row in ks.Probe(tiny.model).layers()}
    assert list(rows)[:2] == ["backbone/conv1", "backbone/conv2"]
    conv2 = rows["backbone/conv2"]
    assert (conv2.kind, conv2.shape, conv2.grid, conv2.channels) == ("Conv2D", (4, 8, 6), (4, 8), 6)
    assert [row.path for row in rows.values() if row.automatic] == ["backbone/conv2"]
    assert rows["head"].grid is None
    tiny = MODELS["dynamic_size"]()
    with pytest.raises(ks.errors.InputError, match="full input shape"):
        ks.Probe(tiny.model).layers()
    assert ks.Probe(tiny.model).layers(tiny.images)


def test_a_convolution_of_one_by_one_behind_pooling_is_not_taken() -> None:
    # The classifier of MobileNet and MobileNetV3: its map would be constant.
    image = keras.Input((16, 16, 3))
    features = layers.ReLU(name="last")(layers.Conv2D(4, 3, strides=2, name="features")(image))
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(features)
    scores = layers.Flatten()(layers.Conv2D(5, 1, name="classifier")(pooled))
    assert picked(keras.Model(image, layers.Softmax()(scores)), pictures(1, 16, 16, 3)) == "last"


def test_branches_are_explained_where_they_have_met() -> None:
    image = keras.Input((16, 16, 3))
    branches = [layers.Conv2D(4, size, padding="same", name=f"conv{size}")(image) for size in (1, 3, 5)]
    merged = layers.Concatenate(name="mixed")(branches)
    scores = layers.Dense(3)(layers.GlobalMaxPooling2D()(merged))
    assert picked(keras.Model(image, scores), pictures(1, 16, 16, 3)) == "mixed"


def test_the_last_layer_depends_on_the_size_of_the_image() -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3, strides=2, padding="same", name="early"),
            layers.Conv2D(4, 3, strides=4, padding="same", name="late"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    assert picked(model, pictures(1, 16, 16, 3)) == "late"
    assert picked(model, pictures(1, 8, 8, 3)) == "early"


def test_a_layer_inside_a_distributed_model_points_to_the_layer_around_it() -> None:
    frame = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(4, 3, name="conv"), layers.GlobalAveragePooling2D()],
        name="frame",
    )
    video = keras.Input((3, 8, 8, 2))
    features = layers.TimeDistributed(frame, name="frames")(video)
    model = keras.Model(video, layers.Dense(3)(layers.LSTM(4)(features)))
    clip = pictures(2, 3, 8, 8, 2)
    assert picked(model, clip) == "frames"
    with pytest.raises(ks.errors.LayerError, match="conv"):
        ks.GradCAM(layer="conv")(model, clip, 1)
    assert ks.Saliency()(model, clip, 1).heatmaps().shape == (2, 3, 8, 8)


def test_the_numbers_of_a_shared_layers_runs_follow_the_definition() -> None:
    def network(deeper: bool) -> keras.Model:
        left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
        shared = layers.Conv2D(3, 3, padding="same", name="shared")
        first, second = shared(left), shared(right)
        if deeper:  # a longer way from the left would otherwise run the right one first
            first = layers.ReLU(name="more")(first)
        both = layers.Concatenate()([first, second])
        return keras.Model([left, right], layers.Dense(3)(layers.GlobalAveragePooling2D()(both)))

    for deeper in (False, True):
        model = network(deeper)
        images = [pictures(1, 8, 8, 3, seed=seed) for seed in (1, 2)]
        shared = model.get_layer("shared")
        for number in (0, 1):
            expected = ops.convert_to_numpy(shared(images[number]))
            found = ks.Probe(model).activations(images, f"shared#{number}")
            same(found, expected, CLOSE, f"run {number}, deeper: {deeper}")


@pytest.mark.parametrize("explained", ["left", "right"])
def test_the_layer_is_one_that_the_explained_input_leads_to(explained: str) -> None:
    inputs = {name: keras.Input((8, 8, 3), name=name) for name in ("left", "right")}
    pooled = [
        layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, name=f"conv_{name}")(tensor))
        for name, tensor in inputs.items()
    ]
    model = keras.Model(inputs, layers.Dense(3)(layers.Concatenate()(pooled)))
    images = {name: pictures(2, 8, 8, 3, seed=seed) for seed, name in enumerate(inputs)}
    found = ks.GradCAM(relu=False)(ks.Probe(model, input=explained), images, 1)
    assert found.layer == f"conv_{explained}"


class TwoBranches(keras.Model):
    """A subclassed model, one branch of which is hidden behind operators."""

    def __init__(self) -> None:
        super().__init__(name="two_branches")
        self.stem = layers.Conv2D(2, 3, name="stem")
        self.deep = layers.Conv2D(2, 3, name="deep")
        self.skip = layers.GlobalAveragePooling2D(name="skip")
        self.head = layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        stem = self.stem(images)
        return self.head(ops.mean(self.deep(stem), axis=(1, 2)) + self.skip(stem))


def test_a_branch_that_cannot_be_followed_is_not_forgotten() -> None:
    model = TwoBranches()
    images = pictures(2, 12, 12, 3)
    model(images)
    assert picked(model, images) == "deep"


def test_only_tokens_of_a_grid_that_was_there_are_a_grid() -> None:
    image = keras.Input((16, 16, 3))
    patches = layers.Conv2D(8, 4, 4, name="patches")(image)  # a grid of 4 x 4
    tokens = layers.Reshape((16, 8), name="tokens")(patches)
    padded = layers.ZeroPadding1D((2, 0), name="with_registers")(tokens)
    attended = layers.MultiHeadAttention(2, 4, name="attention")(padded, padded)
    queries = layers.Dense(9, name="queries")(layers.Permute((2, 1))(attended))
    last = layers.Permute((2, 1), name="turned")(queries)  # 9 queries are no 3 x 3 picture
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(last)))
    images = pictures(2, 16, 16, 3)
    rows = {row.path: row for row in ks.Probe(model).layers(images)}
    assert rows["with_registers"].grid == rows["attention"].grid == (4, 4)
    assert rows["turned"].grid is None
    inside = {row.grid for path, row in rows.items() if path.startswith("attention/")}
    assert inside <= {(4, 4), None}
    assert (picked(model, images) or "").startswith("attention/")


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow on a CPU cannot run channels_first")
def test_channels_that_are_moved_are_followed() -> None:
    image = keras.Input((8, 16, 3))
    turned = layers.Permute((3, 1, 2), name="turned")(image)
    features = layers.Conv2D(4, 3, data_format="channels_first", name="conv")(turned)
    pooled = layers.GlobalAveragePooling2D(data_format="channels_first")(features)
    model = keras.Model(image, layers.Dense(3)(pooled))
    images = pictures(2, 8, 16, 3)
    assert ks.Saliency()(model, images, 1).values.shape == images.shape
    assert ks.GradCAM(relu=False)(model, images, 1).values.shape == (2, 6, 14)
    assert ks.GradCAM(layer="turned", relu=False)(model, images, 1).values.shape == (2, 8, 16)


class SameNames(keras.Model):
    """A subclassed model with two layers of one name."""

    def __init__(self) -> None:
        super().__init__(name="same_names")
        self.first = layers.Conv2D(2, 3, name="conv")
        self.second = layers.Conv2D(3, 3, name="conv")
        self.head = layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(self.second(self.first(images)), axis=(1, 2)))


def test_layers_of_one_name_have_paths_of_their_own() -> None:
    model = SameNames()
    images = pictures(2, 8, 8, 3)
    model(images)
    assert picked(model, images) == "conv_1"
    assert ks.Probe(model).activations(images, "conv").shape == (2, 6, 6, 2)
    assert ks.Probe(model).activations(images, "conv_1").shape == (2, 4, 4, 3)


def test_a_map_of_classes_is_explained_before_its_softmax() -> None:
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, padding="same", name="features")(image)
    images = pictures(2, 8, 8, 3)
    scores = layers.Conv2D(3, 1, name="scores")(features)
    ends = {
        "scores": [layers.Softmax()(scores), ops.softmax(scores)],
        "features": [layers.Conv2D(3, 1, activation="softmax")(features)],
    }
    for layer, outputs in ends.items():
        for output in outputs:
            model = keras.Model(image, output)
            found = ks.GradCAM(relu=False)(model, images, mean_of_class_1)
            assert found.layer == layer


def mean_of_class_1(scores: Any) -> Any:
    return ops.mean(scores[..., 1], axis=(1, 2))


def test_masks_survive_a_tap() -> None:
    words = keras.Input((6,), dtype="int32")
    inner = keras.Input((6,), dtype="int32")
    encoder = keras.Model(inner, layers.Embedding(9, 4, mask_zero=True, name="emb")(inner), name="encoder")
    model = keras.Model(words, layers.Dense(3)(layers.LSTM(5)(encoder(words))))
    tokens = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 0, 0, 0, 0]])
    expected = ops.convert_to_numpy(model(tokens))[:, 1]
    for layer in ("encoder", "encoder/emb"):
        found = ks.GradCAM(layer=layer, relu=False)(model, tokens, 1)
        same(found.scores, expected, CLOSE, layer)
    with pytest.raises(ks.errors.InputError, match="floating-point"):
        ks.Saliency()(model, tokens, 1)


# Which score it takes


def head(*end: Any) -> keras.Model:
    """Four features to three scores, and what comes behind them."""
    image = keras.Input((8, 8, 3))
    tensor = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(image))
    tensor = layers.Dense(3, name="scores")(tensor)
    for step in end:
        tensor = step(tensor)
    return keras.Model(image, tensor)


@pytest.mark.parametrize(
    "end",
    [
        (keras.activations.softmax,),
        (ops.softmax,),
        (ops.log_softmax,),
        (ops.sigmoid,),
        (layers.Softmax(), layers.Activation("linear", dtype="float32")),
        (layers.Activation("softmax", dtype="float32"),),
        (layers.Dropout(0.1), layers.Softmax()),
        (layers.Reshape((3,)), layers.Softmax()),
        (layers.Softmax(), layers.Reshape((3,)), layers.Flatten()),
    ],
    ids=[
        "keras.activations",
        "ops",
        "log",
        "sigmoid",
        "identity behind",
        "Activation",
        "Dropout before",
        "Reshape before",
        "Reshape behind",
    ],
)
def test_the_score_is_found_in_front_of_what_squashes_it(end: tuple[Any, ...]) -> None:
    model = head(*end)
    images = pictures(2, 8, 8, 3)
    linear = keras.Model(model.input, model.get_layer("scores").output)
    expected = ops.convert_to_numpy(linear(images))[:, 2]
    same(ks.Probe(model).scores(images, 2), expected, CLOSE, "score")
    assert not ks.Saliency()(model, images, 2).warnings


def test_a_softmax_inside_the_network_is_left_alone() -> None:
    model = head(layers.Softmax(name="inside"), layers.Dense(3, name="outside"))
    images = pictures(2, 8, 8, 3)
    expected = ops.convert_to_numpy(model(images))[:, 1]
    same(ks.Probe(model).scores(images, 1), expected, CLOSE, "score")


class Gated(layers.Layer):
    """A layer that uses its activation for a gate, not for what it returns."""

    def __init__(self) -> None:
        super().__init__(name="gated")
        self.activation = keras.activations.sigmoid
        self.value, self.gate = layers.Dense(3), layers.Dense(3)

    def call(self, features: Any) -> Any:
        return self.value(features) * self.activation(self.gate(features))


def test_an_activation_inside_the_last_layer_is_no_head() -> None:
    model = head(Gated())
    images = pictures(2, 8, 8, 3)
    same(ks.Probe(model).scores(images, 1), ops.convert_to_numpy(model(images))[:, 1], CLOSE, "score")
    recurrent = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, activation="sigmoid")])
    signals = pictures(2, 5, 4)
    expected = ops.convert_to_numpy(recurrent(signals))[:, 1]
    same(ks.Probe(recurrent).scores(signals, 1), expected, CLOSE, "a recurrent layer")


def test_predictions_are_those_of_the_scores() -> None:
    model = head(ops.sigmoid)
    layer = model.get_layer("scores")
    layer.set_weights([0 * layer.get_weights()[0], np.array([25.0, 40.0, 30.0])])
    found = ks.Saliency()(model, pictures(2, 8, 8, 3), ks.Unit("conv", 0))
    assert found.predictions.tolist() == [1, 1]


def test_a_probability_must_be_one() -> None:
    images = pictures(2, 8, 8, 3)
    for model in (head(), head(ops.log_softmax)):
        with pytest.raises(ks.errors.TargetError, match="probability must come out"):
            ks.Saliency()(model, images, ks.Probability(1))
    logarithms = ks.Saliency()(head(ops.log_softmax), images, 1)
    assert np.isnan(logarithms.probabilities).all()


def test_each_output_has_its_own_head() -> None:
    tiny = MODELS["dict_output"]()
    probe = ks.Probe(tiny.model)
    linear = {name: tiny.model.get_layer(name) for name in ("shape", "colour")}
    features = keras.Model(tiny.model.input, linear["shape"].input)(tiny.images)
    for name, layer in linear.items():
        kernel, bias = layer.get_weights()
        expected = (ops.convert_to_numpy(features) @ kernel + bias)[:, 1]
        same(probe.scores(tiny.images, ks.Output(name, 1)), expected, CLOSE, name)
    both = ks.Contrast(ks.Output("shape", 1), ks.Output("colour", 1))
    assert ks.GradCAM(relu=False)(probe, tiny.images, both).layer == "conv"


def test_one_score_with_a_sigmoid_is_class_0() -> None:
    image = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
    model = keras.Model(image, layers.Dense(1, activation="sigmoid")(pooled))
    images = pictures(2, 8, 8, 3)
    result = ks.GradCAM(relu=False)(model, images)
    assert result.targets.tolist() == [0, 0]
    same(result.probabilities, ops.convert_to_numpy(model(images))[:, 0], CLOSE, "probability")


def test_a_survey_runs_nothing_and_keeps_nothing_of_the_run() -> None:
    tiny = MODELS["functional"]()
    calls = []

    def call(inputs: Any) -> Any:
        calls.append(inputs)
        return tiny.model(inputs)

    found = survey(call, tiny.model, ops.convert_to_tensor(tiny.images), 0)
    assert len(calls) == 1
    assert [run.place.path for run in found.runs] == [
        layer.name for layer in tiny.model.layers if not isinstance(layer, layers.InputLayer)
    ]
