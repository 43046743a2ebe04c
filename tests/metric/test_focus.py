"""Focus: what speaks against the class counts for nothing."""

from __future__ import annotations

import keras
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing.models import fill, pictures

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore::kerascope.errors.KerascopeWarning")]


def test_relevance_below_zero_does_not_count() -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(5, 3, padding="same", activation="silu"),  # a grid of the size of the image
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ]
    )
    fill(model, 5)
    probe, images, labels = ks.Probe(model, compile=False), pictures(4, 8, 8, 3), [0, 1, 2, 3]
    signed = ks.GradCAM(relu=False)
    assert (signed(probe, images, labels).values < 0).any()
    found = []
    for method in (signed, ks.GradCAM()):
        explanation = method(probe, images, labels)
        found.append(ks.metric.Focus()(probe, images, explanation, method=method, labels=labels).values)
    assert found[0] == pytest.approx(found[1], rel=1e-5, nan_ok=True)
