"""The value equals the one of the oracle, and is better for a right map than for a wrong one."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from kerascope.method.controls import RandomMap
from kerascope.testing.metrics.fixture import MetricFixture, assert_agree
from kerascope.testing.metrics.registry import check
from kerascope.testing.metrics.scene import network
from kerascope.testing.models import UnavailableError
from kerascope.testing.oracles.metrics import DenseNetwork, MetricSample


@check(16, needs="directed")
def right_beats_wrong(fixture: MetricFixture) -> None:
    """On planted colours, the map of what decides beats noise, and noise is no worse than the inverse map.

    Of a metric that explains again, the method beats one whose maps are noise.
    """
    scene, one = fixture.scenes.planted, fixture.metric
    sign = 1 if one.direction == "higher" else -1
    if "method" in one.needs:
        noise = RandomMap(seed=3)
        found = [
            scene.measure(one, scene.maps["own"]),
            scene.measure(one, scene.maps["random"], method=noise),
        ]
    else:
        found = [scene.measure(one, scene.maps[name]) for name in ("right", "random", "wrong")]
    right, chance, *wrong = (float(np.nanmean(measured.values)) for measured in found)
    assert sign * right > sign * chance, f"{one.direction} is better: right has {right}, noise {chance}"
    for value in wrong:
        assert sign * chance >= sign * value - 1e-6, (
            f"{one.direction} is better: noise has {chance}, wrong {value}"
        )


@check(17)
def oracle(fixture: MetricFixture) -> None:
    """The values are those of an oracle: explicit loops in float64, written from the paper."""
    if fixture.oracle is None:
        raise UnavailableError("no oracle was given")
    scene = fixture.scene
    weights = network(scene.probe.model.get_weights())
    images = scene.images.astype("float64")
    for name in ("own",) if "method" in fixture.metric.needs else ("noise", "parts"):
        maps = scene.maps[name].heatmaps().astype("float64")
        expected = [
            fixture.oracle(
                MetricSample(
                    images[index],
                    maps[index],
                    label,
                    scene.masks[index],
                    weights,
                    partial(_randomize, fixture),
                    index,
                    images,
                    tuple(scene.labels),
                )
            )
            for index, label in enumerate(scene.labels)
        ]
        assert_agree(
            fixture.measure(scene.maps[name]).values, np.asarray(expected), f"on the maps {name!r}", 2e-5
        )


def _randomize(fixture: MetricFixture, seed: int) -> DenseNetwork:
    """The network with the random weights of the probe."""
    scene = fixture.scene
    values: dict[int, Any] = {}
    for layer in scene.probe.randomize(scene.images, seed):
        values |= layer.values
    return network(values[name] for name in sorted(values))
