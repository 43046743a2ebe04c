"""Segmentation of images: by colour, as a grid, or as given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.perturb.baseline import Pixels
from kerascope.typing import Array

Segments = int | tuple[int, ...] | Pixels
SegmentsLike = Any
"""A number, the cells of a grid along each axis, or an array: what `as_segments` takes."""

_COMPACTNESS = 10.0
"""Of SLIC: how much places count against colours; scikit-image's own default."""


def as_segments(given: SegmentsLike) -> Segments:
    """Segments as a method stores them; see `kerascope.method.segments.base.SegmentMethod`."""
    if isinstance(given, Pixels):
        return given
    if _is_count(given) and given >= 2:
        return int(given)
    if isinstance(given, tuple) and given and all(map(_is_count, given)) and math.prod(given) >= 2:
        return tuple(map(int, given))
    if isinstance(given, np.ndarray) and given.ndim and given.size and given.dtype.kind in "iu":
        if given.min() >= 0 and given.max() < 1 << 24:
            return Pixels(given)
        raise errors.ParameterError(
            "segments must cover every pixel: whole numbers from 0, one for each; got an array with values "
            f"from {given.min()} to {given.max()}; give the remaining pixels a segment of their own."
        )
    raise errors.ParameterError(
        "segments must be a number of at least 2, a tuple with the cells of a grid along each axis, or an "
        f"array of whole numbers, the segment of each pixel; got {given!r}."
    )


def segment_images(segments: Segments, pictures: Array) -> tuple[Array, str]:
    """The segment of each pixel, int32 (N, *spatial), from 0 without gaps in each image, and a note."""
    spatial = pictures.shape[1:-1]
    if isinstance(segments, Pixels):
        labels, what = _check_labels(segments.array, pictures), "given"
    elif isinstance(segments, tuple):
        labels, what = _grid(segments, spatial), f"a grid of {' x '.join(map(str, segments))}"
    elif len(spatial) == 2:
        labels, what = np.stack([_slic(picture, segments) for picture in pictures]), "by SLIC"
    else:
        cells = grid_cells(segments, spatial)
        labels, what = _grid(cells, spatial), f"a grid of {' x '.join(map(str, cells))}"
    labels = np.broadcast_to(labels, pictures.shape[:-1])
    numbered = np.stack([np.unique(image, return_inverse=True)[1].reshape(spatial) for image in labels])
    counts = [int(image.max()) + 1 for image in numbered]
    span = f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else f"{counts[0]}"
    return numbered.astype("int32"), f"segments: {span}, {what}"


def grid_cells(count: int, spatial: tuple[int, ...]) -> tuple[int, ...]:
    """The cells along each axis of a grid of about `count` cells of similar sides, at most one a pixel.

    Short axes come first, so that longer ones make up for what they are rounded by.
    """
    axes = sorted(range(len(spatial)), key=lambda axis: spatial[axis])
    cells, left = [1] * len(spatial), float(count)
    for index, axis in enumerate(axes):
        rest = [spatial[other] for other in axes[index:]]
        side = (math.prod(rest) / left) ** (1 / len(rest))
        cells[axis] = min(spatial[axis], max(1, round(spatial[axis] / side)))
        left /= cells[axis]
    return tuple(cells)


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 1


def _check_labels(array: Array, pictures: Array) -> Array:
    if array.shape not in (pictures.shape[1:-1], pictures.shape[:-1]):
        raise errors.InputError(
            f"segments must cover the images: an array of shape {pictures.shape[1:-1]} for all, or "
            f"{pictures.shape[:-1]} for each; got {array.shape}."
        )
    return array.astype("int64")


def _grid(cells: tuple[int, ...], spatial: tuple[int, ...]) -> Array:
    """The cells of a grid, numbered in order, all of the same size up to a pixel."""
    fits = len(cells) == len(spatial) and all(
        count <= side for count, side in zip(cells, spatial, strict=False)
    )
    if not fits:
        raise errors.InputError(
            f"a grid of segments must have a number of cells for each axis of images of size {spatial}, and "
            f"at most one for each pixel; got {cells}."
        )
    axes = [np.arange(side) * count // side for side, count in zip(spatial, cells, strict=True)]
    return np.asarray(np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), cells))[None]


def _slic(picture: Array, count: int) -> Array:
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise errors.MissingPackageError("skimage", "segments") from None
    low, high = float(picture.min()), float(picture.max())
    shown = (picture.astype("float64") - low) / (high - low if high > low else 1)
    found = slic(
        shown,
        n_segments=count,
        compactness=_COMPACTNESS,
        start_label=0,
        channel_axis=-1,
        convert2lab=picture.shape[-1] == 3,
    )
    labels = np.asarray(found)
    # A single segment says nothing: a picture without any structure is cut as a grid.
    return labels if labels.max() > 0 else _grid(grid_cells(count, labels.shape), labels.shape)[0]
