"""Layouts of tensors: which axes are spatial, and conversion to channels last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

CHANNELS_FIRST, CHANNELS_LAST, TOKENS, GREY = "channels_first", "channels_last", "tokens", "grey"

_PREFIX = 8
"""The most tokens before a grid: a class token, and registers."""


@dataclass(frozen=True)
class Layout:
    """The axes of a tensor whose first axis is the batch.

    Args:
        kind: `"channels_last"`, `"channels_first"`, `"tokens"`, or `"grey"` for pictures without a channel
            axis.
        spatial: sizes of the spatial axes.
        channels: number of channels.
        prefix: number of tokens before the grid, such as a class token; 0 for other kinds.
    """

    kind: str
    spatial: tuple[int, ...]
    channels: int
    prefix: int = 0

    @property
    def positions(self) -> int:
        """Number of positions on the grid."""
        return math.prod(self.spatial)

    def channels_last(self, tensor: Any, numpy: Any = ops) -> Any:
        """Convert a tensor to (N, *spatial, C).

        Args:
            tensor: of this layout.
            numpy: the module to compute with: `keras.ops`, or NumPy for arrays.
        """
        if self.kind == CHANNELS_FIRST:
            return numpy.moveaxis(tensor, 1, -1)
        if self.kind == TOKENS:
            return numpy.reshape(tensor[:, self.prefix :], (-1, *self.spatial, self.channels))
        return tensor[..., None] if self.kind == GREY else tensor

    def original(self, tensor: Any, numpy: Any = ops) -> Any:
        """Convert a tensor (N, *spatial, C) to this layout, without the tokens before a grid.

        Args:
            tensor: channels last.
            numpy: the module to compute with: `keras.ops`, or NumPy for arrays.
        """
        if self.kind == CHANNELS_FIRST:
            return numpy.moveaxis(tensor, -1, 1)
        if self.kind == TOKENS:
            return numpy.reshape(tensor, (-1, self.positions, self.channels))
        return tensor[..., 0] if self.kind == GREY else tensor


def read_layout(
    shape: tuple[int, ...],
    data_format: str,
    image: tuple[int, ...] | None,
    grids: Sequence[tuple[int, ...]] = (),
) -> Layout | None:
    """Return the layout of a tensor of `shape`, or None if it has no spatial axes.

    A tensor of rank 3 in a model of pictures is read as tokens if they fill a grid of an earlier tensor,
    after a few other tokens (class, registers). Without an earlier grid, they must fill a grid of the
    picture's proportions, after at most one other token.

    Args:
        shape: the tensor's full shape, batch first.
        data_format: `"channels_last"` or `"channels_first"`.
        image: spatial size of the explained input, or None if unknown.
        grids: spatial sizes of earlier tensors, the latest first, without the image.
    """
    if len(shape) < 3:
        return None
    if len(shape) == 3 and image is not None and len(image) == 2:
        for grid in grids:
            prefix = shape[1] - math.prod(grid)
            if 0 <= prefix <= _PREFIX and math.prod(grid) > 1:
                return Layout(TOKENS, grid, shape[2], prefix)
        if grids or (found := find_token_grid(shape[1], image)) is None:
            return None
        prefix, *grid_size = found
        return Layout(TOKENS, tuple(grid_size), shape[2], prefix)
    if data_format == CHANNELS_FIRST:
        return Layout(CHANNELS_FIRST, shape[2:], shape[1])
    return Layout(CHANNELS_LAST, shape[1:-1], shape[-1])


def find_token_grid(tokens: int, image: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return `(prefix, h, w)` with `prefix + h * w == tokens` and square patches, or None.

    Args:
        tokens: length of the token axis.
        image: height and width of the picture in pixels.
    """
    height, width = image
    for prefix in (0, 1):
        rows = round(math.sqrt((tokens - prefix) * height / width)) if tokens > prefix else 0
        if rows < 1 or (tokens - prefix) % rows:
            continue
        columns = (tokens - prefix) // rows
        # One patch size must fit both sides, except for pixels that do not fill a patch.
        patch = min(height // rows, width // columns)
        if patch >= 1 and all(
            side // patch <= count <= -(-side // patch) for side, count in ((height, rows), (width, columns))
        ):
            return prefix, rows, columns
    return None
