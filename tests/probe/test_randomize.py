"""A probe with other weights: it answers as a model that has them, and the model is not touched."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing import MODELS


def network() -> keras.Model:
    """Every kind of variable that has an initialiser of its own, or none."""
    keras.utils.set_random_seed(3)
    statistics = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            statistics,
            layers.Conv2D(4, 3, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Activation("silu"),
            layers.DepthwiseConv2D(3, name="depth"),
            layers.SeparableConv2D(4, 1, name="separable"),
            layers.Conv2D(3, 1, kernel_initializer="zeros", name="loaded"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head", bias_initializer="ones"),
        ]
    )
    for number, weight in enumerate(model.weights):
        if weight.path.endswith(("variance", "gamma")):
            weight.assign(np.random.default_rng(number).uniform(1, 2, weight.shape))
        elif "normalization" not in weight.path:
            weight.assign(np.random.default_rng(number).normal(size=weight.shape))
    return model


IMAGES = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize(
    "method", [ks.GradCAM(layer="depth"), ks.Saliency(), ks.Occlusion(), ks.AblationCAM(layer="depth")]
)
def test_it_explains_as_a_model_with_these_weights(method: ks.Method) -> None:
    model, other = network(), network()
    generator = np.random.default_rng(1)
    values = {
        number: np.asarray(generator.normal(size=variable.shape), "float32")
        for number, variable in enumerate(model.variables)
        if variable.path.split("/")[-2] in ("first", "head")
    }
    before = [np.array(weight) for weight in model.get_weights()]
    for number, value in values.items():
        other.variables[number].assign(value)
    probe = ks.Probe(model)
    pinned = probe.run(None, IMAGES, 1).pinned
    changed = probe.with_values(values)
    found = method.attribute(changed, IMAGES, pinned)
    expected = method(other, IMAGES, 1)
    np.testing.assert_allclose(found.values, expected.values, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-4)
    # The wrong variant: the model as it is.
    assert not np.allclose(method.attribute(probe, IMAGES, pinned).values, expected.values, rtol=1e-2)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_other_weights_run_through_the_same_programs() -> None:
    model = network()
    probe = ks.Probe(model)
    pinned = probe.run(None, IMAGES, 1).pinned
    method = ks.GradCAM(layer="depth")
    method.attribute(probe.with_values({}), IMAGES, pinned)
    traces = probe.trace_count
    scores = []
    for seed in range(3):
        values = {
            number: value for one in probe.randomize(IMAGES, seed) for number, value in one.values.items()
        }
        scores.append(method.attribute(probe.with_values(values), IMAGES, pinned).scores)
    assert probe.trace_count == traces
    assert not np.allclose(scores[0], scores[1])
    np.testing.assert_allclose(
        method.attribute(probe.with_values({}), IMAGES, pinned).values,
        method.attribute(probe, IMAGES, pinned).values,
        rtol=1e-4,
        atol=1e-6,
    )


def test_layers_are_drawn_by_their_own_initialisers_from_the_output_down() -> None:
    model = network()
    drawn = ks.Probe(model).randomize(IMAGES, seed=0)
    assert [one.path for one in drawn] == ["head", "loaded", "separable", "depth", "norm", "first"]
    names = ["/".join(variable.path.split("/")[-2:]) for variable in model.variables]
    values: dict[str, Any] = {names[number]: value for one in drawn for number, value in one.values.items()}
    # The statistics that Normalization was given are no parameters that are learnt.
    assert not [name for name in values if name.startswith("normalization")]
    assert {name for name in names if not name.startswith("normalization")} - set(values) <= {
        name for name in names if "seed" in name
    }
    # An untrained normalisation, its statistics too: of the trained one nothing is left.
    assert (values["norm/gamma"] == 1).all()
    assert (values["norm/beta"] == 0).all()
    assert (values["norm/moving_mean"] == 0).all()
    assert (values["norm/moving_variance"] == 1).all()
    assert (values["head/bias"] == 1).all()
    # Glorot's bound, not numbers between 0 and 1 whatever the layer.
    bound = np.sqrt(6 / (3 * 9 + 4 * 9))
    kernel = values["first/kernel"]
    assert np.abs(kernel).max() <= bound
    assert kernel.min() < -0.5 * bound
    assert not np.isclose(kernel, model.get_layer("first").kernel).any()
    # A kernel of zeros would switch the layer off: its values change places.
    trained = np.asarray(
        model.get_layer("loaded").kernel.numpy()
        if hasattr(model.get_layer("loaded").kernel, "numpy")
        else model.get_layer("loaded").kernel
    )
    mixed = values["loaded/kernel"]
    np.testing.assert_array_equal(np.sort(mixed.ravel()), np.sort(trained.ravel()))
    assert (mixed != trained).any()
    assert next(one for one in drawn if one.path == "loaded").shuffled == ("kernel",)


def test_a_seed_gives_the_same_values_and_another_others() -> None:
    probe = ks.Probe(network())
    one, again, other = (probe.randomize(IMAGES, seed) for seed in (0, 0, 1))
    for first, second, third in zip(one, again, other, strict=True):
        for number in first.values:
            np.testing.assert_array_equal(first.values[number], second.values[number])
        if first.path in ("first", "head", "depth"):
            assert any(not np.allclose(first.values[number], third.values[number]) for number in first.values)


@pytest.mark.parametrize("name", ["nested_output", "siamese", "subclassed", "transformer", "recurrent"])
def test_layers_inside_other_layers_are_drawn_once(name: str) -> None:
    tiny = MODELS[name]()
    drawn = ks.Probe(tiny.model).randomize(tiny.images, seed=0)
    numbers = [number for one in drawn for number in one.values]
    assert sorted(numbers) == sorted(set(numbers))
    trainable = {id(variable) for variable in tiny.model.trainable_variables}
    assert {
        number for number, variable in enumerate(tiny.model.variables) if id(variable) in trainable
    } <= set(numbers)
