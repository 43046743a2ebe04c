"""Gradients at the input against captum, on the same Keras models, weights, baselines and draws, on torch.

The models have no corner: between two steps of a path, or two draws of noise, some unit of a rectifier always
lies within a rounding of its own.
"""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import difference
from kerascope.typing import Tensor
from tests.helpers.networks.smooth import NETWORKS, plain

pytestmark = [
    pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "torch", reason="captum runs on torch"),
    # A few steps are enough to compare.
    pytest.mark.filterwarnings("ignore:values should sum:kerascope.errors.CompletenessWarning"),
]

TOLERANCE = 1e-5
CLASS = 1


def tensor(array: Tensor) -> Any:
    import torch

    return torch.tensor(np.asarray(array, "float32"))


def attributed(name: str, model: keras.Model, images: Tensor, **options: Any) -> Tensor:
    """What captum's method of this name attributes to the class."""
    import captum.attr

    peer = getattr(captum.attr, name)(model)
    leaf = tensor(images).requires_grad_()
    return peer.attribute(leaf, target=CLASS, **options).detach().numpy()


def agrees(mine: Tensor, theirs: Tensor) -> None:
    assert np.any(theirs), "a peer's map of zeros would prove nothing"
    assert difference(mine, theirs) <= TOLERANCE


@pytest.mark.parametrize("name", NETWORKS)
def test_input_x_gradient_is_captums(name: str) -> None:
    model, images = NETWORKS[name]()
    agrees(ks.InputXGradient()(model, images, CLASS).values, attributed("InputXGradient", model, images))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", ["number", "one for each image"])
def test_integrated_gradients_are_captums(name: str, kind: str) -> None:
    model, images = NETWORKS[name]()
    random = np.random.default_rng(1).random(images.shape).astype("float32")
    baseline: Any = 0.5 if kind == "number" else random
    theirs = attributed(
        "IntegratedGradients",
        model,
        images,
        baselines=0.5 if kind == "number" else tensor(random),
        method="riemann_middle",
        n_steps=20,
        internal_batch_size=None,
    )
    found = ks.IntegratedGradients(steps=20, baseline=baseline)(model, images, CLASS)
    agrees(found.values, theirs)


@pytest.mark.parametrize("count", [1, 4])
def test_expected_gradients_are_captums_with_the_same_draws(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = plain()
    background = np.random.default_rng(2).normal(0, 1, (count, *images.shape[1:])).astype("float32")
    method = ks.ExpectedGradients(samples=8, baseline=tuple(background))
    alphas, numbers = method.draws()
    # captum repeats each image as often as there are samples, and draws a row for each repetition.
    drawn = {"choice": np.tile(numbers, len(images)), "uniform": np.tile(alphas, len(images))}
    asked = []

    def choice(*arguments: Any, **options: Any) -> Tensor:
        asked.append("choice")
        return drawn["choice"]

    def uniform(low: float, high: float, size: int) -> Tensor:
        asked.append("uniform")
        assert size == len(drawn["uniform"])
        return drawn["uniform"]

    monkeypatch.setattr(np.random, "choice", choice)
    monkeypatch.setattr(np.random, "uniform", uniform)
    theirs = attributed("GradientShap", model, images, baselines=tensor(background), n_samples=8, stdevs=0.0)
    assert asked == ["choice", "uniform"], "captum must have drawn these numbers"
    agrees(method(model, images, CLASS).values, theirs)


@pytest.mark.parametrize(
    ("method", "kind"),
    [(ks.SmoothGrad, "smoothgrad"), (ks.SquareGrad, "smoothgrad_sq")],
    ids=["SmoothGrad", "SquareGrad"],
)
@pytest.mark.parametrize("noisy", [False, True], ids=["without noise", "with the same noise"])
def test_noise_is_captums_noise_tunnel(
    method: Any, kind: str, noisy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import captum.attr
    import torch

    model, images = plain()
    image = images[:1]
    mine = method(samples=6, sigma=0.15 if noisy else 0.0)
    draws = [np.random.default_rng([0, copy]).standard_normal(image.shape[1:]) for copy in range(6)]
    width = 0.15 * float(np.ptp(image)) if noisy else 0.0
    if noisy:
        monkeypatch.setattr(torch, "normal", lambda mean, std: mean + std * tensor(np.stack(draws)))
    tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(model))
    theirs = tunnel.attribute(
        tensor(image).requires_grad_(), target=CLASS, abs=False, nt_type=kind, nt_samples=6, stdevs=width
    )
    agrees(mine(model, image, CLASS).values, theirs.detach().numpy())
    if noisy:
        quiet = method(samples=6, sigma=0.0)(model, image, CLASS).values
        assert difference(quiet, theirs.detach().numpy()) > 0.01, "the noise must show"
