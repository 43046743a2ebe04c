"""Every form of head of a model for two classes gives the same scores and gradients, by hand."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe import Request
from kerascope.testing.fixture import assert_close
from tests.helpers.networks.heads import FORMS, GRADIENT, IMAGES, SCORES, network, written_out

CLOSE = 1e-5
PREDICTED = np.array([0, 1, 1])
SIGNS = np.array([-1.0, 1.0, 1.0])
"""Of the score of the predicted class of each image."""


def explained(model: keras.Model | ks.Probe, target: Any = None) -> ks.Explanation:
    """By Saliency, whose map of a linear model is flat, which does not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ks.Saliency()(model, IMAGES, target)


def probe_of(form: str, **options: Any) -> ks.Probe:
    said = {"output": "binary"} if form == "linear, said" else {}
    return ks.Probe(network(form), class_names=["cat", "dog"], **said, **options)


@pytest.mark.parametrize("form", FORMS)
def test_one_output_is_two_classes(form: str) -> None:
    probe = probe_of(form)
    asked: dict[Any, tuple[Any, list[int]]] = {
        None: (SIGNS, [0, 1, 1]),
        0: (-np.ones(3), [0, 0, 0]),
        "dog": (np.ones(3), [1, 1, 1]),
        ks.Rank(2): (-SIGNS, [1, 0, 0]),
        ks.Contrast(1, 0): (2 * np.ones(3), [-1, -1, -1]),
        ks.Rivals(1, 1): (-np.ones(3), [-1, -1, -1]),
    }
    if form != "two outputs":
        asked[ks.LogOdds(0)] = (-np.ones(3), [0, 0, 0])
    for target, (factors, labels) in asked.items():
        answer = probe.run(
            lambda internals: internals.gradients[0], IMAGES, target, Request(("conv",), gradients=True)
        )
        assert_close(answer.scores, factors * SCORES, CLOSE, f"scores of {target!r}")
        expected = np.broadcast_to(factors[:, None, None, None] * GRADIENT, (3, 6, 6, 2))
        assert_close(answer.values, expected, CLOSE, f"gradient of {target!r}")
        assert answer.labels.tolist() == labels, target
        assert answer.predictions.tolist() == PREDICTED.tolist(), target
        assert not answer.suspect
    both = probe.run(None, IMAGES, ks.Top(2))
    assert_close(both.scores, np.stack([SIGNS, -SIGNS], axis=1) * SCORES[:, None], CLOSE, "both classes")
    assert both.labels.tolist() == [[0, 1], [1, 0], [1, 0]]
    chance = 1 / (1 + np.exp(-SCORES * (2 if form == "two outputs" else 1)))
    assert_close(both.probabilities[:, 0], np.where(PREDICTED, chance, 1 - chance), CLOSE, "probability")
    if "linear" not in form or form == "linear, said":
        asked_for = probe.scores(IMAGES, ks.Probability(0))
        assert_close(asked_for, 1 - chance, CLOSE, "probability that is asked for")


def test_one_of_several_outputs_is_two_classes() -> None:
    single = network("activation")
    several = keras.Model(single.input, {"bin": single.output, "size": single.get_layer("conv").output})
    probe = ks.Probe(several)
    assert_close(probe.scores(IMAGES, ks.Output("bin", 0)), -SCORES, CLOSE, "class 0")
    assert_close(probe.scores(IMAGES, ks.Output("bin")), SIGNS * SCORES, CLOSE, "predicted class")


def test_steps_and_regions_of_one_sigmoid_are_of_two_classes() -> None:
    steps = keras.Sequential([keras.Input((3, 2)), layers.Dense(1, "sigmoid", kernel_initializer="ones")])
    rows = np.array([[[1.0, 1.0], [-3.0, 1.0], [0.5, 0.5]]], "float32")
    found = ks.Probe(steps).run(None, rows, ks.Step(1))
    assert (found.scores.tolist(), found.labels.tolist()) == ([2.0], [0])
    assert_close(found.probabilities, 1 / (1 + np.exp(np.array([-2.0]))), CLOSE, "probability of a step")
    places = ks.Probe(steps)
    assert places.scores(rows, ks.Region()).tolist() == [1.5]
    assert places.scores(rows, ks.Region(0)).tolist() == [2.0]
    assert places.scores(rows, ks.Region(1, [True, True, False])).tolist() == [0.0]


def test_a_number_without_a_sigmoid_is_no_class_until_it_is_said() -> None:
    linear = network("linear, said")
    found = explained(linear)
    assert (found.target, found.predictions, found.targets.tolist()) == ("value", None, [-1, -1, -1])
    assert_close(found.scores, SCORES, CLOSE, "the number itself")
    assert 'output="binary"' in found.notes[0]
    for target in (0, 1, ks.Rank(1), ks.Top(1)):
        with pytest.raises(ks.errors.TargetError, match=r'Probe\(model, output="binary"\).*Value'):
            ks.Probe(linear).scores(IMAGES, target)
    said = explained(ks.Probe(linear, output="regression"))
    assert (said.target, said.notes) == ("value", ())
    with pytest.raises(ks.errors.TargetError, match="a regression"):
        ks.Probe(linear, output="regression").scores(IMAGES, 0)
    linear.compile(loss="mse")
    assert "compiled with the loss 'mse'" in explained(linear).notes[0]
    named = explained(ks.Probe(network("linear, said"), class_names=["no", "yes"]))
    assert named.predictions is not None
    assert "'yes'" in named.notes[0]


def test_the_opposite_of_a_number_is_what_speaks_for_less() -> None:
    found = explained(network("linear, said"), ks.Opposite(ks.Value()))
    assert_close(found.scores, -SCORES, CLOSE, "opposite")
    assert_close(found.values, -explained(network("linear, said"), ks.Value()).values, CLOSE, "its gradient")
    assert (found.target, found.targets.tolist()) == ("opposite of value", [-1, -1, -1])


def test_what_is_said_of_an_output_must_fit_it() -> None:
    two = network("two outputs")
    with pytest.raises(ks.errors.ParameterError, match="'labels', 'binary'"):
        ks.Probe(two, output="sigmoid")  # type: ignore[arg-type]
    for probe, words in (
        (ks.Probe(two, output="binary"), "needs one number"),
        (ks.Probe(network("activation"), output="labels"), "needs several numbers"),
        (ks.Probe(two, output={"head": "classes"}), "'head'"),
    ):
        with pytest.raises(ks.errors.ModelError, match=words):
            probe.scores(IMAGES)
    with pytest.raises(ks.errors.TargetError, match=r"regression has no predicted class.*ks\.Value"):
        ks.Probe(two, output="regression").scores(IMAGES)


def test_a_softmax_over_one_number_is_warned_about() -> None:
    image = keras.Input((6, 6, 1))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1, name="conv")(image))
    found = explained(keras.Model(image, layers.Dense(1, "softmax")(pooled)))
    assert found.warnings[0].startswith("ConstantOutputWarning")


class Mixture(keras.layers.Layer):
    """Half of each of two sigmoids, so that there is no score in front of them."""

    def call(self, scores: Any) -> Any:
        """The mean of two probabilities."""
        return ops.mean(ops.sigmoid(ops.concatenate([scores, scores + 2], axis=-1)), axis=-1, keepdims=True)


def test_a_probability_without_a_score_is_said_or_turned_into_one() -> None:
    linear = network("linear, said")
    mixture = keras.Model(linear.input, Mixture()(linear.output))
    assert any(line.startswith("ProbabilityWarning") for line in explained(mixture).warnings)
    chance = ops.convert_to_numpy(mixture(IMAGES))[:, 0].astype("float64")
    probe = ks.Probe(mixture, output="binary")
    assert_close(probe.scores(IMAGES, 1), np.log(chance / (1 - chance)), 1e-4, "logit")
    assert probe.run(None, IMAGES).predictions.tolist() == (chance > 0.5).astype(int).tolist()


class Counted(layers.Layer):
    """Counts the calls of the model, in Python."""

    calls = 0

    def call(self, images: Any) -> Any:
        """The images as they are."""
        Counted.calls += 1
        return images * 1.0


@pytest.mark.once
@pytest.mark.parametrize(("head", "more"), [(ops.softmax, 0), (lambda x: x, 0), (written_out, 1)])
def test_only_arithmetic_without_a_name_costs_a_pass(head: Any, more: int) -> None:
    image = keras.Input((6, 6, 1))
    scores = layers.Dense(3)(layers.Flatten()(Counted()(image)))
    model = keras.Model(image, head(scores))
    Counted.calls = 0
    ks.Probe(model).scores(IMAGES, 1)
    # Once without data, once with the images.
    assert Counted.calls == 2 + more


def test_labels_are_questions_of_their_own() -> None:
    image = keras.Input((6, 6, 1))
    dense = layers.Dense(3, name="dense")
    scores = dense(layers.Flatten()(image))
    model = keras.Model(image, written_out(scores))
    dense.set_weights([np.full((36, 3), 1 / 36) * [1, -2, 3], np.array([0.0, 0.5, 1.0])])
    mean = IMAGES.mean(axis=(1, 2, 3)).astype("float64")
    probe = ks.Probe(model)
    for index, score in enumerate((mean, -2 * mean + 0.5, 3 * mean + 1)):
        assert_close(probe.scores(IMAGES, index), score, CLOSE, f"label {index}")
        assert_close(probe.scores(IMAGES, ks.LogOdds(index)), score, CLOSE, f"log-odds of label {index}")
        assert_close(
            probe.scores(IMAGES, ks.Probability(index)),
            1 / (1 + np.exp(-score)),
            CLOSE,
            f"probability {index}",
        )


def test_the_second_class_is_maximised_and_told_apart() -> None:
    model = network("activation")
    dark, bright = (ks.maximize(model, index, steps=8, input_range=(0, 1), seed=0) for index in (0, 1))
    assert dark.images.mean() < bright.images.mean()
    plain = ks.GradCAM(relu=False)(model, IMAGES, 0)
    finer = ks.FinerCAM(ks.GradCAM(relu=False))(model, IMAGES, 0)
    assert_close(finer.values, 2 * plain.values, CLOSE, "against the other class")
    head = ks.CAM(relu=False)(model, IMAGES, 0)
    assert_close(head.values, 36 * plain.values, CLOSE, "CAM of class 0")


def test_one_of_several_labels_is_a_question_of_two_classes() -> None:
    image = keras.Input((6, 6, 1))
    dense = layers.Dense(3, "sigmoid", name="dense")
    model = keras.Model(image, dense(layers.Flatten()(image)))
    dense.set_weights([np.full((36, 3), 1 / 36) * [1, -2, 3], np.array([0.0, 0.75, 1.0])])
    score = 0.75 - 2 * IMAGES.mean(axis=(1, 2, 3)).astype("float64")
    probe = ks.Probe(model, class_names=["sky", "snow", "sea"], label="snow")
    assert probe.class_names == ("not snow", "snow")
    answer = probe.run(None, IMAGES)
    assert_close(answer.scores, np.abs(score), CLOSE, "predicted answer")
    assert answer.predictions.tolist() == (score > 0).astype(int).tolist()
    assert_close(probe.scores(IMAGES, "not snow"), -score, CLOSE, "no")
    assert_close(ks.Probe(model, label=1).scores(IMAGES, 1), score, CLOSE, "yes, by place")
    with pytest.raises(ks.errors.ModelError, match="several labels"):
        ks.Probe(network("two outputs"), label=1).scores(IMAGES)
    with pytest.raises(ks.errors.ParameterError, match="'snow'"):
        ks.Probe(model, class_names=["sky", "snow", "sea"], label="snwo")


@pytest.mark.parametrize("told", ["loss", "names", "said"])
def test_a_probability_is_no_score_whoever_tells_what_it_is(told: str) -> None:
    linear = network("linear, said")
    average = layers.Average()(
        [layers.Activation("sigmoid")(one) for one in (linear.output, linear.output + 2)]
    )
    model = keras.Model(linear.input, average)
    chance = ops.convert_to_numpy(model(IMAGES))[:, 0].astype("float64")
    if told == "loss":
        model.compile(loss="bce")
    options: dict[str, Any] = {"names": {"class_names": ["a", "b"]}, "said": {"output": "binary"}}.get(
        told, {}
    )
    probe = ks.Probe(model, **options)
    answer = probe.run(None, IMAGES, 1)
    assert_close(answer.scores, np.log(chance / (1 - chance)), 1e-4, "logit")
    assert_close(answer.probabilities, chance, 1e-4, "probability")
    assert_close(
        probe.with_explicit_outputs(IMAGES).scores(IMAGES, 1),
        answer.scores,
        CLOSE,
        "what a run is told of it",
    )
    hard = keras.Model(linear.input, layers.Activation("hard_sigmoid")(linear.output))
    chance = ops.convert_to_numpy(hard(IMAGES))[:, 0]
    assert_close(
        ks.Probe(hard, output="binary").run(None, IMAGES, 1).probabilities[:2], chance[:2], 1e-4, "hard"
    )


def test_a_black_box_of_probabilities_warns_whatever_is_said() -> None:
    chances = ks.BlackBox(lambda x: 0.5 + x.mean(axis=(1, 2, 3)) / 4, output="binary")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "ProbabilityWarning" in str(ks.Occlusion(window=2)(chances, IMAGES).warnings)
    named = ks.BlackBox(lambda x: x.mean(axis=(1, 2, 3)), output={"output": "binary"})
    assert ks.Occlusion(window=2)(named, IMAGES).predictions.tolist() == [0, 1, 1]


def test_the_probability_of_a_region_of_the_background() -> None:
    steps = keras.Sequential([keras.Input((2, 2)), layers.Dense(1, "sigmoid", kernel_initializer="ones")])
    rows, mask = np.array([[[1.0, 1.0], [-3.0, 1.0]]], "float32"), np.array([False, True])
    assert_close(
        ks.Probe(steps).scores(rows, ks.Probability(ks.Region(0, mask))), 1 / (1 + np.exp([-2.0])), CLOSE, ""
    )


def test_what_a_user_says_is_kept_for_a_run() -> None:
    image = keras.Input((6, 6, 1))
    model = keras.Model(image, layers.Dense(3, "sigmoid")(layers.Flatten()(image)))
    assert ks.Probe(model, output="classes").with_explicit_outputs(IMAGES).graph(IMAGES).kinds == ("classes",)
