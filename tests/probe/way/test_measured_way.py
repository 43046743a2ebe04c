"""Where operators hide the way to the score, one run without data measures which layers lead there."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import backend
from kerascope.testing.fixture import EXACT, assert_close
from kerascope.testing.models import MODELS
from tests.helpers.networks.blocks import IMAGES, TwoHeads, conv, draw_weights


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """What each measurement is asked."""
    asked: list[set[str]] = []
    current = backend.current()
    connections = current.connections

    def count(function: Any, variables: Any, *rest: Any) -> set[str]:
        asked.append(set(variables))
        return connections(function, variables, *rest)

    monkeypatch.setattr(current, "connections", count)
    return asked


def built(model: keras.Model) -> keras.Model:
    model(IMAGES)
    return draw_weights(model)


@pytest.mark.parametrize("output", ["first", "second"])
def test_a_layer_of_another_output_gives_way(output: str) -> None:
    probe = ks.Probe(built(TwoHeads()))
    target = ks.Output(output, 1)
    found = ks.HiResCAM(relu=False)(probe, IMAGES, target)
    assert found.layer == output
    named = ks.HiResCAM(relu=False, layer=output)(probe, IMAGES, target)
    assert_close(found.values, named.values, EXACT, "by name")
    for method in (ks.MultiScaleCAM(), ks.EigenCAM(), ks.AblationCAM(relu=False)):
        assert method(probe, IMAGES, target).layer == output, method


def test_a_layer_of_another_output_is_refused_by_name() -> None:
    with pytest.raises(ks.errors.DisconnectedError, match="the layer 'second'"):
        ks.GradCAM(layer="second")(built(TwoHeads()), IMAGES, ks.Output("first", 1))


def test_it_is_measured_once(measurements: list[set[str]]) -> None:
    probe = ks.Probe(built(TwoHeads()), compile=False)
    for method in (ks.HiResCAM(relu=False), ks.HiResCAM(relu=False), ks.MultiScaleCAM(), ks.EigenCAM()):
        method(probe, IMAGES, ks.Output("first", 1))
    assert measurements == [{"stem", "first", "second"}]
    counts = probe.trace_count, probe.forward_count
    ks.HiResCAM(relu=False)(probe, IMAGES, ks.Output("second", 0))
    for _ in range(2):
        assert probe.layers(IMAGES).automatic
    assert len(measurements) == 3
    assert (probe.trace_count, probe.forward_count) == (counts[0] + 1, counts[1] + len(IMAGES))


@pytest.mark.once
def test_a_graph_that_is_sure_is_not_measured(measurements: list[set[str]]) -> None:
    for name in ("functional", "nested_fresh", "residual", "transformer"):
        tiny = MODELS[name]()
        ks.GradCAM(relu=False)(tiny.model, tiny.images, 1)
        ks.layers(tiny.model)
    assert measurements == []


class Spare(layers.Layer):
    """An encoder that computes more than it hands on."""

    def __init__(self) -> None:
        super().__init__(name="encoder")
        self.used, self.spare = conv("used"), conv("spare")

    def call(self, tensor: Any) -> Any:
        used = self.used(tensor)
        self.spare(used)
        return ops.mean(used, axis=(1, 2))


def test_what_is_computed_for_nothing_gives_way() -> None:
    image = keras.Input((8, 8, 3))
    model = draw_weights(keras.Model(image, layers.Dense(3)(Spare()(image))))
    assert ks.HiResCAM(relu=False)(model, IMAGES, 1).layer == "encoder/used"
    automatic = ks.layers(model).automatic
    assert automatic is not None
    assert automatic.path == "encoder/used"


class First(layers.Layer):
    """Of several features, it takes the first."""

    def call(self, features: Any) -> Any:
        return ops.mean(features[0], axis=(1, 2))


def test_what_a_layer_is_given_and_leaves_out_gives_way() -> None:
    image = keras.Input((8, 8, 3))
    used = conv("used")(image)
    features = First()([used, conv("spare")(used)])
    model = draw_weights(keras.Model(image, layers.Dense(3)(features)))
    assert ks.HiResCAM(relu=False)(model, IMAGES, 1).layer == "used"


class Detector(keras.Model):
    """Class logits and boxes of anchors on two levels, as in RetinaNet."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = conv("fine"), conv("coarse", strides=2)
        self.tower, self.boxes = conv("class_tower"), conv("box_tower")
        self.logits, self.sides = layers.Dense(3, name="logits"), layers.Dense(4, name="sides")

    def call(self, images: Any) -> Any:
        fine = ops.tanh(self.fine(images))
        levels = [fine, ops.tanh(self.coarse(fine))]
        towers = {"classes": (self.tower, self.logits), "boxes": (self.boxes, self.sides)}
        return {
            name: ops.concatenate(
                [
                    ops.reshape(last(ops.tanh(tower(level))), (-1, *self.shape(level, last)))
                    for level in levels
                ],
                axis=1,
            )
            for name, (tower, last) in towers.items()
        }

    @staticmethod
    def shape(level: Any, last: layers.Dense) -> tuple[int, int]:
        """Anchors and numbers of a level."""
        return level.shape[1] * level.shape[2], last.units


def mean_logit(outputs: Any) -> Any:
    return ops.mean(outputs["classes"][:, :, 1], axis=1)


def test_class_logits_of_a_detector_are_explained_on_their_own_way() -> None:
    found = ks.HiResCAM(relu=False)(built(Detector()), IMAGES, mean_logit)
    assert found.layer is not None
    assert "box" not in found.layer
    assert "sides" not in found.layer
    assert np.ptp(found.values) > 0


class Rounding(keras.Model):
    """No score has a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.part, self.head = conv("part"), layers.Dense(3)

    def call(self, images: Any) -> Any:
        return ops.stop_gradient(self.head(ops.mean(self.part(images), axis=(1, 2))))


def test_where_no_layer_leads_to_the_score_the_last_one_is_refused_as_before() -> None:
    model = built(Rounding())
    with pytest.raises(ks.errors.DisconnectedError, match="the layer 'part'"):
        ks.HiResCAM(relu=False)(model, IMAGES, 1)
    assert ks.EigenCAM()(model, IMAGES, 1).layer == "part"
