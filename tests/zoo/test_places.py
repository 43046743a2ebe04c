"""Every model of the zoo: a map is drawn where its evidence is, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import kerascope as ks
from kerascope.errors import NoSpatialExtentError
from kerascope.typing import Array
from tests.zoo.alignment import NEEDED, count_hits
from tests.zoo.axis_truth import divide
from tests.zoo.catalogue import explain, here, probe_of
from tests.zoo.specimen import SPECIMENS, Specimen

pytestmark = [
    pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning"),
    pytest.mark.filterwarnings("ignore:.*unbuilt state:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*was passed an input with a mask attached:UserWarning"),
]


@pytest.mark.parametrize("found", here(lambda found: found.grid is not None and not found.unmeasured))
def test_a_changed_patch_is_found_where_it_is(found: Specimen, seed: int) -> None:
    probe = probe_of(found, seed)
    result = explain(found, probe, found.inputs(found.images(1)))
    placement = result.placement
    assert placement.obstacle == ""
    assert [axis and axis.cells for axis in placement.axes] == list(found.grid or ())
    hits = count_hits(
        found, lambda images: probe.activations(found.inputs(images), result.layer), placement.axes
    )
    assert hits >= NEEDED
    assert placement.to_image(np.ones((1, *found.cells), "float32")).shape == (1, *found.sides)


@pytest.mark.parametrize("found", here(lambda found: found.grid is None))
def test_there_is_no_picture_of_what_has_no_places(found: Specimen, seed: int) -> None:
    probe = probe_of(found, seed)
    try:
        result = ks.GradCAM(relu=False)(probe, found.inputs(found.images(1)), found.target)
    except NoSpatialExtentError:
        return
    assert result.placement.obstacle


def shifted_by_one_token(activations: Array) -> Array:
    """Of a sequence of places, the first of which is taken for a class token."""
    sequence = activations.reshape(len(activations), -1, activations.shape[-1])
    return np.roll(sequence, -1, axis=1).reshape(activations.shape)


def transposed(activations: Array) -> Array:
    """Rows taken for columns, on a grid of the same shape."""
    return np.swapaxes(activations, 1, 2)


WRONG: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "shifted by one token": ("1_tokens_in_front", shifted_by_one_token),
    "transposed": ("few_queries", transposed),
    "upside down": ("spectrogram", lambda activations: activations[:, ::-1]),
}


@pytest.mark.once
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reading_is_rejected(name: str, seed: int) -> None:
    model, change = WRONG[name]
    found = SPECIMENS[model]
    probe = probe_of(found, seed)
    assert count_hits(found, probe.activations, found.truth) >= NEEDED
    assert count_hits(found, lambda images: change(probe.activations(images)), found.truth) < NEEDED / 2


@pytest.mark.once
@pytest.mark.parametrize("name", ["centre_crop", "resizing_that_crops", "resizing_that_pads", "zero_padding"])
def test_a_crop_or_padding_that_is_forgotten_is_rejected(name: str, seed: int) -> None:
    found = SPECIMENS[name]
    probe = probe_of(found, seed)
    assert count_hits(found, probe.activations, found.truth) >= NEEDED
    whole = [divide(side, axis.cells) for side, axis in zip(found.sides, found.truth, strict=True)]
    assert count_hits(found, probe.activations, whole) < NEEDED
