"""Advice: the best by quick metrics, the cheapest of those not shown to be worse, and its reasons."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.evaluation import CONTROLS
from kerascope.testing.metrics.scene import MetricScene
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, TARGET, box

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def planted() -> MetricScene:
    return ks.testing.Scenes().planted


def many(planted: MetricScene, count: int = 12) -> Any:
    """The planted images again and again, each with noise of its own."""
    rows = np.arange(count) % 3
    noise = np.random.default_rng(1).normal(0, 0.01, (count, *planted.images.shape[1:]))
    return (planted.images[rows] + noise).astype("float32"), [planted.labels[row] for row in rows]


def advised(*given: Any, **options: Any) -> Any:
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        return ks.recommend(*given, **options)


def test_a_map_that_is_right_is_advised_before_one_that_is_not(planted: MetricScene) -> None:
    images, targets = many(planted)
    wrong = ks.RandomMap(seed=9)
    advice = advised(planted.probe, images, target=targets, methods=[wrong, ks.LayerCAM()])
    assert advice.method == ks.LayerCAM()
    assert advice.equals[0] == "LayerCAM()"
    assert advice.report.methods[-len(CONTROLS) :] == tuple(one.describe() for one in CONTROLS)
    assert "best mean rank" in advice.reasons[0]
    assert "with 12 images" in advice.reasons[0]
    assert str(advice).startswith("use LayerCAM()")
    assert "FAITHFULNESS" in str(advice)
    assert repr(advice) == "<Recommendation: LayerCAM(), of 6 tried>"


def test_of_equals_the_cheapest_is_advised(planted: MetricScene) -> None:
    """The same maps for ten times the passes."""
    images, targets = many(planted)
    dear = ks.Augmented(ks.LayerCAM())
    advice = advised(planted.probe, images, target=targets, methods=[dear, ks.LayerCAM()])
    assert advice.method == ks.LayerCAM()
    costs = dict(zip(advice.report.methods, advice.report.forwards.tolist(), strict=True))
    assert costs[dear.describe()] > costs["LayerCAM()"]
    named = [costs[name] for name in advice.equals]
    assert named == sorted(named)


def test_what_is_no_better_than_a_control_is_advised_with_care(planted: MetricScene) -> None:
    images, targets = many(planted)
    advice = advised(planted.probe, images, target=targets, methods=[ks.RandomMap(seed=9)])
    assert any(reason.startswith("with care") for reason in advice.reasons)


def test_layers_of_finer_grids_are_tried_too() -> None:
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="fine"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="middle"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="last"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    images = np.random.default_rng(0).random((4, 16, 16, 1)).astype("float32")
    tried = advised(model, images).report.methods
    for name in (
        "GradCAM()",
        "GradCAM(layer='middle')",
        "LayerCAM(layer='fine')",
        "MultiScaleCAM()",
        "Saliency()",
        "Occlusion()",
    ):
        assert name in tried
    assert len(tried) == 3 * 3 + 1 + 5 + len(CONTROLS)


def test_a_black_box_has_what_it_can_answer() -> None:
    advice = advised(box(), IMAGES, target=TARGET)
    assert advice.method == ks.Occlusion()


def test_a_sample_keeps_the_target_of_each_image(planted: MetricScene) -> None:
    images, targets = many(planted, 30)
    advice = advised(planted.probe, images, target=targets, methods=[ks.LayerCAM()], sample=7, seed=3)
    rows = np.sort(np.random.default_rng(3).choice(30, 7, replace=False))
    again = ks.evaluate(
        [ks.LayerCAM()],
        planted.probe,
        images[rows],
        target=[targets[row] for row in rows],
        metrics=["deletion"],
        controls=(),
        seed=3,
    )
    place = advice.report.column("deletion")
    np.testing.assert_allclose(advice.report.values[0, place], again.values[0, 0], rtol=1e-5)


def test_where_nothing_works_it_is_said() -> None:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    with pytest.raises(errors.KerascopeError):
        advised(model, np.zeros((4, 6), "float32"))
    with pytest.raises(
        errors.EvaluationError, match=r"a candidate must work on this model; none did.*nowhere"
    ):
        advised(box(), IMAGES, target=TARGET, methods=[ks.GradCAM(layer="nowhere")])
