"""Mosaics: four images of four classes in one, so that the position of the explained class is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Mosaics:
    """Mosaics of two by two images.

    Args:
        images: (N, H, W, C), of the size of the original images.
        targets: int64 (N,), the class to be explained.
        tiles: bool (N, H, W), true where the image of this class is.
        indices: int64 (N, 4), which images the tiles show: top left, top right, bottom left, bottom right.
    """

    images: Array
    targets: Array
    tiles: Array
    indices: Array


def mosaics(images: Any, labels: Any, seed: int = 0) -> Mosaics:
    """Make a mosaic for every image: with three others, of three other classes that differ, at random.

    Images are scaled to half their height and width by the mean over the pixels that fall into one.

    Args:
        images: (N, H, W, C), of height and width 2 or more.
        labels: whole numbers (N,), of at least four classes.
        seed: of the choice and the positions; mosaic i is drawn by `default_rng([seed, i])`.

    Returns:
        N mosaics; mosaic i asks for the class of image i.

    Raises:
        InputError: no such images, or fewer than four classes.

    Source:
        Arias-Duart et al., Focus! Rating XAI Methods and Finding Biases, FUZZ-IEEE 2022, section III.
        Deviations: four classes, where theirs hold two images of the explained class; tiles at half size, so
        that a mosaic has the size that the model takes.

    Example:
        >>> import numpy as np
        >>> from kerascope.dataset import mosaics
        >>> found = mosaics(np.zeros((8, 6, 6, 3)), np.arange(8) % 4)
        >>> found.images.shape, int(found.tiles[0].sum())
        ((8, 6, 6, 3), 9)
    """
    pictures, classes = np.asarray(images), np.asarray(labels)
    if pictures.ndim != 4 or min(pictures.shape[1:3]) < 2 or classes.shape != pictures.shape[:1]:
        raise errors.InputError(
            "mosaics must be made of images (N, H, W, C), of height and width 2 or more, with a label each; "
            f"got images of shape {pictures.shape} and labels of shape {classes.shape}."
        )
    known = np.unique(classes)
    if len(known) < 4:
        raise errors.InputError(
            f"mosaics must be made of four classes or more; the labels have {len(known)}; add images of "
            "others."
        )
    height, width = pictures.shape[1:3]
    rows, columns = (0, height // 2, height), (0, width // 2, width)
    boxes = [(rows[i], rows[i + 1], columns[j], columns[j + 1]) for i in (0, 1) for j in (0, 1)]
    mosaic_images = np.empty(pictures.shape, "float64")
    tiles = np.zeros(pictures.shape[:3], bool)
    indices = np.empty((len(pictures), 4), "int64")
    for image, label in enumerate(classes):
        generator = np.random.default_rng([seed, image])
        others = generator.permutation(known[known != label])[:3]
        shown = [image, *(int(generator.choice(np.flatnonzero(classes == other))) for other in others)]
        order = generator.permutation(4)
        for (top, bottom, left, right), which in zip(boxes, order, strict=True):
            tile = _scale_down(pictures[shown[which]], bottom - top, right - left)
            mosaic_images[image, top:bottom, left:right] = tile
            tiles[image, top:bottom, left:right] = which == 0
        indices[image] = np.asarray(shown)[order]
    return Mosaics(mosaic_images, classes.astype("int64"), tiles, indices)


def _scale_down(picture: Array, height: int, width: int) -> Array:
    """Scale a picture (H, W, C) down by means over pixels, by shares of pixels at borders."""
    rows, columns = _means(picture.shape[0], height), _means(picture.shape[1], width)
    return np.asarray(np.einsum("ih,hwc,jw->ijc", rows, picture.astype("float64"), columns, optimize=True))


def _means(old: int, new: int) -> Array:
    """The matrix (new, old) of the shares of old pixels in new ones."""
    edges = np.linspace(0, old, new + 1)
    low = np.maximum(edges[:-1, None], np.arange(old)[None])
    high = np.minimum(edges[1:, None], np.arange(1, old + 1)[None])
    return np.asarray(np.maximum(high - low, 0.0) * new / old)
