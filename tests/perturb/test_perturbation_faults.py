"""Images under masks: what is refused, scores that are none, and runs that are cut short."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import warned

pytestmark = pytest.mark.once  # what is done on the host


@pytest.fixture(scope="module")
def tiny() -> ks.testing.Tiny:
    return ks.testing.MODELS["functional"]()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: ks.Occlusion(window=0), "window"),
        (lambda: ks.Occlusion(window=1.5), "window"),
        (lambda: ks.Occlusion(stride=(2, "x")), "stride"),
        (lambda: ks.RISE(probability=1.0), "probability"),
        (lambda: ks.RISE(masks=0), "masks"),
        (lambda: ks.RISE(tolerance=-1), "tolerance"),
        (lambda: ks.RISE(memory="lots"), "memory"),
        (lambda: ks.RISE(memory=0), "memory"),
        (lambda: ks.RISE(progress="yes"), "progress"),  # type: ignore[arg-type]
        (lambda: ks.RISE(baseline="grey"), "inpaint"),
        (lambda: ks.ScoreCAM(choice="best"), "choice"),
        (lambda: ks.ScoreCAM(smoothing="more"), "smoothing"),
        (lambda: ks.AblationCAM(baseline=1.0), "baseline"),
    ],
)
def test_bad_parameters_are_named(make: Any, word: str) -> None:
    with pytest.raises(errors.ParameterError, match=word):
        make()


def test_windows_that_do_not_fit_the_images_are_refused(tiny: ks.testing.Tiny) -> None:
    with pytest.raises(errors.ParameterError, match="each of the 2 axes"):
        ks.Occlusion(window=(2, 2, 2))(tiny.model, tiny.images, 1)
    with pytest.raises(errors.ParameterError, match="every pixel is covered"):
        ks.Occlusion(window=2, stride=3)(tiny.model, tiny.images, 1)


def test_scores_that_are_none_are_left_out_counted_and_told() -> None:
    kernel = np.random.default_rng(1).random((8, 8))

    def predict(images: Tensor) -> Tensor:
        scores = (images[..., 0] * kernel).sum(axis=(1, 2))
        # Where the first pixel is gone there is no score.
        return np.where(images[:, 0, 0, 0] > 0.5, scores, np.nan)[:, None]

    images = np.ones((2, 8, 8, 1), "float32")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ks.Occlusion(window=1, stride=1)(ks.BlackBox(predict, input_range=(0, 1)), images)
    told = {one.category: str(one.message) for one in caught}
    assert "of 128 masks 2 gave NaN" in told[errors.ExcludedWarning]
    assert errors.NonFiniteMapWarning in told  # no other window covers that pixel
    expected = kernel.copy()
    expected[0, 0] = np.nan
    assert np.allclose(found.values[0], expected, atol=1e-5, equal_nan=True)
    assert any("ExcludedWarning" in text for text in found.warnings)


def test_rise_leaves_out_scores_that_are_none() -> None:
    def predict(images: Tensor) -> Tensor:
        scores = images.sum(axis=(1, 2, 3))
        return np.where(scores > 52, np.nan, scores)[:, None]

    images = np.random.default_rng(0).random((1, 8, 8, 1)).astype("float32")
    with warned(errors.ExcludedWarning, "were left out"):
        found = ks.RISE(masks=200, cells=2, baseline=1.0)(ks.BlackBox(predict), images)
    assert np.isfinite(found.values).all()


def test_a_budget_that_does_not_hold_one_image_is_refused(tiny: ks.testing.Tiny) -> None:
    with pytest.raises(errors.MemoryBudgetError, match=r"one image .* MB; got 0.01 MB"):
        ks.RISE(masks=10, memory="10KB")(tiny.model, tiny.images, 1)


@pytest.mark.parametrize(
    "method", [ks.RISE(masks=400, cells=4), ks.Occlusion(window=2)], ids=["rise", "occlusion"]
)
def test_an_interruption_returns_what_was_found(method: ks.Method) -> None:
    calls = 0

    def predict(images: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return images.mean(axis=(1, 2))

    images = np.random.default_rng(0).random((1, 8, 16, 3)).astype("float32")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = method(ks.BlackBox(predict), images, 1)
    assert errors.InterruptedWarning in {one.category for one in caught}
    assert found.masks is not None
    assert found.masks.tolist() == [64]
    assert "partial" in " ".join(found.warnings)
    assert np.isfinite(found.values).any()


def test_a_black_box_that_fails_halfway_raises_with_what_was_found() -> None:
    calls = 0

    def predict(images: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise ConnectionError("the line is dead")
        return images.mean(axis=(1, 2))

    images = np.random.default_rng(0).random((2, 8, 16, 3)).astype("float32")
    with (
        warned(errors.InterruptedWarning, "partial"),
        pytest.raises(errors.BlackBoxError, match="the line is dead") as caught,
    ):
        ks.RISE(masks=400, cells=4)(ks.BlackBox(predict), images, 1)
    assert isinstance(caught.value.__cause__, ConnectionError)
    partial = caught.value.result
    assert partial.masks.tolist() == [64, 64]
    assert np.isfinite(partial.values).all()
    whole = ks.RISE(masks=64, cells=4)(ks.BlackBox(lambda x: x.mean(axis=(1, 2))), images, 1)
    assert np.array_equal(partial.values, whole.values)


def test_sums_hold_one_image_at_a_time_and_the_score_of_the_image_may_be_none() -> None:
    def predict(images: Tensor) -> Tensor:
        scores = images.sum(axis=(1, 2, 3))
        return np.where(scores > 30, np.nan, scores)[:, None]

    images = np.full((1, 8, 8, 1), 0.6, "float32")
    images[0, :4] = 0.4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ks.RISE(masks=100, baseline=0.0)(ks.BlackBox(predict), images)
    assert np.isnan(found.scores).all()
    assert np.isfinite(found.values).all()
