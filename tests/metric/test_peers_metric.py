"""Metrics against Quantus and captum: the same maps, masks, subsets and noise, on torch.

The network has no corner: a noisy copy of an image may bring a rectifier within a rounding of its own.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import metric
from tests.helpers.networks.smooth import plain

pytestmark = pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "torch", reason="captum and Quantus run on torch"
)

GENERATOR = np.random.default_rng(12)
COUNT, SIDE, CLASS = 6, 12, 1
MAPS = GENERATOR.normal(size=(COUNT, SIDE, SIDE)).astype("float32")
MASKS = np.zeros((COUNT, SIDE, SIDE), bool)
for number in range(COUNT):
    MASKS[number, number : number + 5, 2:9] = True
IMAGES = GENERATOR.random((COUNT, SIDE, SIDE, 1)).astype("float32")


def quantus() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import quantus

    return quantus


def theirs(one: Any, **given: Any) -> Any:
    """A metric of Quantus on the maps, channels first as it takes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = one(
            model=None,
            x_batch=np.moveaxis(IMAGES, -1, 1),
            y_batch=np.full(COUNT, CLASS),
            a_batch=MAPS[:, None],
            channel_first=True,
            **given,
        )
    return np.asarray(found, "float64")


def ours(one: metric.Metric, **given: Any) -> Any:
    probe = ks.BlackBox(lambda batch: np.full((len(batch), 2), 0.5))
    explanation = replace(
        ks.RandomMap()(probe, IMAGES, ks.Probability(CLASS)), values=MAPS, signed=True, method="by hand"
    )
    return one(probe, IMAGES, explanation, ks.Probability(CLASS), **given).values


def test_sparseness_is_that_of_quantus() -> None:
    expected = theirs(quantus().Sparseness(disable_warnings=True))
    np.testing.assert_allclose(ours(metric.Sparseness()), expected, atol=1e-6)


def test_complexity_is_that_of_quantus_as_a_share() -> None:
    expected = theirs(quantus().Complexity(disable_warnings=True)) / np.log(SIDE * SIDE)
    np.testing.assert_allclose(ours(metric.Complexity()), expected, atol=1e-6)


def test_pointing_game_is_that_of_quantus() -> None:
    expected = theirs(quantus().PointingGame(disable_warnings=True), s_batch=MASKS[:, None])
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(ours(metric.PointingGame(), masks=MASKS), expected)


def test_relevance_rank_is_that_of_quantus() -> None:
    expected = theirs(quantus().RelevanceRankAccuracy(disable_warnings=True), s_batch=MASKS[:, None])
    np.testing.assert_allclose(ours(metric.RelevanceRank(), masks=MASKS), expected, atol=1e-9)


# ---- robustness: the same draws --------------------------------------------------------------

SAMPLES, RADIUS = 5, 0.03


class Drawn:
    """A small network, and the noisy copies that kerascope makes, one after the other for the peer."""

    def __init__(self) -> None:
        self.model, self.images = plain()
        self.probe = ks.Probe(self.model)
        self.method = ks.Saliency()
        self.calls = 0

    def explained(self, images: Any) -> Any:
        return self.method(self.probe, np.asarray(images, "float32"), CLASS).heatmaps()

    def copy(self) -> Any:
        """The next of the copies: uniform noise in the range of each image's own pixels."""
        axes = tuple(range(1, self.images.ndim))
        span = np.ptp(self.images.astype("float64"), axis=axes, keepdims=True)
        drawn = np.random.default_rng([0, self.calls]).uniform(-1, 1, self.images.shape[1:])
        self.calls += 1
        return self.images + RADIUS * span * drawn

    def measured(self, kind: type[metric.Metric]) -> Any:
        explanation = self.method(self.probe, self.images, CLASS)
        return kind(samples=SAMPLES, radius=RADIUS)(
            self.probe, self.images, explanation, CLASS, method=self.method
        ).values


@pytest.mark.parametrize(
    ("name", "kind"),
    [("MaxSensitivity", metric.MaxSensitivity), ("AvgSensitivity", metric.AverageSensitivity)],
)
def test_sensitivity_is_that_of_quantus_with_the_same_draws(name: str, kind: type[metric.Metric]) -> None:
    drawn = Drawn()

    def perturbed(arr: Any, indices: Any, **_: Any) -> Any:
        return np.moveaxis(drawn.copy(), -1, 1).reshape(arr.shape).astype("float32")

    def explain(model: Any, inputs: Any, targets: Any, **_: Any) -> Any:
        return drawn.explained(np.moveaxis(inputs, 1, -1))[:, None]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = getattr(quantus(), name)(nr_samples=SAMPLES, perturb_func=perturbed, disable_warnings=True)
        expected = one(
            model=drawn.model,
            x_batch=np.moveaxis(drawn.images, -1, 1),
            y_batch=np.full(len(drawn.images), CLASS),
            a_batch=drawn.explained(drawn.images)[:, None],
            channel_first=True,
            explain_func=explain,
        )
    assert drawn.calls == SAMPLES
    np.testing.assert_allclose(drawn.measured(kind), np.asarray(expected, "float64"), rtol=1e-4)


def test_max_sensitivity_is_captums_with_the_same_draws() -> None:
    import torch
    from captum.metrics import sensitivity_max

    drawn = Drawn()
    expected = sensitivity_max(
        lambda inputs: (torch.tensor(drawn.explained(inputs[0])),),
        torch.tensor(drawn.images),
        perturb_func=lambda inputs, radius: (torch.tensor(drawn.copy(), dtype=torch.float32),),
        n_perturb_samples=SAMPLES,
        max_examples_per_batch=len(drawn.images),
    ).numpy()
    assert drawn.calls == SAMPLES
    np.testing.assert_allclose(drawn.measured(metric.MaxSensitivity), expected, rtol=1e-4)


# ---- infidelity: the same subsets ------------------------------------------------------------


def removals(samples: int, share: float) -> list[Any]:
    """Which of 8 x 16 pixels are removed: cells of a grid of four by eight."""
    found = []
    for number in range(samples):
        cells = np.zeros(32)
        cells[np.random.default_rng([0, number]).permutation(32)[: round(share * 32)]] = 1
        found.append(np.kron(cells.reshape(4, 8), np.ones((2, 2))))
    return found


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("method", [ks.InputXGradient(), ks.IntegratedGradients(steps=20)])
def test_infidelity_is_captums_on_the_same_subsets(method: Any, normalize: bool) -> None:
    import torch
    from captum.metrics import infidelity

    model, images = plain((8, 16, 3))
    probe = ks.Probe(model)
    explanation = replace(method(probe, images, CLASS), reduction="sum")
    chosen = removals(40, 0.25)
    calls = iter(chosen)

    def perturbed(inputs: Any, baselines: Any = None) -> Any:
        removed = torch.tensor(next(calls)[None, :, :, None], dtype=torch.float32).expand(inputs.shape)
        return removed, inputs * (1 - removed)

    expected = infidelity(
        model,
        perturbed,
        torch.tensor(images),
        torch.tensor(explanation.values),
        target=CLASS,
        n_perturb_samples=40,
        max_examples_per_batch=len(images),
        normalize=normalize,
    ).numpy()
    options: dict[str, Any] = {"samples": 40, "cells": 32, "share": 0.25}
    if not normalize:
        found = metric.Infidelity(**options)(probe, images, explanation, CLASS).values
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        return
    # Theirs is in units of the score squared, ours a share of the mean square of the fall.
    whole = np.asarray(model(torch.tensor(images)).detach())[:, CLASS]
    falls = np.stack(
        [
            whole
            - np.asarray(model(torch.tensor((images * (1 - one[..., None])).astype("float32"))).detach())[
                :, CLASS
            ]
            for one in chosen
        ]
    )
    found = metric.NormalisedInfidelity(**options)(probe, images, explanation, CLASS).values
    positive = found < 1  # of an inverted map, captum's best scale is negative
    assert positive.any()
    np.testing.assert_allclose(found[positive], (expected / (falls**2).mean(axis=0))[positive], rtol=1e-3)
