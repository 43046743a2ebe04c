"""Rivals, the strength of a contrast, and Finer-CAM, which is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.cam import network
from tests.helpers.targets import known

pytestmark = FLATTENED


@pytest.fixture(scope="module")
def five() -> tuple[ks.Probe, Tensor]:
    """A network of five classes."""
    return network(
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.AveragePooling2D(3),
        layers.Flatten(),
        layers.Dense(5, "softmax"),
    )


def all_scores(probe: ks.Probe, images: Tensor) -> Tensor:
    return np.stack([probe.scores(images, index) for index in range(5)], axis=1)


def nearest(scores: Tensor, index: int, count: int) -> list[int]:
    others = [other for other in range(len(scores)) if other != index]
    return sorted(others, key=lambda other: abs(scores[other] - scores[index]))[:count]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_rivals_are_the_classes_of_the_nearest_scores(five: tuple[ks.Probe, Tensor], count: int) -> None:
    scores = all_scores(*five)
    for index in range(5):
        expected = np.array([row[nearest(row, index, count)].mean() for row in scores])
        assert_close(
            five[0].scores(five[1], ks.Rivals(count, index)), expected, CLOSE, f"rivals of class {index}"
        )
    best = five[0].scores(five[1], ks.Rivals(count, ks.Top(2)))
    for place, index in enumerate(np.argsort(-scores[0])[:2]):
        assert_close(
            best[:1, place], scores[0, nearest(scores[0], index, count)].mean()[None], CLOSE, "of the best"
        )


def test_rivals_of_a_probability_are_probabilities(five: tuple[ks.Probe, Tensor]) -> None:
    probe, images = five
    chances = np.asarray(ops.convert_to_numpy(probe.model(images)))
    expected = np.array([row[nearest(row, 2, 2)].mean() for row in chances])
    assert_close(probe.scores(images, ks.Rivals(2, ks.Probability(2))), expected, CLOSE, "probabilities")


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_finer_cam_is_the_map_of_the_difference(five: tuple[ks.Probe, Tensor], strength: float) -> None:
    probe, images = five
    signed = ks.GradCAM(relu=False)
    maps = np.stack([signed(probe, images, index).values for index in range(5)], axis=1).astype("float64")
    scores = all_scores(probe, images)
    found = ks.FinerCAM(signed, similar=2, strength=strength)(probe, images, 3)
    expected = [
        each[3] - strength * each[nearest(row, 3, 2)].mean(axis=0)
        for each, row in zip(maps, scores, strict=True)
    ]
    assert_close(found.values, np.stack(expected), CLOSE, "the difference of maps")
    assert_close(found.scores, scores[:, 3], CLOSE, "the score of the class itself")
    assert found.targets.tolist() == [3, 3]
    assert found.notes == (f"against the mean of the 2 nearest classes, times {strength:g}",)


def test_finer_cam_of_several_classes(five: tuple[ks.Probe, Tensor]) -> None:
    method = ks.FinerCAM(ks.HiResCAM(relu=False))
    found = method(*five, ks.Top(2))
    for place in range(2):
        each = method(*five, found.targets[:, place])
        assert_close(found.values[:, place], each.values, CLOSE, f"place {place}")


def test_a_strength_is_no_constant_of_the_program(five: tuple[ks.Probe, Tensor]) -> None:
    probe = ks.Probe(five[0].model, compile=False)
    values = [probe.scores(five[1], ks.Contrast(1, 2, strength=strength)) for strength in (1.0, 0.5, 0.0)]
    assert probe.trace_count == 1
    assert_close(values[1], (values[0] + values[2]) / 2, CLOSE, "half the strength")
    assert_close(values[2], probe.scores(five[1], 1), CLOSE, "no strength")
    assert ks.Contrast(1, 2, strength=0.5).describe() == "class 1 rather than 0.5 times class 2"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"method": ks.EigenCAM()}, "depends on the class"),
        ({"method": ks.Saliency()}, "class activation map"),
        ({"similar": 0}, "similar"),
        ({"strength": -1.0}, "strength"),
        ({"strength": float("nan")}, "strength"),
    ],
)
def test_a_finer_cam_that_means_nothing_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ks.errors.ParameterError, match=words):
        ks.FinerCAM(**parameters)


def test_rivals_need_a_class_and_others(five: tuple[ks.Probe, Tensor]) -> None:
    with pytest.raises(ks.errors.TargetError, match="is a class"):
        five[0].scores(five[1], ks.Rivals(2, ks.Unit("conv", channel=1)))
    with pytest.raises(ks.errors.ParameterError, match="whole number"):
        ks.Rivals(0)
    with pytest.raises(ks.errors.ParameterError, match="finite"):
        ks.Contrast(1, 2, strength=float("inf"))
    lonely, images = network(layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(1))
    with pytest.raises(ks.errors.TargetError, match="is a class"):
        ks.FinerCAM()(lonely, images)


def test_rivals_of_a_step_and_of_a_detection() -> None:
    tiny, probe, (scores,) = known("recurrent")
    found = probe.scores(tiny.images, ks.Rivals(1, ks.Step(-1, 2)))
    expected = np.array([row[-1, nearest(row[-1], 2, 1)].mean() for row in scores])
    assert_close(found, expected, CLOSE, "rivals of a class of the last step")
    finer = ks.FinerCAM(ks.GradCAM(relu=False), similar=1)(probe, tiny.images, ks.Step(-1, 2))
    contrast = ks.Contrast(ks.Step(-1, 2), ks.Rivals(1, ks.Step(-1, 2)))
    assert_close(
        finer.values, ks.GradCAM(relu=False)(probe, tiny.images, contrast).values, CLOSE, "Finer-CAM"
    )
    assert finer.notes == ("against the mean of the 1 nearest classes, times 1",)
    tiny, probe, _ = known("detector")
    with pytest.raises(ks.errors.TargetError, match="a detection must overlap"):
        probe.scores(tiny.images, ks.Rivals(1, ks.Box([900, 900, 901, 901], 0)))
