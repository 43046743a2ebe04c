"""Which networks say the same of every image: stored ones as they were trained, and as they go wrong."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.auditing.result.responses import hardly_move
from kerascope.synthetic import shapes
from kerascope.typing import Array
from tests.helpers.networks import bars
from tests.helpers.networks.trained import NETWORKS, trained

pytestmark = [pytest.mark.once, pytest.mark.slow]
COUNT = 100


def still(model: keras.Model, images: Array) -> bool:
    answer = ks.Probe(model).run(None, images, None)
    return hardly_move(answer.scores, answer.probabilities, answer.labels, len(images))


def broken(name: str, images: Array) -> Iterator[tuple[keras.Model, Array]]:
    """Untrained, with pixels in a range 255 times smaller, and dead before the head; each with its images."""
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        yield NETWORKS[name].build(), images
    yield trained(name), images / np.float32(255)
    dead = trained(name)
    last = [layer for layer in dead.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)][-2]
    if last.bias is not None:
        last.bias.assign(keras.ops.full_like(last.bias, -100.0))
        yield dead, images


@pytest.mark.parametrize("name", NETWORKS)
def test_trained_networks_move_even_on_one_class_and_broken_ones_hardly(name: str) -> None:
    known = shapes.make(COUNT, seed=7) if name.startswith("shapes") else bars.planted(COUNT, None, seed=7)
    images, labels = np.asarray(known.images, "float32"), known.labels
    assert not still(trained(name), images)
    assert [still(trained(name), images[labels == label]) for label in range(3)] == [False] * 3
    assert all(still(model, given) for model, given in broken(name, images))
