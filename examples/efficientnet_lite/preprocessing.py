"""The preprocessing of EfficientNet-Lite 0: a centre square of each photograph, scaled to 224 pixels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from kerascope import errors

SIDE = 224


def preprocess(images: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
    """Photographs as the network wants them: (x - 127) / 128 of a centre square scaled to 224 px.

    Args:
        images: RGB photographs (H, W, 3) uint8, of any sizes.

    Returns:
        (N, 224, 224, 3) float32, from -0.99 to 1.

    Raises:
        InputError: when an image is not an RGB photograph of type uint8.

    Source: the preprocessing of the original network: centre crop of 7/8, bicubic scaling.

    Example:
        >>> preprocess([np.full((300, 400, 3), 127, np.uint8)])[0, 0, 0].tolist()
        [0.0, 0.0, 0.0]
    """
    squares = [centre_square(image, SIDE) for image in images]
    if not squares:
        return np.zeros((0, SIDE, SIDE, 3), np.float32)
    return (np.stack(squares).astype(np.float32) - np.float32(127)) / np.float32(128)


def centre_square(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """The square in the middle of a photograph, 7/8 of its shorter side, scaled bicubically.

    Args:
        image: (H, W, 3) uint8, RGB.
        side: height and width of the result in pixels.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        InputError: when the image is not an RGB photograph of type uint8.
        MissingPackageError: when Pillow is not installed.

    Source: the evaluation crop of the EfficientNet code, 224 of 256 pixels, size and offsets
        rounded down. A crop that is one pixel off changes probabilities by up to 0.08.

    Example:
        >>> centre_square(np.zeros((20, 30, 3), np.uint8), 10).shape
        (10, 10, 3)
    """
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise errors.InputError(
            "a photograph must be an array (H, W, 3) of type uint8, red, green, blue; "
            f"this one is {image.shape} of type {image.dtype}"
        )
    height, width, _ = image.shape
    crop = max(1, min(height, width) * 7 // 8)
    top, left = (height - crop) // 2, (width - crop) // 2
    try:
        from PIL import Image
    except ImportError:
        raise errors.MissingPackageError("pillow", "demo") from None
    square = Image.fromarray(image[top : top + crop, left : left + crop])
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC))
