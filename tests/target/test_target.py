"""Targets on every kind of output: their scores against NumPy, pinning, errors, composition."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.target import Context
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import fill, pictures
from kerascope.testing.models.outputs import anchors
from kerascope.testing.target_cases import TARGET_CASES, TargetCase, check_target_case, masks, mean_score
from tests.helpers.expected_warnings import warned
from tests.helpers.targets import MODELS, Array, known, pinned_scores


@pytest.mark.parametrize("case", TARGET_CASES, ids=str)
def test_scores_are_those_computed_by_hand_compiled_too(case: TargetCase) -> None:
    tiny = MODELS.tiny(case.model)
    check_target_case(case, ks.Saliency(), MODELS.probe(case.model, compiled=True), tiny)


@dataclass(frozen=True, eq=False)
class BakedStep(ks.Step):
    """The step is a constant of the program."""

    def key(self) -> Hashable:
        return ("baked", self.step)


@dataclass(frozen=True, eq=False)
class LastStep(ks.Step):
    """Whatever the step, the last one is read."""

    def arguments(self, context: Context) -> dict[str, Array]:
        return super().arguments(context) | {"step": np.full(context.count, 3, "int32")}


@pytest.mark.parametrize(("wrong", "words"), [(BakedStep, "must use the program"), (LastStep, "scores of")])
def test_a_wrong_target_is_rejected(wrong: type[ks.Step], words: str) -> None:
    case = next(found for found in TARGET_CASES if found.model == "recurrent")
    targets = (wrong(1, 2), wrong(-1, 0))
    probe = ks.Probe(MODELS.tiny("recurrent").model, compile=False)
    with pytest.raises(AssertionError, match=words):
        check_target_case(
            TargetCase("recurrent", targets, case.scores), ks.Saliency(), probe, MODELS.tiny("recurrent")
        )


# Ranking and plain numbers


def test_the_ranking_has_a_place_per_image_and_first_is_predicted() -> None:
    tiny, probe, (scores,) = known("functional")
    found = probe.run(None, tiny.images, ks.Rank([1, 2, 3]))
    order = np.argsort(-scores, axis=1)
    assert found.labels.tolist() == [order[0, 0], order[1, 1], order[2, 2]]
    assert_close(probe.scores(tiny.images, ks.Rank()), probe.scores(tiny.images), 0.0, "place 1")
    contrast = ks.Saliency()(probe, tiny.images, ks.Contrast(None, ks.Rank(2)))
    one, two = (ks.Saliency()(probe, tiny.images, order[:, place]).values for place in (0, 1))
    assert_close(contrast.values, one - two, CLOSE, "predicted against runner-up")
    assert contrast.title(0) == "predicted class rather than class at place 2"


def test_equal_scores_are_ranked_as_they_are_counted() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, kernel_initializer="zeros")])
    model.layers[0].bias.assign([1.0, 2.0, 2.0, 1.0, 3.0])
    images = np.ones((5, 4), "float32")
    labels = ks.Probe(model).run(None, images, ks.Rank([1, 2, 3, 4, 5])).labels
    assert labels.tolist() == [4, 1, 2, 0, 3]


def test_values_of_each_shape_name_no_class() -> None:
    images = pictures(2, 4, 4, 1)
    for units, reshape in ((1, ()), (1, (1,)), (3, (3,))):
        image = keras.Input((4, 4, 1))
        model = keras.Model(image, layers.Reshape(reshape)(layers.Dense(units)(layers.Flatten()(image))))
        expected = ops.convert_to_numpy(model(images)).reshape(2, -1)
        found = ks.Saliency()(model, images, ks.Value(units - 1))
        assert_close(found.scores, expected[:, -1], CLOSE, f"outputs {model.output_shape}")
        assert found.predictions is None
        assert found.targets.tolist() == [-1, -1]
        assert found.title(0) == f"value {units - 1}"
    with pytest.raises(ks.errors.TargetError, match=r"several.*ks\.Value\(index\)"):
        ks.Probe(model).scores(images, ks.Value())
    squashed = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")])
    final = ops.convert_to_numpy(squashed(images))[:, 0]
    probe = ks.Probe(squashed)
    assert_close(
        probe.scores(images, ks.Value()), np.log(final / (1 - final)), 1e-4, "in front of the sigmoid"
    )
    assert_close(probe.scores(images, ks.Probability(ks.Value())), final, CLOSE, "behind it")


# Embeddings


def test_similarity_of_a_layer_is_of_its_mean_over_space() -> None:
    tiny, probe, _ = known("segmentation")
    inner = keras.Model(tiny.model.input, tiny.model.get_layer("conv2").output)
    pooled = ops.convert_to_numpy(inner(tiny.images)).mean(axis=(1, 2)).astype("float64")
    references = np.random.default_rng(0).normal(size=(3, 5))
    lengths = np.linalg.norm(pooled, axis=1) * np.linalg.norm(references, axis=1)
    found = ks.Saliency()(probe, tiny.images, ks.Similarity(references, "conv2"))
    assert_close(found.scores, (pooled * references).sum(axis=1) / lengths, CLOSE, "conv2")
    assert found.title(0) == "similarity of conv2 to the reference"
    own = probe.scores(tiny.images, ks.Similarity(pooled, "conv2"))
    assert_close(own, np.ones(3), CLOSE, "an image and itself")


def test_an_embedding_of_zeros_has_no_direction_but_a_variant_may() -> None:
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, use_bias=False)])
    fill(model, 5)
    images = pictures(2, 4, 4, 1)
    probe, target = ks.Probe(model), ks.Similarity([1.0, 0.0, 2.0])
    with pytest.raises(ks.errors.TargetError, match=r"all zeros.*images \[0, 1\]"):
        probe.scores(0 * images, target)
    pinned = probe.run(None, images, target).pinned
    assert probe.scores(0 * images, pinned).tolist() == [0, 0]
    assert np.abs(probe.gradients(0 * images, pinned)).max() < 10


# Steps


def test_a_step_per_image_and_what_it_predicts() -> None:
    tiny, probe, (scores,) = known("recurrent")
    found = ks.Saliency()(probe, tiny.images, ks.Step([0, -1, 2]))
    chosen = scores[np.arange(3), [0, 3, 2]]
    assert_close(found.scores, chosen.max(axis=1), CLOSE, "scores")
    assert found.targets.tolist() == found.predictions.tolist() == chosen.argmax(axis=1).tolist()
    final = ops.convert_to_numpy(tiny.model(tiny.images))[np.arange(3), [0, 3, 2]]
    assert_close(found.probabilities, final.max(axis=1), CLOSE, "probabilities")
    assert_close(
        probe.scores(tiny.images, ks.Probability(ks.Step([0, -1, 2]))), final.max(axis=1), CLOSE, "asked for"
    )
    top = probe.run(None, tiny.images, ks.Step(1, ks.Top(2)))
    assert_close(top.scores, -np.sort(-scores[:, 1], axis=1)[:, :2], CLOSE, "the best two of a step")


def test_a_step_is_pinned() -> None:
    _, _, (first,) = known("per_frame")
    found, (scores,), pinned = pinned_scores("per_frame", ks.Step(2))
    labels = first[:, 2].argmax(axis=1)
    assert_close(found, scores[np.arange(3), 2, labels], CLOSE, "on other images")
    assert len(pinned.values) == 2


def test_a_hidden_softmax_of_a_step_or_of_pixels_is_warned_about() -> None:
    image = keras.Input((4, 6))
    hidden = layers.TimeDistributed(layers.Dense(3, "softmax"))(image)
    for target in (ks.Step(1, 0), ks.Region(0, np.ones(4))):
        with warned(ks.errors.ProbabilityWarning, "a probability is explained"):
            ks.Saliency()(keras.Model(image, hidden), pictures(2, 4, 6), target)


# Composition


def test_regions_boxes_and_steps_compose() -> None:
    tiny, probe, (scores,) = known("segmentation")
    contrast = probe.run(None, tiny.images, ks.Contrast(ks.Region(1), ks.Region(2)))
    expected = [
        mean_score(one, 1, one.argmax(axis=-1) == 1) - mean_score(one, 2, one.argmax(axis=-1) == 2)
        for one in scores
    ]
    assert_close(contrast.scores, np.array(expected), CLOSE, "a contrast of regions")
    assert {"positive mask", "negative mask"} <= set(contrast.pinned.values)
    assert_close(probe.run(None, tiny.images, contrast.pinned).scores, contrast.scores, CLOSE, "pinned")
    image = tiny.model.input
    features = tiny.model.get_layer("larger").output
    pixels = tiny.model.get_layer("head")(features)
    stack = layers.Lambda(lambda found: ops.stack([found, 2 * found], axis=1), (2, 8, 12, 3))(pixels)
    several = ks.Probe(keras.Model(image, {"map": pixels, "frames": stack}))
    plain = probe.run(None, tiny.images, ks.Region())
    of_output = several.run(None, tiny.images, ks.Output("map", ks.Region()))
    assert_close(of_output.scores, plain.scores, CLOSE, "of an output")
    frame = several.run(None, tiny.images, ks.Output("frames", ks.Step(-1, ks.Region())))
    assert_close(frame.scores, 2 * plain.scores, CLOSE, "a region of a step of an output")
    others = 1 - tiny.images
    again = several.scores(others, frame.pinned)
    assert_close(again, 2 * probe.scores(others, plain.pinned), CLOSE, "pinned on other images")


def test_names_of_classes_are_known_to_regions_boxes_and_steps() -> None:
    names = ("sky", "road", "car")
    for model, target in (
        ("segmentation", ks.Region("road", masks()[0])),
        ("detector", ks.Box(anchors()[8], "road")),
        ("per_frame", ks.Step(1, "road")),
        ("functional", ks.Rank(2)),
    ):
        tiny = MODELS.tiny(model)
        found = ks.Saliency()(ks.Probe(tiny.model, class_names=names), tiny.images, target)
        if model == "functional":
            assert found.title(0) == names[found.targets[0]]
        else:
            assert found.title(0) == "road"
        if model != "functional":
            assert found.targets.tolist() == [1, 1, 1]
        with pytest.raises(ks.errors.TargetError, match="one class name per class"):
            ks.Probe(tiny.model, class_names=names[:2]).scores(tiny.images, target)


# Errors


@pytest.mark.parametrize(
    ("model", "target", "words"),
    [
        ("functional", ks.Rank(4), "from 1 to 3; got 4"),
        ("functional", ks.Rank(0), "from 1 to 3; got 0"),
        ("functional", ks.Rank([1, 2]), "each of the 3 images; got 2"),
        ("functional", ks.Region(0), "a region needs outputs"),
        ("functional", ks.Step(0), "a step needs outputs"),
        ("functional", ks.Box([0, 0, 1, 1]), "must return .N, detections, columns"),
        ("functional", ks.Similarity(np.ones(4)), "of shape .3,.*got float64 of shape .4,"),
        ("functional", ks.Similarity(np.zeros(3)), "not all zeros"),
        ("functional", ks.Similarity(np.ones(3), "conv2"), "of shape .6,"),
        ("regression", ks.Value(2), "from 0 to 1; got 2"),
        ("regression", ks.Value(0.5), "whole number"),
        ("segmentation", ks.Value(0), "ks.Step"),
        ("segmentation", 1, "ks.Region"),
        ("segmentation", ks.Top(2), "ks.Region"),
        ("per_frame", 1, "ks.Step"),
        ("segmentation", ks.Region(3), "from 0 to 2; got 3"),
        ("segmentation", ks.Region("road"), "class names"),
        ("segmentation", ks.Region(0, np.ones((4, 6))), r"\(8, 12\).*got \(4, 6\)"),
        ("segmentation", ks.Region(0, np.zeros((8, 12))), r"empty for images \[0, 1, 2\]"),
        ("segmentation", ks.Region(0, -np.ones((8, 12))), "at least 0; got float64 from -1"),
        ("per_frame", ks.Step(4, 0), "from -4 to 3; got 4"),
        ("per_frame", ks.Step([0, 1], 0), "each of the 3 images; got 2"),
        ("per_frame", ks.Step(0, 3), "from 0 to 2; got 3"),
        ("detector", ks.Box([0, 0, 4], 1), "four finite numbers"),
        ("detector", ks.Box([4, 4, 2, 2], 1), "width and a height above 0"),
        ("detector", ks.Box(anchors()[8], 3), "from 0 to 2; got 3"),
        ("detector", ks.Box(anchors()[8], class_column=9), "set the columns"),
        ("detector_dict", ks.Box(anchors()[8], scores="cls"), "got 'cls'"),
        ("detector_dict", ks.Box(anchors()[8], boxes="scores", scores="boxes"), "must return boxes"),
        ("detector_dict", ks.Region(0), "ks.Output"),
        ("dict_output", ks.Step(0), "ks.Output"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(model: str, target: Any, words: str) -> None:
    tiny = MODELS.tiny(model)
    with pytest.raises(ks.errors.TargetError, match=words):
        ks.Saliency()(MODELS.probe(model), tiny.images, target)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "yxyx"}, "got 'yxyx'"),
        ({"iou": 0}, "above 0"),
        ({"iou": 1.5}, "at most 1"),
        ({"class_column": -1}, "at least 0"),
    ],
)
def test_bad_parameters_of_a_box(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ks.errors.ParameterError, match=words):
        ks.Box([0, 0, 1, 1], **options)


def test_saturated_probabilities_do_not_predict_the_class_of_a_step() -> None:
    head = layers.Dense(3, "sigmoid", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((4, 2)), head])
    head.bias.assign([30.0, 40.0, 35.0])
    found = ks.Probe(model).run(None, np.ones((1, 4, 2)), ks.Probability(ks.Step(-1)))
    assert found.labels.tolist() == [1]
    assert found.predictions is not None
    assert found.predictions.tolist() == [1]
    assert found.scores.tolist() == [1.0]
