"""Simple statistics of the background of a picture, and of its middle: colour, brightness, texture."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array

TRAITS = (
    *("brightness", "red", "green", "blue", "saturation"),
    *("contrast", "upright edges", "level edges", "fine texture"),
)
COLOUR = 5
"""The first traits, up to here, are of colour, the others of texture."""
MARGIN = 1 / 6
"""Of each side: pixels outside it count as background where masks do not say."""
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")


def margin(height: int, width: int) -> Array:
    """bool (height, width), the background where masks do not say: all but the middle."""
    rows, columns = max(1, round(height * MARGIN)), max(1, round(width * MARGIN))
    outside = np.ones((height, width), bool)
    outside[rows:-rows, columns:-columns] = False
    return outside


def compute_traits(pixels: Array) -> Array:
    """The traits of the background of one picture, and of its middle.

    A trait of the background is the median of its values at the four sides, so that an object that reaches
    one of them does not count.

    Args:
        pixels: uint8 (H, W, 3).

    Returns:
        float32 (2, 9), of background and middle, by `TRAITS`, usually 0 to 1.
    """
    picture = pixels.astype("float32") / 255
    luma = picture @ _LUMA
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, 1:], down[1:] = np.diff(luma, axis=1), np.diff(luma, axis=0)
    fine = np.zeros_like(luma)
    fine[1:-1, 1:-1] = np.abs(
        4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    )
    planes = np.stack([*colour_planes(picture), luma**2, np.abs(across), np.abs(down), fine])
    rows, columns = (max(1, round(side * MARGIN)) for side in luma.shape)
    sides = (planes[:, :rows], planes[:, -rows:], planes[:, :, :columns], planes[:, :, -columns:])
    middle = planes[:, 2 * rows : -2 * rows, 2 * columns : -2 * columns]
    means = np.stack([part.mean(axis=(1, 2)) for part in (*sides, middle if middle.size else planes)])
    # The mean of squares becomes the standard deviation of brightness.
    means[:, COLOUR] = np.sqrt(np.maximum(means[:, COLOUR] - means[:, 0] ** 2, 0))
    return np.stack([np.median(means[:-1], axis=0), means[-1]]).astype("float32")


def colour_planes(pictures: Array) -> Array:
    """The traits of colour pixel by pixel: (5, ...).

    Args:
        pictures: float (..., 3), 0 to 1.
    """
    saturation = pictures.max(axis=-1) - pictures.min(axis=-1)
    return np.stack([pictures @ _LUMA, *np.moveaxis(pictures, -1, 0), saturation])
