"""Sanity checks: the published verdicts, what they rest on, and that the model is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from examples.demo import digits, train
from kerascope import errors
from kerascope.evaluation import SanityCheck
from kerascope.evaluation.sanity import MAX_RETENTION, SAME_SIMILARITY
from kerascope.metric import similarity
from kerascope.testing.models import fill
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES as SMALL
from tests.helpers.metric_cases import box
from tests.helpers.processes.demo_run import demo_run


def network() -> keras.Model:
    """Without a corner: maps of a model and of a probe with its weights are compared."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(6, 3, activation="silu", name="one"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(8, 3, activation="silu", name="two"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, name="head"),
        ]
    )
    fill(model, 2)
    return model


IMAGES = np.random.default_rng(1).random((4, 16, 16, 1)).astype("float32")


def test_steps_are_those_of_models_with_these_weights() -> None:
    """Cascading and independent, against copies of the model that are given the same weights."""
    model = network()
    before = [np.array(weight) for weight in model.get_weights()]
    probe = ks.Probe(model)
    method = ks.Saliency()
    result = ks.sanity(method, probe, IMAGES, 1, depths=4, draws=1, seed=3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert result.check("cascading").steps == ("head", "two", "norm", "one")
    original = method(model, IMAGES, 1).heatmaps()
    drawn = ks.Probe(model).randomize(IMAGES, 3)
    for name, chosen in (
        ("cascading", lambda step: drawn[: step + 1]),
        ("independent", lambda step: [drawn[step]]),
    ):
        check = result.check(name)
        for step in range(4):
            other = network()
            other.set_weights(before)
            for layer in chosen(step):
                for number, value in layer.values.items():
                    other.variables[number].assign(value)
            maps = method(other, IMAGES, 1).heatmaps()
            for kind in similarity.SIMILARITIES:
                expected = similarity.similarity_of(kind, original, maps)
                np.testing.assert_allclose(check.similarities[kind][step], expected, atol=3e-3)
            others = similarity.ssim(original, np.roll(maps, -1, axis=0))
            np.testing.assert_allclose(check.cross_similarity[step], others, atol=2e-3)
    # The wrong variant: independent steps are not cascading ones, but for the first.
    one, other = (result.check(name).similarities["ssim"] for name in ("cascading", "independent"))
    np.testing.assert_allclose(one[0], other[0])
    assert not np.allclose(one[2], other[2], atol=1e-3)


def test_random_models_share_their_programs_and_cost_what_is_said() -> None:
    probe = ks.Probe(network())
    images = IMAGES
    probe.run(None, images, 1)
    before = probe.forward_count
    ks.sanity(ks.GradCAM(layer="two"), probe, images, 1, depths=3, draws=2)
    # One about the images, the map itself, twice five of random models, one of another class.
    assert (probe.forward_count - before) / len(images) == 1 + 1 + 2 * (2 * 3 - 1) + 1
    traces = probe.trace_count
    ks.sanity(ks.GradCAM(layer="two"), probe, images, 1, depths=4, seed=1)
    assert probe.trace_count == traces


@pytest.mark.once
def test_draws_are_seeds_one_after_the_other() -> None:
    probe = ks.Probe(network(), compile=False)
    one, other, both = (
        ks.sanity(ks.Saliency(), probe, IMAGES, 1, depths=2, **given)
        for given in ({"draws": 1, "seed": 4}, {"draws": 1, "seed": 5}, {"draws": 2, "seed": 4})
    )
    for name in ("cascading", "independent"):
        mean = (one.check(name).similarities["ssim"] + other.check(name).similarities["ssim"]) / 2
        np.testing.assert_allclose(both.check(name).similarities["ssim"], mean, atol=1e-5)


@pytest.mark.once
def test_the_entropy_is_that_of_the_metric() -> None:
    probe = ks.Probe(network(), compile=False)
    method = ks.Saliency()
    explanation = method(probe, IMAGES, 1)
    alone = ks.metric.EfficientRandomisation(seed=2)(probe, IMAGES, explanation, 1, method=method).values
    np.testing.assert_allclose(
        ks.sanity(method, probe, IMAGES, 1, seed=2).entropy, alone, rtol=1e-4, atol=1e-4
    )


def check(same: Any, apart: Any, judged: int | None = None) -> SanityCheck:
    same, apart = np.asarray(same, "float64"), np.asarray(apart, "float64")
    return SanityCheck("cascading", ("a",) * len(same), {"ssim": same}, apart, judged or len(same))


@pytest.mark.once
def test_what_is_kept_and_its_verdict() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.02, (2, 20))
    gone, half = check(0.3 + noise, np.full((2, 20), 0.3)), check(0.65 + noise, np.full((2, 20), 0.3))
    np.testing.assert_allclose(half.retention, ((0.65 + noise - 0.3) / 0.7).mean(axis=0))
    assert gone.verdict == "passes"
    assert half.verdict == "fails"
    middle = check([[MAX_RETENTION - 0.2, MAX_RETENTION + 0.2] * 5], np.zeros((1, 10)))
    assert middle.verdict == "undecided"
    # Maps that are the same for every image keep nothing of their own, and fail all the same.
    fixed = check(np.full((1, 9), SAME_SIMILARITY + 0.1), np.full((1, 9), SAME_SIMILARITY + 0.1))
    assert fixed.retention == pytest.approx(0)
    assert fixed.verdict == "fails"
    # Only steps that are judged count; images without a map do not.
    late = check([[0.1] * 6, [1.0] * 6], [[0.1] * 6, [0.1] * 6], judged=1)
    assert late.verdict == "passes"
    assert replace(late, decisive=2).verdict == "fails"
    some = check([[0.1, np.nan, 0.1]], [[0.1, 0.1, 0.1]])
    assert np.isnan(some.retention[1])
    assert some.verdict == "passes"
    assert check([[np.nan, np.nan]], [[0.0, 0.0]]).verdict == "undecided"


@pytest.mark.once
def test_controls_fail() -> None:
    """A map that does not look at the model is kept whole, whatever was learnt."""
    for method in (ks.EdgeMap(), ks.CentreGaussian()):
        result = ks.sanity(method, network(), IMAGES, 1, depths=3)
        assert result.verdict == "fails"
        assert result.check("random logit").verdict == "fails"
        assert result.entropy == pytest.approx(0)
        assert f"{method.describe()} fails the sanity checks" in str(result)


@pytest.mark.once
def test_where_no_class_is_explained_there_is_no_other_one() -> None:
    result = ks.sanity("saliency", network(), IMAGES, ks.Contrast(0, 1), depths=2)
    assert [one.name for one in result.checks] == ["cascading", "independent"]
    with pytest.raises(errors.EvaluationError, match="a check must be one of"):
        result.check("labels")


@pytest.mark.once
def test_what_cannot_be_checked_is_said() -> None:
    with pytest.raises(errors.EvaluationError, match="a Keras model and at least two images"):
        ks.sanity(ks.EdgeMap(), network(), IMAGES[:1], 1)
    with pytest.raises(errors.EvaluationError, match="a Keras model and at least two images"):
        ks.sanity(ks.EdgeMap(), box(), SMALL, ks.Probability(0))
    with pytest.raises(errors.ParameterError, match="depths"):
        ks.sanity(ks.EdgeMap(), network(), IMAGES, 1, depths=1)
    with pytest.raises(errors.UnknownMethodError, match="edge_map"):
        ks.sanity("edge_mop", network(), IMAGES, 1)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, seed: int) -> tuple[keras.Model, Any]:
    """The network of the demo, and digits that it has not seen."""
    return demo_run(tmp_path_factory, seed).network, digits.load_digits("package", seed)


EXPECTED = "constant|vary by|the head should pool"
"""What is warned of: blank maps, and Grad-CAM on a head that flattens."""
PUBLISHED = {
    "saliency": "passes",
    "grad_cam": "passes",
    "guided_backprop": "fails",
    "guided_grad_cam": "fails",
}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("name", PUBLISHED)
def test_verdicts_are_those_that_were_published(read: Any, name: str) -> None:
    """Adebayo et al., 2018: gradient and Grad-CAM pass, guided backpropagation and guided Grad-CAM fail."""
    model, known = read
    with warned(errors.KerascopeWarning, EXPECTED, optional=True, subclasses=True):
        result = ks.sanity(name, model, known.test_images[:96])
    assert result.verdict == PUBLISHED[name], str(result)


@pytest.mark.slow
@pytest.mark.once
def test_maps_of_a_model_of_shuffled_labels_are_others(read: Any) -> None:
    model, known = read
    mixed = np.random.default_rng(0).permutation(known.train_labels)
    shuffled = train.digit_network()
    shuffled.fit(
        known.train_images, keras.utils.to_categorical(mixed, 10), batch_size=250, epochs=4, verbose=0
    )
    with warned(errors.KerascopeWarning, EXPECTED, optional=True, subclasses=True):
        found = {
            name: ks.sanity(name, model, known.test_images[:32], depths=2, shuffled=shuffled).check("labels")
            for name in ("grad_cam", "edge_map")
        }
    assert found["edge_map"].verdict == "fails"
    assert found["grad_cam"].verdict == "passes", str(found["grad_cam"])
