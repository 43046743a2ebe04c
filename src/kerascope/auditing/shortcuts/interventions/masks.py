"""Masks on larger grids and with soft edges."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array

_SOFTNESS = 0.02
"""Of the longer side: the softness of the edges of objects that are put before another background."""


def feather(objects: Array) -> Array:
    """Soften the edges of masks, outside of the objects: a hard edge would itself be seen as a thing.

    Args:
        objects: bool (n, H, W).

    Returns:
        float32 (n, H, W), 1 on the objects.
    """
    from scipy.ndimage import gaussian_filter

    sigma = _SOFTNESS * max(objects.shape[1:])
    soft = [gaussian_filter(mask.astype("float32"), sigma) for mask in objects]
    return np.asarray(np.maximum(np.clip(2 * np.stack(soft), 0, 1), objects), "float32")


def enlarge(masks: Array, size: tuple[int, int]) -> Array:
    """Masks of thumbnails over the model's images, by the nearest cell.

    Args:
        masks: bool (..., h, w).
        size: (H, W).
    """
    rows = (np.arange(size[0]) + 0.5) * masks.shape[-2] / size[0]
    columns = (np.arange(size[1]) + 0.5) * masks.shape[-1] / size[1]
    return np.asarray(masks[..., rows.astype(int)[:, None], columns.astype(int)[None]])


def box_of(mask: Array) -> tuple[float, float, float, float]:
    """The bounding box of a mask: top, left, bottom, right, 0 to 1."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    height, width = mask.shape
    return rows.min() / height, columns.min() / width, (rows.max() + 1) / height, (columns.max() + 1) / width
