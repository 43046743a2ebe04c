"""Every model of the zoo: maps, gradients and occlusion are those computed apart."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import assert_close
from tests.helpers.probes import BACKEND
from tests.zoo.apart import differentiate, grad_cam, image_gradient
from tests.zoo.catalogue import explain, here, probe_of
from tests.zoo.specimen import EVERYWHERE, Specimen

# Random weights may show nothing.
pytestmark = [
    pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning"),
    # keras-hub's Swin: its layers are built when they are first called, and hand on masks that nobody reads.
    pytest.mark.filterwarnings("ignore:.*unbuilt state:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*was passed an input with a mask attached:UserWarning"),
]


def score_of(found: Specimen, model: Any) -> Any:
    """Images to the explained score, of the model's own outputs."""

    def score(images: Any) -> Any:
        given = keras.tree.map_structure(keras.ops.convert_to_tensor, found.inputs(images))
        return found.score(model(given, training=False))

    return score


@pytest.mark.parametrize("found", here(lambda found: found.grid is not None))
def test_map(found: Specimen, seed: int) -> None:
    probe, images = probe_of(found, seed), found.images(2)
    given = found.inputs(images)
    result = explain(found, probe, given)
    assert result.values.shape[1:] == found.cells
    assert not found.layers or result.layer in found.layers
    call = probe.graph(given).find_call(result.layer)
    activations, gradients = differentiate(
        call.layer.operation, call.index, score_of(found, probe.model), images
    )
    expected, size = grad_cam(found.read(activations), found.read(gradients))
    # Where channels cancel, as behind some normalisations, rounding is as large as what is added up.
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=found.tolerance * size.max())
    assert np.abs(expected).max() > 2 * found.tolerance * size.max()


@pytest.mark.parametrize("found", here())
def test_saliency(found: Specimen, seed: int) -> None:
    probe, images = probe_of(found, seed), found.images(2)
    values = ks.Saliency()(probe, found.inputs(images), found.target).values
    expected = image_gradient(score_of(found, probe.model), images)
    assert_close(values, expected, found.tolerance, "gradient at the image")


@pytest.mark.parametrize("found", here(lambda found: BACKEND == "torch" or found.backends != EVERYWHERE))
def test_occlusion(found: Specimen, seed: int) -> None:
    probe, images = probe_of(found, seed), found.images(1)
    window = tuple(-(-side // 2) for side in found.sides)
    result = ks.Occlusion(window=window, stride=window, baseline=0.0)(
        probe, found.inputs(images), found.target
    )
    score = score_of(found, probe.model)
    whole = keras.ops.convert_to_numpy(score(images))
    for corner in itertools.product((0, -1), repeat=len(window)):
        hidden = images.copy()
        region = tuple(
            slice(0, n) if end == 0 else slice(-n, None) for end, n in zip(corner, window, strict=True)
        )
        hidden[(slice(None), *region)] = 0
        drop = whole - keras.ops.convert_to_numpy(score(hidden))
        # A window at an edge may share its inner rows with another one, so that the corner is looked at.
        assert_close(result.values[(slice(None), *corner)], drop, 10 * found.tolerance, f"drop at {corner}")
