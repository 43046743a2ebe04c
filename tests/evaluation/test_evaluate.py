"""`ks.evaluate`: every method by every metric, beside controls, at the cost that is promised."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors, metric
from kerascope.evaluation import CONTROLS
from kerascope.evaluation.evaluate import evaluate
from kerascope.testing.metrics.scene import MetricScene
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, LABELS, MASKS, TARGET, box, probabilities

SOME = (metric.Deletion(steps=6), metric.PointingGame(), metric.Sparseness())


@pytest.fixture(scope="module")
def planted() -> MetricScene:
    return ks.testing.Scenes().planted


def evaluated(planted: MetricScene, methods: Any, **options: Any) -> ks.Report:
    """A report on the planted colours, whatever is warned of."""
    options = {"labels": planted.labels, "masks": planted.masks, "metrics": SOME} | options
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        return ks.evaluate(methods, planted.probe, planted.images, **options)


def test_values_are_those_that_each_metric_gives_by_itself(planted: MetricScene) -> None:
    methods = [ks.LayerCAM(), ks.Saliency()]
    report = evaluated(planted, methods)
    assert report.methods == tuple(one.describe() for one in (*methods, *CONTROLS))
    assert report.controls == {one.describe() for one in CONTROLS}
    assert report.values.shape == (6, 3, 3)
    for row, method in enumerate((*methods, *CONTROLS)):
        explanation = method(planted.probe, planted.images, planted.labels)
        for column, one in enumerate(SOME):
            np.testing.assert_allclose(
                report.values[row, column],
                planted.measure(one, explanation, method=method).values,
                rtol=1e-5,
                atol=1e-7,
            )
    pointing = report.means[:, report.column("pointing_game")]
    assert pointing[0] == 1
    assert pointing[2:4].max() < 1
    places, curves = report.curves["deletion"]
    assert places.tolist() == pytest.approx(np.linspace(0, 1, 7).tolist(), abs=2e-3)
    deletion = metric.Deletion(steps=6)(
        planted.probe, planted.images, ks.LayerCAM()(planted.probe, planted.images, planted.labels)
    )
    np.testing.assert_allclose(curves[0], deletion.curves.mean(axis=0), rtol=1e-5)


def test_the_quick_level_takes_under_sixty_forwards(planted: MetricScene) -> None:
    """All metrics that are cheap, with masks; each method's own explanation comes on top."""
    report = evaluated(planted, ["layer_cam", "grad_cam", "saliency"], metrics=None)
    assert len(report.columns) >= 20
    spent = report.measuring.sum(axis=1)
    assert (spent < 60).all()
    # What the first method asked about the images, the others need not ask again.
    assert (spent[1:] < spent[0] - 10).all()
    assert np.isfinite(report.values[:3]).any(axis=2).sum(axis=1).min() >= 20


@pytest.mark.once
def test_what_is_asked_is_counted_whole(planted: MetricScene) -> None:
    before = planted.probe.forward_count
    report = evaluated(planted, ["layer_cam"], metrics=["deletion", "insertion"])
    counted = (planted.probe.forward_count - before) / 3
    assert report.forwards.sum() + report.measuring.sum() == pytest.approx(counted, abs=1)
    assert report.measuring[0].tolist() == pytest.approx([10, 10], abs=1)


@pytest.mark.once
def test_the_full_level_has_every_metric(planted: MetricScene) -> None:
    subset = [name for name, kind in ks.metrics().items() if kind.quick is None]
    assert {"sensitivity_n", "road", "irof"} <= set(subset)
    report = evaluated(planted, "layer_cam", metrics=None, level="full", controls=())
    missing = set(ks.metrics()) - {column.name for column in report.columns}
    # Of three colours no mosaic of four classes can be made; a map of a layer promises no sum; and of the
    # colours that are not there LayerCAM shows nothing.
    assert missing == {"focus", "completeness_gap", "random_logit"}
    assert "Deletion()" in report.notes
    assert "Deletion(steps=10)" in evaluated(planted, "layer_cam", metrics=["deletion"]).notes


@pytest.mark.once
def test_dear_methods_are_not_explained_again_by_the_quick_level() -> None:
    with warned(errors.EvaluationWarning, "max_sensitivity.* no values of RISE.*by name, or take"):
        report = ks.evaluate(ks.RISE(masks=70), box(), IMAGES, target=TARGET, controls=())
    assert np.isfinite(report.values[0]).all()
    assert not {"adcc", "max_sensitivity"} & {column.name for column in report.columns}
    # One that takes some passes has those that explain once; the others are not affected by its cost.
    with warned(errors.EvaluationWarning, "have no values of"):
        some = ks.evaluate(
            [ks.EdgeMap(), ks.RISE(masks=9)], box(), IMAGES, target=TARGET, controls=(), metrics=None
        )
    names = [column.name for column in some.columns]
    assert np.isfinite(some.values[1, names.index("adcc")]).all()
    assert np.isnan(some.values[1, names.index("max_sensitivity")]).all()
    assert np.isfinite(some.values[1, names.index("insertion")]).all()
    assert (some.measuring.sum(axis=1) < 60).all()
    full = ks.evaluate(
        ks.RISE(masks=70),
        box(),
        IMAGES,
        target=TARGET,
        controls=(),
        level="full",
        metrics=["max_sensitivity"],
    )
    assert full.measuring[0, 0] == 10 * 71


@pytest.mark.once
def test_a_method_that_fails_is_told_and_the_others_are_measured(planted: MetricScene) -> None:
    with warned(errors.EvaluationWarning, r"GradCAM\(layer='nowhere'\) has no values: UnknownLayerError"):
        report = ks.evaluate(
            [ks.GradCAM(layer="nowhere"), ks.LayerCAM()], planted.probe, planted.images, metrics=SOME[::2]
        )
    assert np.isnan(report.values[0]).all()
    assert np.isfinite(report.values[1]).all()
    assert any("nowhere" in text for text in report.warnings)
    assert np.isnan(report.ranks[0][0, 0])


class Stopped(metric.Sparseness):
    """Interrupted by its user when the second map comes."""

    def measure(self, item: Any) -> metric.Measurement:
        if item.explanation.method.startswith("RandomMap"):
            raise KeyboardInterrupt
        return super().measure(item)


@pytest.mark.once
def test_an_interruption_keeps_what_there_is() -> None:
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        report = ks.evaluate(ks.EdgeMap(), box(), IMAGES, metrics=[metric.Deletion(steps=4), Stopped()])
    assert np.isfinite(report.values[0]).all()
    assert np.isfinite(report.values[1, 0]).all()
    assert np.isnan(report.values[1:, 1]).all()
    assert np.isnan(report.values[2:]).all()
    assert any("interrupted" in text for text in report.warnings)
    assert not any("constant" in text for text in report.warnings)
    # By deletion all that was explained is known, and yet not all methods: nothing is ranked.
    assert not report.complete
    assert report.unmeasured["RandomMap()"] == ["sparseness"]
    assert report.unmeasured["CentreGaussian()"] == ["deletion", "sparseness"]
    assert np.isnan(report.mean_ranks).all()


class Partial(ks.EdgeMap):
    """What a method with masks returns when it is interrupted."""

    def __call__(self, *arguments: Any) -> Any:
        return replace(super().__call__(*arguments), warnings=("InterruptedWarning: what was found so far",))


@pytest.mark.once
def test_an_interruption_within_a_map_keeps_none_of_it() -> None:
    with warned(errors.KerascopeWarning, "", subclasses=True):
        report = ks.evaluate(
            [ks.CentreGaussian(), Partial()], box(), IMAGES, metrics=["sparseness"], controls=()
        )
    assert any(one.startswith("InterruptedWarning") for one in report.warnings)
    assert list(report.unmeasured.values()) == [["sparseness"]]
    assert np.isnan(report.values[1]).all()
    # Nothing at all is no report, and from some of the candidates there is no advice.
    with (
        warned(errors.KerascopeWarning, "", optional=True, subclasses=True),
        pytest.raises(KeyboardInterrupt),
    ):
        ks.evaluate(Partial(), box(), IMAGES, controls=())
    with (
        warned(errors.KerascopeWarning, "", optional=True, subclasses=True),
        pytest.raises(KeyboardInterrupt),
    ):
        ks.recommend(box(), IMAGES, methods=[ks.CentreGaussian(), Partial()])


@pytest.mark.once
def test_a_seed_gives_the_same_report_and_another_another() -> None:
    def values(seed: int) -> Any:
        return ks.evaluate(
            "edge_map",
            box(),
            IMAGES,
            metrics=["faithfulness_correlation"],
            target=TARGET,
            controls=(),
            seed=seed,
        ).values

    np.testing.assert_array_equal(values(1), values(1))
    assert not np.allclose(values(1), values(2))
    # Of a metric that is handed over nothing is touched.
    given = metric.FaithfulnessCorrelation(samples=9, seed=5)
    report = ks.evaluate("edge_map", box(), IMAGES, metrics=[given], target=TARGET, controls=(), seed=1)
    assert report.notes == ("FaithfulnessCorrelation(samples=9, seed=5)",)


@pytest.mark.once
def test_labels_are_explained_unless_a_target_says_otherwise() -> None:
    def found(**options: Any) -> Any:
        with warned(errors.ProbabilityWarning, "probability is explained"):
            report = ks.evaluate("edge_map", box(), IMAGES, metrics=["deletion"], controls=(), **options)
        return report.values[0, 0]

    top = probabilities(IMAGES).argmax(axis=1).tolist()
    assert top != LABELS
    np.testing.assert_allclose(found(), found(labels=top))
    np.testing.assert_allclose(found(labels=LABELS), found(target=LABELS))
    np.testing.assert_allclose(found(labels=LABELS, target=top), found())
    assert not np.allclose(found(labels=LABELS), found())


@pytest.mark.once
def test_methods_that_are_controls_stand_once() -> None:
    report = ks.evaluate(["edge_map", "edge_map"], box(), IMAGES, metrics=["sparseness"], target=TARGET)
    assert report.methods[0] == "EdgeMap()"
    assert len(set(report.methods)) == len(report.methods) == len(CONTROLS)


@pytest.mark.once
def test_constant_maps_are_counted_and_have_no_value() -> None:
    still = np.zeros_like(IMAGES)
    still[0] = IMAGES[0]
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        report = ks.evaluate("edge_map", box(), still, metrics=["deletion", "sparseness"], controls=())
    assert report.shown.tolist() == [[True, False, False, False]]
    assert np.isfinite(report.values[0, :, 0]).all()
    assert np.isnan(report.values[0, :, 1:]).all()
    assert any("3 of 4 maps are constant" in text for text in report.warnings)
    # What the method itself warned of is in the report too.
    assert any(text.startswith("EdgeMap(): FlatMapWarning") for text in report.warnings)


@pytest.mark.once
def test_the_model_is_as_it_was(planted: MetricScene) -> None:
    model = planted.probe.model
    before = [np.array(weight) for weight in model.get_weights()]
    evaluated(planted, ["saliency"], metrics=["random_logit", "efficient_randomisation", "max_sensitivity"])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (errors.UnknownMetricError, "deletion", {"metrics": ["deletoin"]}),
        (errors.UnknownMethodError, "edge_map", {"methods": ["edge_mop"]}),
        (errors.EvaluationError, "masks", {"metrics": ["pointing_game"]}),
        (errors.EvaluationError, "labels", {"metrics": ["focus"]}),
        (errors.EvaluationError, "at least one method", {"methods": []}),
        (errors.EvaluationError, "one number per image", {"target": ks.Top(2)}),
        (errors.EvaluationError, r"masks must be of shape \(4, 6, 6\)", {"masks": MASKS[:, :3]}),
        (errors.InputError, "one label for each of the 4 images", {"labels": [1, 2], "target": 0}),
        (errors.ParameterError, "level", {"level": "thorough"}),
        (errors.EvaluationError, "a Keras model", {"metrics": ["random_logit"]}),
        (errors.EvaluationError, "at least one value.*Saliency", {"methods": "saliency", "controls": ()}),
    ],
)
def test_what_cannot_be_evaluated_is_said(error: type[Exception], message: str, options: Any) -> None:
    given: dict[str, Any] = {"methods": "edge_map", "metrics": ["deletion"]} | options
    with (
        warned(errors.KerascopeWarning, "", optional=True, subclasses=True),
        pytest.raises(error, match=message),
    ):
        evaluate(probe=box(), images=IMAGES, **given)


def test_any_keras_model_will_do() -> None:
    """From scores, with integer pixels, in one line."""
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (8, 12, 12, 3)).astype("uint8")
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        report = ks.evaluate(["grad_cam"], model, images, np.arange(8) % 4)
    assert {"deletion", "insertion", "focus", "random_logit", "max_sensitivity", "sparseness"} <= {
        column.name for column in report.columns
    }
    assert not [text for text in report.warnings if "Error" in text]


class Collects(ks.EdgeMap):
    """What nothing holds is gone by the time that it explains."""

    def attribute(self, probe: Any, images: Any, target: Any) -> Any:
        gc.collect()
        return super().attribute(probe, images, target)


@pytest.mark.once
def test_a_model_that_nobody_else_holds_lives_as_long_as_the_call() -> None:
    images = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")

    def model() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(2, 3),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3),
            ]
        )

    assert len(Collects()(model(), images, 1)) == 4
    assert len(ks.evaluate(Collects(), model(), images, metrics=["deletion"], controls=())) == 4
    assert ks.sanity(Collects(), model(), images, 1, depths=2).verdict == "fails"
    assert len(ks.recommend(model(), images, methods=[Collects()]).report) == 4
