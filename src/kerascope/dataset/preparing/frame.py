"""Where the model's image lies in the photograph: cut out on the way in, mapped back on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from kerascope import errors
from kerascope.resize import neighbours, resize
from kerascope.typing import Array

Fit = Literal["crop", "stretch", "pad"]
Interpolation = Literal["nearest", "bilinear", "bilinear-aliased", "bicubic", "lanczos", "area"]
_APART = 1 << 15
"""Pixels between two rows that count, above which what lies between is not copied: a copy has its cost."""

FITS: tuple[str, ...] = get_args(Fit)
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)


@dataclass(frozen=True)
class Frame:
    """A box in a photograph, in whole pixels; with padding it reaches beyond the photograph.

    Args:
        height: of the upright photograph.
        width: of the same.
        top: first row of the box that the model is shown.
        left: its first column.
        bottom: the first row below it.
        right: the first column to the right of it.
    """

    height: int
    width: int
    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def for_size(
        cls, height: int, width: int, size: tuple[int, int], fit: Fit = "crop", share: float = 1.0
    ) -> Frame:
        """The box that becomes an image of a shape.

        Args:
            height: of the upright photograph.
            width: of the same.
            size: (h, w) of the model's image; only its proportions count.
            fit: `"crop"`, the largest centred box in the photograph with these proportions; `"stretch"`, the
                whole photograph, whatever its proportions; `"pad"`, the smallest box around all of it.
            share: of the sides of that box, the part that is kept around the centre, in (0, 1].

        Example:
            >>> from kerascope.dataset.preparing.frame import Frame
            >>> Frame.for_size(100, 200, (8, 8)).box
            (0, 50, 100, 150)
        """
        rows, columns = float(height), float(width)
        if fit != "stretch":
            proportion = size[1] / size[0]
            flat = width / height > proportion
            if flat == (fit == "crop"):
                columns = height * proportion
            else:
                rows = width / proportion
        kept = [max(1, int(side * share)) for side in (round(rows, 6), round(columns, 6))]
        top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
        return cls(height, width, top, left, top + kept[0], left + kept[1])

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right."""
        return self.top, self.left, self.bottom, self.right

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the box."""
        return self.bottom - self.top, self.right - self.left

    @property
    def visible(self) -> tuple[slice, slice]:
        """The rows and columns of the photograph that the model is shown."""
        return (
            slice(max(self.top, 0), min(self.bottom, self.height)),
            slice(max(self.left, 0), min(self.right, self.width)),
        )

    @property
    def hidden(self) -> tuple[tuple[slice, slice], ...]:
        """The rest of the photograph: above, below, left and right of what the model is shown."""
        rows, columns = self.visible
        return (
            (slice(0, rows.start), slice(None)),
            (slice(rows.stop, None), slice(None)),
            (rows, slice(0, columns.start)),
            (rows, slice(columns.stop, None)),
        )

    def cut(self, picture: Any, size: tuple[int, int], interpolation: Interpolation = "bilinear") -> Array:
        """The model's image: the box, scaled; black where it is beyond the photograph.

        Args:
            picture: of Pillow, the upright photograph.
            size: (h, w) of the result.
            interpolation: Pillow's filter, antialiased but for `"nearest"`; `"area"` is its box filter; or
                `"bilinear-aliased"`, the filter of TensorFlow and Keras without antialiasing.

        Returns:
            uint8 (h, w) or (h, w, 3), as the picture is; float32, not rounded, of `"bilinear-aliased"`.
        """
        from PIL import Image

        box = self.left, self.top, self.right, self.bottom
        if interpolation == "bilinear-aliased":
            return _resize_aliased(picture, box, size)
        if self.box != (0, 0, self.height, self.width):
            picture = picture.crop(box)
        filters = Image.Resampling
        chosen = {"area": filters.BOX}.get(interpolation) or filters[interpolation.upper()]
        return np.asarray(picture.resize((size[1], size[0]), chosen))

    def resize_to_box(self, maps: Array) -> Array:
        """Maps brought to the pixels that the model was shown.

        Args:
            maps: (..., h, w), over the model's image.

        Returns:
            float32 (..., *shape of the photograph at `visible`), by half-pixel bilinear interpolation.
        """
        return self.trim(resize(maps, self.size, first=maps.ndim - 2))

    def trim(self, maps: Array) -> Array:
        """Maps of the size of the box, without the padding beyond the photograph."""
        rows, columns = self.visible
        return maps[
            ...,
            rows.start - self.top : rows.stop - self.top,
            columns.start - self.left : columns.stop - self.left,
        ]

    def uncrop(self, maps: Array) -> Array:
        """Maps over the whole photograph, NaN where the model was shown nothing.

        Args:
            maps: (..., h, w), over the model's image.

        Returns:
            float32 (..., height, width); sign and scale as given.

        Example:
            >>> import numpy as np
            >>> from kerascope.dataset.preparing.frame import Frame
            >>> Frame(1, 4, 0, 1, 1, 3).uncrop(np.ones((1, 2)))
            array([[nan,  1.,  1., nan]], dtype=float32)
        """
        whole = np.full((*maps.shape[:-2], self.height, self.width), np.nan, "float32")
        whole[(..., *self.visible)] = self.resize_to_box(maps)
        return whole


def _resize_aliased(picture: Any, box: tuple[int, int, int, int], size: tuple[int, int]) -> Array:
    """What `resize` gives of a box, from the few rows and columns that count: a photograph has thousands."""
    left, top, right, bottom = box
    (rows, down), (columns, across) = (
        _weights(old, new) for old, new in zip((bottom - top, right - left), size, strict=True)
    )
    pixels = np.concatenate(
        [
            np.asarray(picture.crop((left, top + run[0], right, top + run[-1] + 1)))[run - run[0]][:, columns]
            for run in np.split(rows, np.flatnonzero((np.diff(rows) - 1) * (right - left) > _APART) + 1)
        ]
    ).astype("float32")
    for axis, weights in enumerate((down, across)):
        pixels = np.moveaxis(np.tensordot(weights, pixels, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(pixels)


def _weights(old: int, new: int) -> tuple[Array, Array]:
    """Which places of an axis count, and the matrix (new, those) that makes the resized axis of them."""
    below, above, share = neighbours(old, new)
    used = np.unique(np.concatenate([below, above]))
    weights = np.zeros((new, len(used)), "float32")
    np.add.at(weights, (np.arange(new), np.searchsorted(used, below)), 1 - share)
    np.add.at(weights, (np.arange(new), np.searchsorted(used, above)), share)
    kept = weights.any(axis=0)
    return used[kept], weights[:, kept]


def check_fit(fit: str, interpolation: str, share: float) -> None:
    """Refuse what `Frame.for_size` and `Frame.cut` do not know."""
    if fit not in FITS:
        raise errors.ParameterError(f"fit must be one of {', '.join(FITS)}; got {fit!r}.")
    if interpolation not in INTERPOLATIONS:
        raise errors.ParameterError(
            f"interpolation must be one of {', '.join(INTERPOLATIONS)}; got {interpolation!r}."
        )
    if not 0 < share <= 1:
        raise errors.ParameterError(f"share must be a number above 0 and at most 1; got {share!r}.")
