"""Activation maximisation: what cannot be maximised, and runs that are cut short."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import errors
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS
from tests.helpers.expected_warnings import warned
from tests.helpers.maximization import STILL, maximize


def test_an_interrupted_run_gives_what_it_has() -> None:
    tiny = MODELS["functional"]()

    def stop(at: Any) -> None:
        if at.step == 3:
            raise KeyboardInterrupt

    with warned(errors.InterruptedWarning, "interrupted"):
        found = maximize(ks.Probe(tiny.model, batch_size=2), [0, 1, 2], steps=100, callbacks=[stop])
    assert found.interrupted
    assert len(found) == 2, "the third image was never begun"
    assert found.history.shape == (3, 2)
    assert_close(found.scores, ks.Probe(tiny.model).scores(found.images, [0, 1]), CLOSE, "scores")
    assert found.warnings[0].startswith("InterruptedWarning")


def test_batches_of_different_length_share_a_table() -> None:
    probe = ks.Probe(MODELS["functional"]().model, batch_size=1)
    seen = []

    def stop(at: Any) -> None:
        seen.append(at.step)
        if len(seen) == 13:  # ten of the first image, three of the second
            raise KeyboardInterrupt

    with warned(errors.InterruptedWarning, "interrupted"):
        found = maximize(probe, [0, 1], steps=10, snapshots=2, callbacks=[stop])
    assert found.snapshots.tolist() == [3, 5, 10]
    missing = np.isnan(found.snapshot_scores)
    assert missing.tolist() == [[True, False], [False, True], [False, True]]
    assert found.frames.shape == (3, 2, 8, 16, 3)
    assert found.history.shape == (10, 2)
    assert np.isnan(found.history[3:, 1]).all()
    assert_close(found.scores, np.nanmax(found.snapshot_scores, axis=0), 0.0, "scores")


def test_an_objective_that_becomes_nan_keeps_the_best() -> None:
    tiny = MODELS["linear"]()

    grey = float(ks.Probe(tiny.model).scores(np.full((1, 8, 8, 3), 0.5), 0)[0])

    def breaks(scores: Any) -> Any:
        return scores[:, 0] + 1e-6 * ops.log(grey + 1 - scores[:, 0])

    with pytest.raises(errors.ObjectiveError, match="finite") as caught:
        maximize(tiny.model, breaks, steps=200, snapshots=200, learning_rate=0.02, transforms=STILL)
    assert isinstance(caught.value, ArithmeticError)
    assert caught.value.result is not None
    assert np.isfinite(caught.value.result.scores).all()
    assert caught.value.result.scores[0] > grey
    with pytest.raises(errors.ObjectiveError) as caught:
        maximize(tiny.model, lambda scores: ops.log(-1 - ops.abs(scores[:, 0])))
    assert caught.value.result is None


def test_a_gradient_that_is_nan_is_named() -> None:
    tiny = MODELS["linear"]()
    with pytest.raises(errors.ObjectiveError, match="gradient"):
        maximize(tiny.model, lambda scores: ops.sqrt(ops.relu(scores[:, 0]) * 0))
    with pytest.raises(errors.ObjectiveError, match="penalt"):
        maximize(tiny.model, 0, penalties=(lambda pictures: ops.sqrt(0 * pictures[:, 0, 0, 0]),))


def test_a_unit_that_stays_closed_is_named() -> None:
    with warned(errors.StuckWarning, "channel 2 of dead"):
        found = maximize(MODELS["flat"]().model, ks.Unit("dead", channel=2), transforms=STILL)
    assert found.warnings[0].startswith("StuckWarning")


def no_gradient(scores: Any) -> Any:
    return ops.cast(ops.argmax(scores, axis=-1), "float32")


@pytest.mark.parametrize(
    ("target", "parameters", "error", "words"),
    [
        (1, {"input_range": (1, 0)}, errors.ParameterError, "lower one first"),
        (1, {"input_range": (0, np.inf)}, errors.ParameterError, "finite"),
        (1, {"input_range": 255}, errors.ParameterError, "input_range"),
        (1, {"input_range": ((0, 0), (1, 1))}, errors.ParameterError, "3 channels"),
        (None, {}, errors.TargetError, "needs a target"),
        ([], {}, errors.TargetError, "at least one"),
        (ks.Top(2), {}, errors.TargetError, "one score"),
        (ks.Contrast(1), {}, errors.TargetError, "no predicted class"),
        (ks.Output(0), {}, errors.TargetError, "no predicted class"),
        (ks.Rank(1), {}, errors.TargetError, "does not depend on an image"),
        (ks.Region(1), {}, errors.TargetError, "does not depend on an image"),
        (ks.Box([0, 0, 1, 1], 1), {}, errors.TargetError, "does not depend on an image"),
        (ks.Contrast(1, ks.Rivals(1, 1)), {}, errors.TargetError, "does not depend on an image"),
        (99, {}, errors.TargetError, "from 0 to 2"),
        (ks.Unit("conv2", channel=6), {}, errors.TargetError, "from 0 to 5"),
        (ks.Unit("nowhere"), {}, errors.UnknownLayerError, "nowhere"),
        (no_gradient, {}, errors.DisconnectedError, "depend on"),
        (1, {"steps": 0}, errors.ParameterError, "steps"),
        (1, {"copies": 1.5}, errors.ParameterError, "copies"),
        (1, {"learning_rate": 0}, errors.ParameterError, "learning_rate"),
        (1, {"diversity": -1}, errors.ParameterError, "diversity"),
        (1, {"seed": -1}, errors.ParameterError, "seed"),
        (1, {"parametrization": "wavelets"}, errors.ParameterError, "fourier"),
        (1, {"transforms": 3}, errors.ParameterError, "Transforms"),
        (1, {"penalties": [3]}, errors.ParameterError, "functions"),
        (1, {"iterations": 3}, errors.ParameterError, "iterations"),
        (1, {"size": (9, 9)}, errors.InputError, "size"),
        (1, {"size": -1}, errors.ParameterError, "size"),
        (1, {"start": np.full((1, 8, 16, 3), 2.0)}, errors.InputError, "input range"),
        (1, {"start": np.full((3, 8, 16, 3), 0.5)}, errors.InputError, "one image for all"),
    ],
)
def test_what_cannot_be_maximised_is_refused(target: Any, parameters: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        maximize(MODELS["functional"]().model, target, **parameters)


def test_a_size_too_small_for_the_network() -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3),
            layers.MaxPooling2D(4),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    with pytest.raises(errors.InputError, match="choose a larger size"):
        maximize(model, 0, size=8)
    assert maximize(model, 0, size=24).images.shape == (1, 24, 24, 3)
    with pytest.raises(errors.InputError, match="size"):
        maximize(model, 0)


def test_whole_numbers_have_no_gradient() -> None:
    model = keras.Sequential(
        [keras.Input((4, 4, 1), dtype="int32"), layers.Flatten(), layers.Rescaling(1.0), layers.Dense(2)]
    )
    with pytest.raises(errors.InputError, match="floating-point"):
        maximize(model, 0)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: ks.Transforms(jitter=-0.1), "jitter"),
        (lambda: ks.Transforms(scale=0.5), "scale"),
        (lambda: ks.Transforms(rotate=True), "rotate"),
        (lambda: ks.TotalVariation(-1), "weight"),
        (lambda: ks.LPNorm(p=0.5), "p must be"),
    ],
)
def test_parts_check_their_parameters(build: Any, name: str) -> None:
    with pytest.raises(errors.ParameterError, match=name):
        build()


def test_a_turn_needs_a_picture() -> None:
    with pytest.raises(errors.ParameterError, match="rotate"):
        maximize(MODELS["conv1d"]().model, 0, transforms=ks.Transforms(rotate=5))
    found = maximize(MODELS["functional"]().model, 0, transforms=ks.Transforms(rotate=5))
    assert np.isfinite(found.images).all()
