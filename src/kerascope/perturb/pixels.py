"""Images and maps with one value per pixel."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.explanation import Reduction, reduce_channels
from kerascope.placement import stretch
from kerascope.probe import Answer
from kerascope.typing import Array


def pixels_of(answer: Answer) -> Array:
    """The explained images, float32 (N, *spatial, C), whatever layout the model takes them in."""
    pixels = answer.batch.picture
    layout = answer.image_layout
    if layout is None:
        tokens = pixels.dtype.kind != "f"
        raise errors.InputError(
            "a map of pixels needs an input with spatial axes, such as images (N, H, W, C); got inputs of "
            f"shape {pixels.shape}; use a method that explains "
            + (
                "a layer behind them, such as GradCAM."
                if tokens
                else "the input's numbers, such as Saliency."
            )
        )
    return np.asarray(layout.channels_last(pixels, np), "float32")


def on_pixels(answer: Answer, reduction: Reduction) -> Array:
    """One value for each pixel of the explained input, (N, *spatial) or (N, K, *spatial)."""
    assert answer.values is not None
    maps = reduce_channels(answer.values, reduction)
    size = pixels_of(answer).shape[1:-1]
    first = answer.scores.ndim
    placement = answer.placement
    if placement is None or placement.grid != maps.shape[first:]:
        placement = stretch(maps.shape[first:], size)
    return placement.to_image(maps, first=first)
