"""Every model of the zoo: a map is drawn where its evidence is, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from kerascope.typing import Array
from tests.zoo.alignment import NEEDED, count_hits
from tests.zoo.catalogue import here, probe_of
from tests.zoo.specimen import Specimen


@pytest.mark.parametrize("found", here())
def test_a_changed_patch_is_found_where_it_is(found: Specimen, seed: int) -> None:
    probe = probe_of(found, seed)
    placement = probe.placement(found.inputs(found.images(1)))
    if found.grid is None:
        assert placement.obstacle
        return
    assert placement.obstacle == ""
    assert [axis and axis.cells for axis in placement.axes] == list(found.grid)
    hits = count_hits(found, lambda images: probe.activations(found.inputs(images)), placement.axes)
    assert hits >= NEEDED
    assert placement.to_image(np.ones((1, *found.cells), "float32")).shape == (1, *found.sides)
