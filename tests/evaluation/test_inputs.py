"""Labels in every form: what is asked about each image, and how often."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.evaluation.inputs import resolve_inputs
from kerascope.testing.models import fill
from tests.helpers.expected_warnings import warned

layers = keras.layers
IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")
NAMES = ("sky", "snow", "sea")


def probe(activation: str, outputs: int = 3, **options: Any) -> ks.Probe:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="silu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(outputs, activation=activation),
        ]
    )
    fill(model, 1)
    return ks.Probe(model, compile=False, **options)


SEVERAL = [
    [["snow", "sky"], ["sea"], None, ["snow"]],
    [(1, 0), 2, None, "1"],
    ["snow|sky", "sea", None, "snow"],
    np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]),
]


@pytest.mark.once
@pytest.mark.parametrize("labels", SEVERAL)
def test_each_label_of_an_image_is_a_question_of_its_own(labels: Any) -> None:
    with warned(errors.EvaluationWarning, "1 of 4 have none"):
        asked = resolve_inputs(probe("sigmoid", class_names=NAMES), IMAGES, labels, masks=IMAGES[..., 0])
    pairs = sorted(zip([float(image[0, 0, 0]) for image in asked.images], asked.target, strict=True))
    own = [float(image[0, 0, 0]) for image in IMAGES]
    assert pairs == sorted([(own[0], 0), (own[0], 1), (own[1], 2), (own[3], 1)])
    np.testing.assert_array_equal(asked.masks, asked.images[..., 0])
    assert asked.labels is None, "a tile of a mosaic may show other labels, too"


@pytest.mark.once
@pytest.mark.parametrize("labels", [[0, 1, 1, 0], [False, True, True, False], ["no", "yes", "yes", "no"]])
def test_two_classes_of_one_sigmoid_have_labels_too(labels: Any) -> None:
    asked = resolve_inputs(probe("sigmoid", 1, class_names=["no", "yes"]), IMAGES, labels)
    assert asked.target == asked.labels == [0, 1, 1, 0]


@pytest.mark.once
def test_one_label_that_is_asked_about_is_answered_by_yes_or_no() -> None:
    snow = probe("sigmoid", class_names=NAMES, label="snow")
    with warned(errors.EvaluationWarning, "1 of 4 have none"):
        asked = resolve_inputs(snow, IMAGES, [["snow", "sky"], "sea", None, []])
    assert asked.target == [1, 0, 0]


@pytest.mark.once
@pytest.mark.parametrize(
    ("activation", "labels", "words"),
    [
        ("softmax", [[0, 1], 0, 1, 2], "one label if one class is correct"),
        ("softmax", ["sky", "snwo", "sea", "sky"], "snow"),
        ("sigmoid", [[0, 3], 0, 1, 2], "one of the model's 3 classes"),
        ("sigmoid", [None, [], None, None], "none of 4 has one"),
    ],
)
def test_labels_that_are_no_classes_are_refused(activation: str, labels: Any, words: str) -> None:
    with pytest.raises(errors.EvaluationError, match=words):
        ks.evaluate("saliency", probe(activation, class_names=NAMES), IMAGES, labels)


def test_methods_are_measured_checked_and_recommended_by_several_labels() -> None:
    model, labels = probe("sigmoid", class_names=NAMES), [["snow", "sky"], ["sea"], ["sea"], ["snow"]]
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        report = ks.evaluate("saliency", model, IMAGES, labels, metrics=["deletion"], controls=())
        checked = ks.sanity("saliency", model, IMAGES, labels=labels, depths=2, draws=1)
        advice = ks.recommend(model, IMAGES, labels=labels, methods=[ks.Saliency()])
    assert report.values.shape == (1, 1, 5)
    assert [title.split()[0] for title in report.example_titles] == ["snow", "sky", "sea", "sea", "snow"]
    alone = ks.evaluate("saliency", model, IMAGES[:1], target="sky", metrics=["deletion"], controls=())
    np.testing.assert_allclose(report.values[0, 0, 1], alone.values[0, 0, 0], rtol=1e-5)
    assert checked.check("random logit").similarities["ssim"].shape == (1, 5)
    assert len(advice.report) == 5
