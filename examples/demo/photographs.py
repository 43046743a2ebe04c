"""Four photographs that come with scikit-image, read without importing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from examples import data_files
from kerascope import errors

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


def _read(file: str) -> npt.NDArray[np.uint8]:
    path = data_files.data_file(data_files.PHOTOGRAPHS, file)
    try:
        from PIL import Image
    except ImportError:
        raise errors.MissingPackageError("pillow", "demo") from None
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
