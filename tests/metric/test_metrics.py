"""Metrics on a model whose answer is known, on each backend; what they refuse."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors, metric
from kerascope.testing import MODELS
from tests.helpers.metric_cases import IMAGES, MAPS, TARGET, box, explained


def test_a_linear_model_has_correlation_one_and_infidelity_zero() -> None:
    tiny = MODELS["linear"]()
    probe = ks.Probe(tiny.model, compile=False)
    explanation = ks.InputXGradient()(probe, tiny.images, 1)
    options = {"samples": 30, "cells": 16}
    for kind in (metric.FaithfulnessCorrelation, metric.MuFidelity):
        assert kind(**options)(probe, tiny.images, explanation).values == pytest.approx(1, abs=1e-4)
    for kind in (metric.Infidelity, metric.NormalisedInfidelity, metric.CompletenessGap):
        own = options if kind is not metric.CompletenessGap else {}
        assert kind(**own)(probe, tiny.images, explanation).values == pytest.approx(0, abs=1e-5)
    # Rounding leaves a gap that is not zero: a test for equality of floats would call it a failure.
    assert metric.SensitivityN(samples=10, cells=16)(probe, tiny.images, explanation).values == pytest.approx(
        1, abs=1e-4
    )


def test_probabilities_of_scores_and_of_a_softmax_are_the_same() -> None:
    """A model that was trained from its scores is judged by the softmax over them."""
    tiny = MODELS["functional"]()
    scores = ks.Probe(tiny.model, compile=False)
    shares = ks.Probe(keras.Sequential([tiny.model, keras.layers.Softmax()]), compile=False)
    explanation = ks.RandomMap()(scores, tiny.images, 1)
    one = metric.Deletion(steps=6)
    np.testing.assert_allclose(
        one(scores, tiny.images, explanation).curves,
        one(shares, tiny.images, explanation).curves,
        rtol=1e-5,
    )


@pytest.mark.once
def test_what_does_not_fit_is_said() -> None:
    probe = box()
    explanation = explained(probe, IMAGES, MAPS)
    with pytest.raises(errors.EvaluationError, match="shape"):
        metric.PointingGame()(probe, IMAGES, explanation, TARGET, masks=np.ones((4, 2, 2)))
    with pytest.raises(errors.EvaluationError, match="these images"):
        metric.Deletion()(probe, IMAGES[:2], explanation, ks.Probability(0))
    with pytest.raises(errors.EvaluationError, match="one class at a time"):
        metric.Deletion()(probe, IMAGES, ks.RandomMap()(probe, IMAGES, ks.Probability(ks.Top(2))))


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (metric.Deletion, {"steps": 0}),
        (metric.Deletion, {"baseline": "nothing"}),
        (metric.ROAD, {"shares": (1.5,)}),
        (metric.ROAD, {"noise": -1}),
        (metric.FaithfulnessCorrelation, {"share": 1}),
        (metric.SensitivityN, {"shares": ()}),
        (metric.MaxSensitivity, {"radius": 0}),
        (metric.PointingGame, {"tolerance": -1}),
        (metric.BoxLocalisation, {"share": 0}),
        (metric.RandomLogit, {"similarity": "likeness"}),
        (metric.NonSensitivity, {"epsilon": 2}),
        (metric.IROF, {"regions": 1}),
        (metric.RegionPerturbation, {"steps": 0}),
    ],
)
def test_a_bad_parameter_is_named(kind: type[metric.Metric], given: dict[str, Any]) -> None:
    with pytest.raises(errors.ParameterError, match=next(iter(given)).rstrip("s")):
        kind(**given)
