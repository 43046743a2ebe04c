"""The probe: which layer and which score it takes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe.graph.trace import trace_graph
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS, fill, pictures
from tests.helpers.probes import BACKEND, picked


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
        model = keras.Model([left, right], layers.Dense(3)(layers.GlobalAveragePooling2D()(both)))
        fill(model, 72)
        return model

    for deeper in (False, True):
        model = network(deeper)
        images = [pictures(1, 8, 8, 3, seed=seed) for seed in (1, 2)]
        shared = model.get_layer("shared")
        for number in (0, 1):
            expected = ops.convert_to_numpy(shared(images[number]))
            found = ks.Probe(model).activations(images, f"shared#{number}")
            assert_close(found, expected, CLOSE, f"run {number}, deeper: {deeper}")


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
    # By shapes alone: untrained attention mixes all places.
    rows = {row.path: row for row in ks.Probe(model, placement="stretched").layers(images)}
    assert rows["with_registers"].grid == rows["attention"].grid == (4, 4)
    assert rows["turned"].grid is None
    inside = {row.grid for path, row in rows.items() if path.startswith("attention/")}
    assert inside <= {(4, 4), None}
    (automatic,) = (path for path, row in rows.items() if row.automatic)
    assert automatic.startswith("attention/")


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


class Idle(keras.Model):
    """A subclassed model that hands an operator's result to a layer that returns its argument."""

    def __init__(self, idle: keras.Layer, head: keras.Layer) -> None:
        super().__init__(name="idle_layer")
        self.conv = layers.Conv2D(4, 3, name="conv")
        self.idle = idle
        self.head = head

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(self.idle(ops.tanh(self.conv(images))), axis=(1, 2)))


class IdleHead(layers.Layer):
    """A layer whose first act is a layer that returns its argument."""

    def __init__(self) -> None:
        super().__init__(name="block")
        self.drop = layers.Dropout(0.5)
        self.dense = layers.Dense(3)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, pooled: Any) -> Any:
        return self.dense(self.drop(pooled))


def check_grad_cam(model: keras.Model, kernel: keras.Variable) -> None:
    """Of tanh of a convolution, pooled by its mean, in front of a dense layer."""
    images = pictures(2, 8, 8, 3)
    activations = np.tanh(ops.convert_to_numpy(model.conv(images)))
    weights = ops.convert_to_numpy(kernel)
    assert_close(
        ks.Probe(model).scores(images, 1), ops.convert_to_numpy(model(images))[:, 1], CLOSE, "scores"
    )
    expected = activations @ weights[:, 1] / 36
    assert_close(ks.GradCAM(relu=False, layer="idle")(model, images, 1).values, expected, CLOSE, "Grad-CAM")


@pytest.mark.parametrize(
    "idle",
    [
        layers.Dropout(0.5),
        layers.Identity(),
        layers.GaussianNoise(1.0),
        layers.RandomFlip(),
        layers.Activation("linear"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_a_layer_returns_unchanged_may_come_from_an_operator(idle: keras.Layer) -> None:
    model = Idle(type(idle).from_config(idle.get_config() | {"name": "idle"}), layers.Dense(3))
    model(pictures(2, 8, 8, 3))
    fill(model, 71)
    assert picked(model, pictures(2, 8, 8, 3)) == "idle"
    check_grad_cam(model, model.head.kernel)


def test_a_layer_that_is_given_an_operators_result_is_not_its_own_source() -> None:
    model = Idle(layers.Identity(name="idle"), IdleHead())
    model(pictures(2, 8, 8, 3))
    fill(model, 72)
    assert picked(model, pictures(2, 8, 8, 3)) == "idle"
    check_grad_cam(model, model.head.dense.kernel)


def test_only_the_models_own_exceptions_are_told_as_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Idle(layers.Identity(name="idle"), layers.Dense(3))
    images = pictures(2, 8, 8, 3)
    model(images)

    def fail(*_: Any) -> None:
        raise IndexError("of this kind")

    with monkeypatch.context() as context:
        context.setattr("kerascope.probe.graph.trace.number_calls", fail)
        with pytest.raises(IndexError, match="of this kind"):
            ks.Probe(model).scores(images, 1)
    monkeypatch.setattr(model, "call", fail)
    with pytest.raises(ks.errors.InputError, match="it failed with IndexError"):
        ks.Probe(model).scores(images, 1)


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
    fill(model, 68)
    tokens = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 0, 0, 0, 0]])
    expected = ops.convert_to_numpy(model(tokens))[:, 1]
    for layer in ("encoder", "encoder/emb"):
        found = ks.GradCAM(layer=layer, relu=False)(model, tokens, 1)
        assert_close(found.scores, expected, CLOSE, layer)
    with pytest.raises(ks.errors.InputError, match="floating-point"):
        ks.Saliency()(model, tokens, 1)


def head(*end: Any) -> keras.Model:
    """Four features to three scores, and what comes behind them."""
    image = keras.Input((8, 8, 3))
    tensor = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(image))
    tensor = layers.Dense(3, name="scores")(tensor)
    for step in end:
        tensor = step(tensor)
    model = keras.Model(image, tensor)
    fill(model, 69)
    return model


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
    assert_close(ks.Probe(model).scores(images, 2), expected, CLOSE, "score")
    assert not ks.Saliency()(model, images, 2).warnings


def test_a_softmax_inside_the_network_is_left_alone() -> None:
    model = head(layers.Softmax(name="inside"), layers.Dense(3, name="outside"))
    images = pictures(2, 8, 8, 3)
    expected = ops.convert_to_numpy(model(images))[:, 1]
    assert_close(ks.Probe(model).scores(images, 1), expected, CLOSE, "score")


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
    assert_close(ks.Probe(model).scores(images, 1), ops.convert_to_numpy(model(images))[:, 1], CLOSE, "score")
    recurrent = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, activation="sigmoid")])
    fill(recurrent, 70)
    signals = pictures(2, 5, 4)
    expected = ops.convert_to_numpy(recurrent(signals))[:, 1]
    assert_close(ks.Probe(recurrent).scores(signals, 1), expected, CLOSE, "a recurrent layer")


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
        assert_close(probe.scores(tiny.images, ks.Output(name, 1)), expected, CLOSE, name)
    both = ks.Contrast(ks.Output("shape", 1), ks.Output("colour", 1))
    assert ks.GradCAM(relu=False)(probe, tiny.images, both).layer == "conv"


def test_a_survey_runs_nothing_and_keeps_nothing_of_the_run() -> None:
    tiny = MODELS["functional"]()
    calls = []

    def call(inputs: Any) -> Any:
        calls.append(inputs)
        return tiny.model(inputs)

    found = trace_graph(call, tiny.model, ops.convert_to_tensor(tiny.images), 0)
    assert len(calls) == 1
    assert [call.layer.path for call in found.calls] == [
        layer.name for layer in tiny.model.layers if not isinstance(layer, layers.InputLayer)
    ]
