"""Four photographs that come with scikit-image, read without importing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kerascope import errors
from kerascope.demo import data_files

# name, file inside the package, ImageNet classes that are right
_FILES = (
    ("cat", "skimage/data/chelsea.png", (281, 282, 285)),
    ("espresso", "skimage/data/coffee.png", (504, 967, 968)),
    ("rocket", "skimage/data/rocket.jpg", (657, 744)),
    ("motorcycle", "skimage/data/motorcycle_left.png", (665, 670)),
)


@dataclass(frozen=True)
class Photograph:
    """A photograph, what is on it, and which ImageNet classes are right answers."""

    name: str
    pixels: npt.NDArray[np.uint8]
    right_classes: tuple[int, ...]


def load_photographs() -> tuple[Photograph, ...]:
    """The cat Chelsea, a cup of espresso, a rocket and a motorcycle.

    Returns:
        Four photographs with pixels (H, W, 3) uint8, RGB, in this order.

    Raises:
        MissingDataError: when scikit-image, or a file of it, is not installed.
        MissingPackageError: when Pillow is not installed.

    Source: scikit-image's `skimage.data`: chelsea (Stefan van der Walt), coffee (Rachel Michetti)
        and rocket (SpaceX), CC0 or public domain; motorcycle is the left picture of a pair of the
        Middlebury 2014 stereo benchmark.

    Example:
        >>> [photograph.name for photograph in load_photographs()]
        ['cat', 'espresso', 'rocket', 'motorcycle']
    """
    return tuple(Photograph(name, _read(file), right) for name, file, right in _FILES)


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


def _read(file: str) -> npt.NDArray[np.uint8]:
    path = data_files.data_file(data_files.PHOTOGRAPHS, file)
    try:
        from PIL import Image
    except ImportError:
        raise errors.MissingPackageError("pillow", "demo") from None
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
