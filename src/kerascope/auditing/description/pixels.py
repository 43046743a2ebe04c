"""The pixels of an image as the model is shown it: their digest, and a thumbnail."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from kerascope.typing import Array

THUMBNAIL = 64
"""Pixels along the longer side of a thumbnail."""


def pixel_digest(pixels: Array) -> str:
    """SHA-256 of an image in 8 bits: the same for equal pixels, whatever file they came in.

    Args:
        pixels: uint8 (H, W, 3).
    """
    return hashlib.sha256(str(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def to_thumbnail(pixels: Array) -> Any:
    """A small picture, as an image of Pillow.

    Args:
        pixels: uint8 (H, W, 3).
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    longest = max(picture.size)
    if longest > THUMBNAIL:
        size = tuple(max(1, round(side * THUMBNAIL / longest)) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.BOX)
    return picture
