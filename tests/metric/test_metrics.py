"""What holds of every metric, on a model whose answer is known, on each backend."""

from __future__ import annotations

import ast
import inspect
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors, metric
from kerascope.testing import MODELS
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, MAPS, TARGET, Planted, box, explained

ALL = ks.metrics()
SMALL: dict[str, dict[str, Any]] = {
    "deletion": {"steps": 16},
    "insertion": {"steps": 16},
    "faithfulness_correlation": {"samples": 40},
    "mu_fidelity": {"samples": 40},
    "infidelity": {"samples": 40},
    "normalised_infidelity": {"samples": 40},
    "sensitivity_n": {"samples": 10},
    "irof": {"regions": 12},
    "region_perturbation": {"regions": 16, "steps": 8},
    "max_sensitivity": {"samples": 2},
    "average_sensitivity": {"samples": 2},
    "local_lipschitz": {"samples": 2},
    "non_sensitivity": {"cells": 16},
}
ORDERED = {"deletion", "insertion", "road", "road_most", "road_least", "irof", "region_perturbation"}
SCALED = {"infidelity", "completeness_gap", "local_lipschitz"}
"""Metrics that say of themselves that the map's scale counts."""


def small(name: str) -> metric.Metric:
    return ALL[name](**SMALL.get(name, {}))


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


NEEDING_LESS = [name for name in ALL if name != "focus"]


@pytest.mark.once
@pytest.mark.parametrize("name", ALL)
def test_a_metric_is_a_value_and_documented(name: str) -> None:
    kind = ALL[name]
    one = kind()
    assert one == kind()
    assert hash(one) == hash(kind())
    assert eval(repr(one), vars(metric)) == one
    with pytest.raises(FrozenInstanceError):
        one.anything = 1  # type: ignore[attr-defined]
    assert one.group in metric.GROUPS
    assert one.direction in ("higher", "lower", None)
    text = inspect.getdoc(kind) or ""
    for section in ("Returns:", "Cost:", "Source:", "Example:"):
        assert section in text
    for field in fields(kind):
        assert f"{field.name}:" in text, field.name
    assert "$$" in text or "As `" in text or kind is metric.BoxLocalisation or "15 pixels" in text
    changed = kind.quick or {}
    assert set(changed) <= {field.name for field in fields(kind)}
    kind(**changed)
    ast.parse(one.written())


@pytest.mark.parametrize("name", NEEDING_LESS)
def test_a_value_is_that_of_its_image_alone(planted: Planted, name: str) -> None:
    one = small(name)
    together = planted.measured(one, planted.right)
    assert together.shape == (3,)
    low, high = one.bounds
    known = together[np.isfinite(together)]
    assert low is None or (known >= low - 1e-9).all()
    assert high is None or (known <= high + 1e-9).all()
    if name in ("efficient_randomisation", "random_logit"):
        return  # another class is drawn by the place of an image
    alone = planted.measured(one, planted.right, slice(1, 2))
    np.testing.assert_allclose(alone, together[1:2], rtol=2e-3, atol=2e-6)


@pytest.mark.parametrize("name", NEEDING_LESS)
def test_scale_counts_only_where_a_metric_says_so(planted: Planted, name: str) -> None:
    """Eight times the values, exact in binary; methods that explain again are measured on the map itself."""
    one = small(name)
    if "method" in one.needs and name != "adcc":
        return
    larger = replace(planted.right, values=8 * planted.right.values)
    before, after = planted.measured(one, planted.right), planted.measured(one, larger)
    if name in SCALED:
        assert name == "completeness_gap" or not np.allclose(before, after)
    else:
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "name",
    sorted(
        ORDERED
        | {
            "faithfulness_correlation",
            "mu_fidelity",
            "sensitivity_n",
            "normalised_infidelity",
            "pointing_game",
            "energy_pointing_game",
            "relevance_rank",
            "roc_auc",
            "iou",
            "average_drop",
        }
    ),
)
def test_right_beats_random_beats_wrong(planted: Planted, name: str) -> None:
    one = small(name)
    means = [
        float(np.nanmean(planted.measured(one, explanation)))
        for explanation in (planted.right, planted.random, planted.wrong)
    ]
    sign = 1 if one.direction == "higher" else -1
    right, chance, wrong = (sign * mean for mean in means)
    assert right > chance
    assert right > wrong
    assert chance >= wrong - 1e-6


@pytest.mark.parametrize("name", NEEDING_LESS)
def test_a_constant_map_has_no_value_and_is_flagged(planted: Planted, name: str) -> None:
    flat = replace(planted.right, values=planted.right.values.copy())
    flat.values[1] = 0.25
    with warned(errors.EvaluationWarning, "1 of 3 are constant|every score|every mask"):
        found = small(name)(
            planted.probe,
            planted.images,
            flat,
            planted.targets,
            method=planted.method,
            masks=planted.masks,
            labels=planted.targets,
        )
    assert np.isnan(found.values[1])
    assert any("1 of 3 are constant" in text for text in found.warnings)
    if name not in ("completeness_gap", "random_logit"):
        assert np.isfinite(found.values[[0, 2]]).all()


@pytest.mark.parametrize("name", NEEDING_LESS)
def test_cost_is_what_is_declared(planted: Planted, name: str) -> None:
    """Beside the forward that pins the target, and one for the probability of a model without a softmax."""
    one = small(name)
    planted.measured(one, planted.right)
    traces, before = planted.probe.trace_count, planted.probe.forward_count
    planted.measured(one, planted.right)
    spent = (planted.probe.forward_count - before) / 3
    declared = one.forwards + one.explanations * planted.method.forwards
    assert spent <= declared + 2
    if name not in ("irof", "completeness_gap"):
        assert spent >= declared
    assert planted.probe.trace_count == traces


def test_all_images_are_scored_also_when_they_fill_many_passes(planted: Planted) -> None:
    """Five of three images, two a pass: a library elsewhere scores the first batch only."""
    probe = ks.Probe(planted.probe.model, batch_size=2, compile=False)
    rows = [0, 1, 2, 0, 1]
    explanation = planted.right[rows]
    found = metric.Deletion(steps=8)(probe, planted.images[rows], explanation).values
    np.testing.assert_allclose(found, found[[0, 1, 2, 0, 1]], rtol=1e-5)
    whole = metric.Deletion(steps=8)(planted.probe, planted.images, planted.right).values
    np.testing.assert_allclose(found[:3], whole, rtol=1e-5)


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
    with pytest.raises(errors.EvaluationError, match="masks"):
        metric.PointingGame()(probe, IMAGES, explanation, TARGET)
    with pytest.raises(errors.EvaluationError, match="shape"):
        metric.PointingGame()(probe, IMAGES, explanation, TARGET, masks=np.ones((4, 2, 2)))
    with pytest.raises(errors.EvaluationError, match="these images"):
        metric.Deletion()(probe, IMAGES[:2], explanation, ks.Probability(0))
    with pytest.raises(errors.EvaluationError, match="one class at a time"):
        metric.Deletion()(probe, IMAGES, ks.RandomMap()(probe, IMAGES, ks.Probability(ks.Top(2))))
    with pytest.raises(errors.EvaluationError, match="method"):
        metric.ADCC()(probe, IMAGES, explanation, TARGET)
    with pytest.raises(errors.EvaluationError, match="model"):
        metric.RandomLogit()(probe, IMAGES, explanation, TARGET, method=ks.RandomMap())


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
