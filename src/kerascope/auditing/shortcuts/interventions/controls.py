"""Controls of interventions: the same change somewhere else, or from images without the suspect."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array

ANOTHER_REGION = "another region of the same size"
SAME_OF_OTHERS = "the same of images of still other classes"
SAME_OF_CLASS = "the same of other images of the class"
SAME_OF_NEITHER = "the same of images with neither label"
CONTRAST = "the contrast alone"
"""Controls in words."""

_OVERLAP = 0.1
"""The most that a control region may overlap with the region."""


def control_region(mask: Array) -> Array | None:
    """A region of the same size in another place, or None where there is no room.

    Turned by half, mirrored, or shifted by half the picture: the first of these that hardly overlaps.

    Args:
        mask: bool (H, W).
    """
    height, width = mask.shape
    candidates = (
        mask[::-1, ::-1],
        mask[:, ::-1],
        mask[::-1],
        np.roll(mask, (height // 2, width // 2), (0, 1)),
        np.roll(mask, width // 2, 1),
        np.roll(mask, height // 2, 0),
    )
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    if sum(bool(side.any()) for side in sides) > 2:
        return None  # a frame fits nowhere else
    for candidate in candidates:
        if (candidate & mask).sum() <= _OVERLAP * mask.sum():
            return np.asarray(candidate)
    return None


def move_box(mask: Array, generator: np.random.Generator) -> Array:
    """The bounding box of a mask at another place, drawn at random; it may overlap where there is no room."""
    rows, columns = np.nonzero(mask)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    box = np.zeros_like(mask)
    for _ in range(50):
        box[:] = False
        top = int(generator.integers(0, mask.shape[0] - height + 1))
        left = int(generator.integers(0, mask.shape[1] - width + 1))
        box[top : top + height, left : left + width] = True
        if not (box & mask).any():
            break
    return box


def derangement(count: int) -> Array:
    """Positions of images, each with another one: half of them further on."""
    return np.asarray((np.arange(count) + max(1, count // 2)) % max(count, 1))
