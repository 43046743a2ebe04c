"""Regions of pictures: another one of the same size, the same on larger images, soft rims."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array

_FEATHER = 0.02
"""Of the longer side: how soft the rims of objects are that are put before another scene."""
_APART = 0.1
"""The most that a control region may overlap with the region."""


def feathered(objects: Array) -> Array:
    """Masks with soft rims, outside of the objects: a hard rim would be seen as a thing.

    Args:
        objects: bool (n, H, W).

    Returns:
        float32 (n, H, W), 1 on the objects.
    """
    from scipy.ndimage import gaussian_filter

    sigma = _FEATHER * max(objects.shape[1:])
    soft = [gaussian_filter(one.astype("float32"), sigma) for one in objects]
    return np.asarray(np.maximum(np.clip(2 * np.stack(soft), 0, 1), objects), "float32")


def elsewhere(mask: Array) -> Array | None:
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
    size = mask.sum()
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    if sum(bool(side.any()) for side in sides) > 2:
        # A frame is nowhere else.
        return None
    for candidate in candidates:
        if (candidate & mask).sum() <= _APART * size:
            return np.asarray(candidate)
    return None


def enlarged(masks: Array, size: tuple[int, int]) -> Array:
    """Masks of small pictures over the model's images: the nearest cell.

    Args:
        masks: bool (..., h, w).
        size: (H, W).
    """
    rows = (np.arange(size[0]) + 0.5) * masks.shape[-2] / size[0]
    columns = (np.arange(size[1]) + 0.5) * masks.shape[-1] / size[1]
    return np.asarray(masks[..., rows.astype(int)[:, None], columns.astype(int)[None]])
