"""The probe: changes of a model that a compiled program cannot see."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS, fill, pictures


class Scaled(keras.Model):
    """A model that reads a plain Python attribute."""

    def __init__(self) -> None:
        super().__init__(name="scaled")
        self.temperature = 1.0
        self.head = layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(images, axis=(1, 2))) * self.temperature


def test_what_is_no_weight_is_seen_too() -> None:
    images = pictures(2, 8, 8, 3)
    model = Scaled()
    model(images)
    fill(model, 64)
    probe = ks.Probe(model)
    before = probe.scores(images, 1)
    model.temperature = 4.0
    assert_close(probe.scores(images, 1), 4 * before, CLOSE, "an attribute that call reads")

    normal = layers.Normalization()
    normal.adapt(images)
    model = keras.Sequential([keras.Input((8, 8, 3)), normal, layers.Flatten(), layers.Dense(3)])
    fill(model.layers[-1], 65)
    probe = ks.Probe(model)
    probe.scores(images, 1)
    normal.adapt(images * 3 + 1)
    expected = ops.convert_to_numpy(model(images))[:, 1]
    assert_close(probe.scores(images, 1), expected, CLOSE, "statistics of a Normalization")
    traced = probe.trace_count
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, np.zeros(2), verbose=0)
    probe.scores(images, 1)
    assert probe.trace_count == traced, "training must not cost a trace"


class AnyDict(keras.Model):
    """A subclassed model that takes dictionaries with different keys."""

    def __init__(self) -> None:
        super().__init__(name="any_dict")
        self.head = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        mask = inputs.get("mask", 1.0)
        return self.head(ops.mean(inputs["image"] * mask + inputs.get("offset", 0.0), axis=(1, 2)))


def test_other_input_names_are_another_program() -> None:
    images, other = pictures(2, 8, 8, 3), pictures(2, 8, 8, 3, seed=1)
    model = AnyDict()
    model({"image": images})
    fill(model, 66)
    probe = ks.Probe(model, input="image")
    for name in ("mask", "offset"):
        expected = ops.convert_to_numpy(model({"image": images, name: other}))[:, 1]
        assert_close(probe.scores({"image": images, name: other}, 1), expected, CLOSE, name)


class Careless(keras.Model):
    """A model whose call takes no `training`, with a layer that would train by default."""

    def __init__(self) -> None:
        super().__init__(name="careless")
        self.normal = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5)
        self.draw = layers.GaussianNoise(1.0)
        self.head = layers.Dense(3)

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(self.draw(self.drop(self.normal(images))), axis=(1, 2)))


def test_inference_mode_reaches_layers_of_a_call_without_training() -> None:
    images = pictures(2, 8, 8, 3)
    model = Careless()
    model(images)
    fill(model, 67)
    expected = ops.convert_to_numpy(model(images, training=False))[:, 1]
    assert_close(ks.Probe(model).scores(images, 1), expected, CLOSE, "scores")


class Draws(keras.Model):
    """A model that draws from Keras's global generator."""

    def __init__(self) -> None:
        super().__init__(name="draws")
        self.head = layers.Dense(3)

    def call(self, images: Any) -> Any:
        noise = keras.random.normal((1, 1, 1, 3), seed=3)
        return self.head(ops.mean(images + noise, axis=(1, 2)))


def test_a_survey_leaves_the_global_generator_usable() -> None:
    images = pictures(2, 8, 8, 3)
    model = Draws()
    model(images)
    ks.Probe(model).scores(images, 1)
    assert np.isfinite(ops.convert_to_numpy(keras.random.normal((2,)))).all()
    assert np.isfinite(ops.convert_to_numpy(model(images))).all()


def test_kinds_of_units_are_programs_of_their_own() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    one = probe.scores(tiny.images, ks.Unit("conv2", 2))
    several = probe.scores(tiny.images, ks.Unit("conv2", [2]))
    assert one.shape == (3,)
    assert_close(several, one[:, None], 0.0, "a channel in a list")
    head = ops.convert_to_numpy(tiny.model(tiny.images))
    assert_close(
        probe.scores(tiny.images, ks.Unit("head", 1)), head[:, 1], CLOSE, "a unit without spatial axes"
    )
    for unit in ({"channel": 3}, {"channel": -1}):
        with pytest.raises(ks.errors.TargetError, match="from 0 to 2"):
            probe.scores(tiny.images, ks.Unit("head", **unit))
    for channel in (1.7, (), True):
        with pytest.raises(ks.errors.TargetError, match="whole number"):
            ks.Unit("head", channel)  # type: ignore[arg-type]
    assert ks.Unit("conv2", 1, position=[2, 3]).position == (2, 3)  # type: ignore[arg-type]


def test_a_unit_of_a_model_with_several_outputs_and_a_contrast_of_kinds() -> None:
    tiny = MODELS["dict_output"]()
    probe = ks.Probe(tiny.model)
    unit = probe.scores(tiny.images, ks.Unit("conv", 1))
    assert_close(
        probe.scores(tiny.images, ks.Output("shape", ks.Unit("conv", 1))), unit, 0.0, "a unit of an output"
    )
    other = MODELS["functional"]()
    probe = ks.Probe(other.model)
    scores = probe.scores(other.images, 1)
    mean = probe.scores(other.images, ks.Unit("conv1", 0))
    mixed = ks.GradCAM(relu=False)(probe, other.images, ks.Contrast(1, ks.Unit("conv1", 0)))
    assert_close(mixed.scores, scores - mean, CLOSE, "scores")
    assert mixed.layer == "conv2", "the class comes later than the unit"
    assert mixed.title(0) == "class 1 rather than channel 0 of conv1"
    with pytest.raises(ks.errors.TargetError, match=r"\[2, 3\]"):
        probe.scores(other.images, ks.Contrast(ks.Top(2), ks.Top(3)))
