"""The value is right: it is that of the oracle, and what is right has a better one than what is wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from kerascope.method.controls import RandomMap
from kerascope.testing.metrics.bench import MetricBench, agree
from kerascope.testing.metrics.clause import clause
from kerascope.testing.metrics.scene import network
from kerascope.testing.models import UnavailableError
from kerascope.testing.oracles.metrics import Network, Seen


@clause(16, needs="directed")
def right_beats_wrong(bench: MetricBench) -> None:
    """On planted colours, the map of what decides beats noise, and noise is no worse than the inverse map.

    Of a metric that explains again, the method beats one whose maps are noise.
    """
    scene, one = bench.scenes.planted, bench.metric
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


@clause(17)
def oracle(bench: MetricBench) -> None:
    """The values are those of an oracle: explicit loops in float64, written from the paper."""
    if bench.oracle is None:
        raise UnavailableError("no oracle was given")
    scene = bench.scene
    weights = network(scene.probe.model.get_weights())
    images = scene.images.astype("float64")
    for name in ("own",) if "method" in bench.metric.needs else ("noise", "parts"):
        maps = scene.maps[name].heatmaps().astype("float64")
        expected = [
            bench.oracle(
                Seen(
                    images[place],
                    maps[place],
                    label,
                    scene.masks[place],
                    weights,
                    partial(_redrawn, bench),
                    place,
                    images,
                    tuple(scene.labels),
                )
            )
            for place, label in enumerate(scene.labels)
        ]
        agree(bench.measure(scene.maps[name]).values, np.asarray(expected), f"on the maps {name!r}", 2e-5)


def _redrawn(bench: MetricBench, seed: int) -> Network:
    """The network with weights as the probe draws them anew."""
    scene = bench.scene
    values: dict[int, Any] = {}
    for layer in scene.probe.randomize(scene.images, seed):
        values |= layer.values
    return network(values[number] for number in sorted(values))
