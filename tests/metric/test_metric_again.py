"""Metrics that explain again: noise, mosaics, another class, a random model."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors, metric
from kerascope.dataset import mosaics
from kerascope.metric import similarity
from kerascope.testing import MODELS
from kerascope.testing.models import fill
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, SIDE, TARGET, box

pytestmark = pytest.mark.once

EDGES = ks.EdgeMap()


def found(one: metric.Metric, method: ks.Method = EDGES, **options: Any) -> Any:
    """Of maps that are made by a method of the images alone."""
    probe = box()
    explanation = method(probe, IMAGES, TARGET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.EvaluationWarning)
        return one(probe, IMAGES, explanation, TARGET, method=method, **options).values


def test_a_map_that_does_not_look_does_not_move() -> None:
    assert found(metric.MaxSensitivity(samples=2), ks.CentreGaussian()) == pytest.approx(0)


def test_whole_numbers_stay_whole_and_in_their_range() -> None:
    """Noise on uint8 pixels moves each by at least a step, and none below 0 or above 255."""
    seen: list[Any] = []

    def predict(batch: Any) -> Any:
        seen.append(np.array(batch))
        shares = np.asarray(batch, "float64").mean(axis=(1, 2)) / 255
        return np.concatenate([shares, 1 - shares], axis=1)

    images = np.zeros((2, SIDE, SIDE, 1), "uint8")
    images[1] = 255
    images[:, 2, 2] = 100
    probe = ks.BlackBox(predict)
    method = ks.Occlusion(window=2, stride=2, baseline=0)
    explanation = method(probe, images, ks.Probability(0))
    seen.clear()
    one = metric.LocalLipschitz(samples=2, radius=0.002)
    values = one(probe, images, explanation, ks.Probability(0), method=method).values
    assert np.isfinite(values).all()
    batches = np.concatenate(seen)
    assert batches.dtype == np.uint8
    assert set(np.unique(batches)) <= {0, 1, 99, 100, 101, 254, 255}
    assert {99, 101} & set(np.unique(batches))


# ---- completeness ----------------------------------------------------------------------------


def test_the_completeness_gap_is_the_share_that_is_missed() -> None:
    tiny = MODELS["linear"]()
    probe = ks.Probe(tiny.model, compile=False)
    explanation = ks.InputXGradient()(probe, tiny.images, 1)
    kernel, images = tiny.model.get_weights()[0], tiny.images.astype("float64")
    for factor in (1.0, 0.5, -1.0):
        scaled = replace(explanation, values=np.float32(factor) * explanation.values)
        expected = []
        for image in images:
            change = float(image.ravel() @ kernel[:, 1])
            total = sum(float(factor * image.ravel()[i] * kernel[i, 1]) for i in range(image.size))
            expected.append(abs(total - change) / abs(change))
        values = metric.CompletenessGap()(probe, tiny.images, scaled, 1).values
        np.testing.assert_allclose(values, expected, atol=1e-5)
        assert values == pytest.approx(abs(factor - 1), abs=1e-5)


def test_a_method_that_states_its_gap_is_taken_at_its_word_and_a_layer_has_none() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model, compile=False)
    with warned(errors.CompletenessWarning, "miss it"):
        explanation = ks.IntegratedGradients(steps=3)(probe, tiny.images, 1)
    assert explanation.completeness_gap is not None
    values = metric.CompletenessGap()(probe, tiny.images, explanation, 1).values
    np.testing.assert_allclose(values, np.abs(explanation.completeness_gap), rtol=1e-6)
    cam = ks.GradCAM()(probe, tiny.images, 1)
    assert np.isnan(metric.CompletenessGap()(probe, tiny.images, cam, 1).values).all()


# ---- another class, a random model -----------------------------------------------------------


def learnt() -> tuple[Any, Any]:
    """A small network without a corner, and images for it."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(6, 3, activation="silu", bias_initializer="glorot_uniform"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(6, 3, activation="silu", name="last"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )
    fill(model, 11)
    return ks.Probe(model, compile=False), np.random.default_rng(2).random((3, 16, 16, 1)).astype("float32")


def test_random_logit_is_the_likeness_of_another_class() -> None:
    probe, images = learnt()
    method, target = ks.Saliency(), [0, 1, 2]
    explanation = method(probe, images, target)
    for name in similarity.SIMILARITIES:
        one = metric.RandomLogit(similarity=name, seed=3)
        values = one(probe, images, explanation, target, method=method).values
        other = [
            (label + int(np.random.default_rng([3, image]).integers(1, 4))) % 4
            for image, label in enumerate(target)
        ]
        assert all(one != label for one, label in zip(other, target, strict=True))
        maps = method(probe, images, other).heatmaps()
        np.testing.assert_allclose(
            values, similarity.similarity_of(name, explanation.heatmaps(), maps), rtol=1e-4, atol=1e-6
        )
    # The wrong variant: of the class itself, every map is like itself.
    same = similarity.ssim(explanation.heatmaps(), method(probe, images, target).heatmaps())
    assert same == pytest.approx(1)
    assert (values < 0.999).any()


def test_a_random_logit_needs_another_class() -> None:
    probe, images = learnt()
    explanation = ks.Saliency()(probe, images, ks.Contrast(0, 1))
    with pytest.raises(errors.EvaluationError, match="another class"):
        metric.RandomLogit()(probe, images, explanation, ks.Contrast(0, 1), method=ks.Saliency())


def test_a_map_that_does_not_depend_on_the_model_has_the_same_order_in_a_random_one() -> None:
    probe, images = learnt()
    one = metric.EfficientRandomisation()
    assert one(probe, images, EDGES(probe, images, 1), 1, method=EDGES).values == pytest.approx(0)


# ---- likeness --------------------------------------------------------------------------------


def test_likeness_of_maps() -> None:
    generator = np.random.default_rng(6)
    one, other = generator.normal(size=(2, 3, 24, 24))
    for name in similarity.SIMILARITIES:

        def similarity_of(first: Any, second: Any, name: str = name) -> Any:
            return similarity.similarity_of(name, first, second)

        assert similarity_of(one, one) == pytest.approx(1), name
        np.testing.assert_allclose(similarity_of(one, 3 * one), 1, err_msg=name)
        assert (similarity_of(one, other) < 0.9).all(), name
        assert np.isnan(similarity_of(one, np.zeros_like(one))).all(), name
    assert similarity.similarity_of("spearman", one, -one) == pytest.approx(-1)
    assert similarity.similarity_of("spearman_of_size", one, -one) == pytest.approx(1)
    from scipy.stats import spearmanr

    for row in range(3):
        assert similarity.similarity_of("spearman", one, other)[row] == pytest.approx(
            spearmanr(one[row].ravel(), other[row].ravel()).statistic
        )


# ---- focus -----------------------------------------------------------------------------------


def colours(count: int = 12) -> tuple[Any, Any, Any]:
    """Images of one bright channel of four each, and a model whose score k is the mean of channel k."""
    labels = np.arange(count) % 4
    images = np.full((count, 8, 8, 4), 0.05, "float32")
    bright = np.random.default_rng(9).uniform(0.8, 1, (count, 8, 8))
    images[np.arange(count), :, :, labels] = bright
    model = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            keras.layers.Conv2D(4, 1, use_bias=False, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, use_bias=False),
        ]
    )
    model.layers[0].set_weights([np.eye(4, dtype="float32")[None, None]])
    model.layers[-1].set_weights([np.eye(4, dtype="float32")])
    return ks.Probe(model, compile=False), images, labels


def test_focus_is_the_share_on_the_tile() -> None:
    """The map is the channel of the class: bright on its tile, 0.05 on the three others."""
    probe, images, labels = colours()
    method = ks.LayerCAM(layer="conv")
    explanation = method(probe, images, labels.tolist())
    options = {"method": method, "labels": labels}
    values = metric.Focus()(probe, images, explanation, labels.tolist(), **options).values
    expected = []
    for mosaic, label, tile in zip(
        *(getattr(mosaics(images, labels, 0), name) for name in ("images", "targets", "tiles")), strict=True
    ):
        channel = mosaic[..., label]
        inside = sum(channel[place] for place in np.ndindex(8, 8) if tile[place])
        expected.append(inside / sum(channel[place] for place in np.ndindex(8, 8)))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert min(expected) > 0.8
    # A map that knows nothing has a quarter.
    uniform = ks.RandomMap(grid=None)
    explanation = uniform(probe, images, labels.tolist())
    chance = metric.Focus()(probe, images, explanation, labels.tolist(), method=uniform, labels=labels).values
    assert chance.mean() == pytest.approx(0.25, abs=0.03)
    # The wrong variant: the class of a tile, on a model that takes each class for the next one.
    probe.model.layers[-1].set_weights([np.roll(np.eye(4, dtype="float32"), 1, axis=1)])
    wrong = metric.Focus()(probe, images, explanation, 0, **options).values
    assert (wrong < 0.06).all()


def test_focus_of_three_classes_is_refused() -> None:
    probe, images, labels = colours()
    method = ks.LayerCAM(layer="conv")
    explanation = method(probe, images, labels.tolist())
    with pytest.raises(errors.InputError, match="four classes or more"):
        metric.Focus()(
            probe, images, explanation, labels.tolist(), method=method, labels=np.minimum(labels, 2)
        )
