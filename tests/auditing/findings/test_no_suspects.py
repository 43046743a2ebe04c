"""What must raise no suspicion: a patch that no image has, and a colour that maps alone choose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kerascope.auditing.data.thumbnails import Thumbnails
from kerascope.auditing.shortcuts.kinds import colour, patch
from kerascope.typing import Array

pytestmark = pytest.mark.once


def data(pictures: Array, maps: Array, targets: Array, classes: tuple[int, ...] = (0, 1)) -> Any:
    return SimpleNamespace(
        thumbnails=Thumbnails(np.arange(len(pictures)), pictures, maps.astype("float32")),
        targets=targets,
        classes=classes,
        seed=0,
        sample=lambda found, most, salt: found[:most],
    )


def test_a_patch_that_is_cut_beyond_the_edge_and_in_no_image_raises_nothing() -> None:
    """A frame goes on beyond the pictures where they are laid over each other: so large, it is nowhere."""
    pictures = (255 * (0.3 + 0.02 * np.random.default_rng(0).normal(size=(60, 40, 40, 3)))).astype("uint8")
    pictures[:30, :2], pictures[:30, :, :2] = 250, 250
    maps = np.zeros((60, 40, 40))
    maps[:30, 1, 1] = maps[30:, 20, 20] = 1
    found = data(pictures, maps, np.repeat([0, 1], 30))
    own, rest = (found.thumbnails.take(found.targets == label) for label in (0, 1))
    recurring = patch._find_recurring(own, rest, 8, 0)
    assert recurring
    for each in recurring:
        alike = each.inside >= patch.ALIKE
        cut, explains = patch._find_extent(own.take(alike), each.corners[alike], each.side)
        # The case in point: laid over each other it is the same pixels, and in no picture is it found.
        assert (explains >= patch.SAME).all()
        matched, _ = patch._match_templates(own.pictures, cut[None].astype("float32") / 255)
        assert (matched < patch.SAME).all()
    # Warnings are errors in all tests: no mean of nothing is taken.
    assert patch.find(found, []) == []


def test_a_colour_that_only_the_maps_choose_raises_nothing() -> None:
    """The same cloth in all pictures: maps of one class lie on its dark half, of the other on its light."""
    rng = np.random.default_rng(0)
    cloth = np.full((60, 16, 16, 3), 60) + 120 * (np.arange(16) >= 8)[:, None]
    pictures = np.clip(cloth + rng.normal(0, 20, (60, 1, 1, 1)), 0, 255).astype("uint8")
    targets = np.arange(60) % 2
    maps = np.zeros((60, 16, 16))
    maps[targets == 0, :, :8] = maps[targets == 1, :, 8:] = 1
    means = (pictures.mean(axis=-1) * maps).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    lightest, darkest = means[targets == 0].max(), means[targets == 1].min()
    assert lightest < darkest, "under its own map, each class has a colour of its own"
    assert colour.find(data(pictures, maps, targets), []) == []
    # Where the cloth itself is of another colour, it is suspected.
    pictures[targets == 1, :, :, 0] = 250
    suspects = colour.find(data(pictures, maps, targets), [])
    assert [suspect.label for suspect in suspects] == [0, 1]
