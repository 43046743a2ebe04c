"""Simple image statistics of a picture, its background, and under a map: colour, brightness, texture."""

from __future__ import annotations

import numpy as np

from kerascope.typing import Array

TRAITS = (
    *("brightness", "red", "green", "blue", "saturation"),
    *("contrast", "upright edges", "level edges", "fine texture"),
)
COLOUR = 5
"""The first traits, up to here, are of colour, the others of texture."""
PLACES = ("picture", "background", "looked at")
PICTURE, BACKGROUND, LOOKED_AT = range(3)
MARGIN = 1 / 6
"""Of each side: pixels outside it count as background where masks do not say."""
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")


def margin(height: int, width: int) -> Array:
    """bool (height, width), the background where masks do not say: all but the middle."""
    rows, columns = max(1, round(height * MARGIN)), max(1, round(width * MARGIN))
    outside = np.ones((height, width), bool)
    outside[rows:-rows, columns:-columns] = False
    return outside


def compute_traits(pixels: Array, weights: Array) -> Array:
    """The traits of one picture.

    A trait of the background is the median of its values at the four sides, so that an object that reaches
    one of them does not count.

    Args:
        pixels: uint8 (H, W, 3).
        weights: float (H, W), not negative: the map.

    Returns:
        float32 (3, 9), by `PLACES` and `TRAITS`, usually 0 to 1; under the map NaN where that is zero.
    """
    picture = pixels.astype("float32") / 255
    luma = picture @ _LUMA
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, 1:], down[1:] = np.diff(luma, axis=1), np.diff(luma, axis=0)
    fine = np.zeros_like(luma)
    fine[1:-1, 1:-1] = np.abs(
        4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    )
    saturation = picture.max(axis=-1) - picture.min(axis=-1)
    planes = np.stack(
        [luma, *np.moveaxis(picture, -1, 0), saturation, luma**2, np.abs(across), np.abs(down), fine]
    )
    rows, columns = (max(1, round(side * MARGIN)) for side in luma.shape)
    sides = (planes[:, :rows], planes[:, -rows:], planes[:, :, :columns], planes[:, :, -columns:])
    total = float(weights.sum())
    under_map = np.einsum("thw,hw->t", planes, weights) / total if total > 0 else np.full(len(planes), np.nan)
    traits = np.stack(
        [
            _to_contrast(planes.mean(axis=(1, 2))),
            np.median([_to_contrast(side.mean(axis=(1, 2))) for side in sides], axis=0),
            _to_contrast(under_map),
        ]
    )
    return traits.astype("float32")


def _to_contrast(means: Array) -> Array:
    """Replace the mean of squares by the standard deviation of brightness."""
    traits = np.array(means)
    traits[5] = np.sqrt(np.maximum(means[5] - means[0] ** 2, 0))
    return traits
