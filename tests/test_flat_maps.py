"""A map that hardly varies is as empty as a blank one: it is warned about, not painted, and not measured."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.explanation import LEAST_VARIATION
from tests.helpers.expected_warnings import warned
from tests.helpers.networks import bars
from tests.helpers.networks.trained import trained

IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")
IMAGES[:, 0, :2, 0] = 0, 1
METHODS = [ks.GradCAM(), ks.LayerCAM(), ks.EigenCAM()]


def network(weight: float) -> keras.Model:
    """Features that are 1 + weight x pixel, and so are the maps, but for a factor."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.set_weights([np.full((1, 1, 1, 2), weight), np.ones(2), np.array([[2, 1], [2, 1]]), np.zeros(2)])
    return model


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_maps_that_vary_by_2_percent_show_nothing(method: ks.Method) -> None:
    model = network(0.02)
    with warned(
        ks.errors.FlatMapWarning, r"4 of 4 maps \(images 0, 1, 2, 3\) vary by up to 2% of their largest"
    ):
        found = method(model, IMAGES)
    assert found.flat.all()
    assert found.warnings[0].startswith("FlatMapWarning")
    blank = replace(found, values=np.zeros_like(found.values))
    np.testing.assert_array_equal(found.overlay(), blank.overlay())
    with warned(ks.errors.EvaluationWarning, "4 of 4 are constant, nearly so"):
        assert np.isnan(ks.metric.Sparseness()(model, IMAGES, found).values).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_maps_that_vary_by_20_percent_show_something(method: ks.Method) -> None:
    model = network(0.25)
    found = method(model, IMAGES)
    assert not found.flat.any()
    assert not found.warnings
    assert (np.ptp(found.overlay().astype(int), axis=-1) > 0).any(axis=(1, 2)).all(), "in colour"
    assert np.isfinite(ks.metric.Sparseness()(model, IMAGES, found).values).all()


@pytest.mark.once
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_limit_lies_far_from_what_networks_give(method: ks.Method) -> None:
    """Of one that was trained, and of the same when little but a bias is left of its last features."""
    images, _ = bars.pictures(30, seed=5)
    model = trained("clean")
    assert method(model, images).variation.min() > 4 * LEAST_VARIATION
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    last.set_weights([last.get_weights()[0] * 1e-5, np.ones(16)])
    with warned(ks.errors.FlatMapWarning, "30 of 30 maps"):
        found = method(model, images)
    assert found.variation.max() < LEAST_VARIATION / 4
