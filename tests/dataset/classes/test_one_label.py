"""Runs that ask about one of several labels: the labels of images become yes and no."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset.options import ImageOptions, RunOptions
from kerascope.dataset.reading.arrays import from_arrays
from kerascope.dataset.running.plan import plan
from kerascope.testing.models import fill
from tests.helpers.expected_warnings import warned

layers = keras.layers
pytestmark = pytest.mark.once
IMAGES = np.random.default_rng(0).random((5, 8, 8, 1)).astype("float32")
OPTIONS = ImageOptions(overlay=None, preprocessing="0-1")
NAMES = ("sky", "snow", "sea")


def network(activation: str | None) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation=activation),
        ]
    )
    fill(model, 1)
    return model


def test_labels_are_answered_and_unknown_ones_are_noted(tmp_path: Path) -> None:
    probe = ks.Probe(network("sigmoid"), class_names=NAMES, label="snow")
    labels = [["snow", "sea"], "sea", [], None, "snwo"]
    with warned(errors.KerascopeWarning, "'snwo' is none of the model's 3", subclasses=True):
        job = plan(probe, from_arrays(IMAGES, labels), "saliency", options=OPTIONS)
    results = job.run(tmp_path, RunOptions(progress=False))
    rows = list(results.rows(["label", "label_index", "prediction", "warnings"]))
    assert [row["label_index"] for row in rows] == [1, 0, 0, None, None]
    assert [row["label"] for row in rows] == ["snow", "not snow", "not snow", None, None]
    assert {row["prediction"] for row in rows} <= {0, 1}
    assert "'snwo'" in rows[4]["warnings"][0]


def test_a_run_keeps_that_scores_are_of_labels() -> None:
    probe = ks.Probe(network(None), class_names=NAMES, output="labels")
    job = plan(probe, from_arrays(IMAGES), "saliency", options=OPTIONS)
    assert job.probe.graph(IMAGES).kinds == ("labels",)
