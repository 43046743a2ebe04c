"""Layouts of tensors: which axes are spatial, and conversion to channels last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

CHANNELS_FIRST, CHANNELS_LAST, TOKENS, GREY = "channels_first", "channels_last", "tokens", "grey"
FRAMES = "frames of tokens"

EXTRA_TOKENS = 8
"""The most tokens around a grid: a class token, and registers."""


@dataclass(frozen=True)
class Layout:
    """The axes of a tensor whose first axis is the batch.

    Args:
        kind: `"channels_last"`, `"channels_first"`, `"tokens"`, `"frames of tokens"`, (N, T, tokens, C), or
            `"grey"` for pictures without a channel axis.
        spatial: sizes of the spatial axes.
        channels: number of channels.
        prefix: number of tokens before the grid, such as a class token; 0 for other kinds.
        suffix: number of tokens behind the grid; 0 for other kinds.
        order: for each spatial axis of the image, which of the tensor's it is, such as (1, 0) behind a
            `Permute((2, 1, 3))`; empty where they are in the image's order. Of tokens, the axes of the grid
            that they fill row by row.
    """

    kind: str
    spatial: tuple[int, ...]
    channels: int
    prefix: int = 0
    suffix: int = 0
    order: tuple[int, ...] = ()

    @property
    def positions(self) -> int:
        """Number of positions on the grid."""
        return math.prod(self.spatial)

    @property
    def own_spatial(self) -> tuple[int, ...]:
        """Sizes of the spatial axes in the tensor's own order."""
        return tuple(self.spatial[self.order.index(axis)] for axis in range(len(self.order))) or self.spatial

    def channels_last(self, tensor: Any, numpy: Any = ops) -> Any:
        """Convert a tensor to (N, *spatial, C), with the spatial axes in the image's order.

        Args:
            tensor: of this layout.
            numpy: the module to compute with: `keras.ops`, or NumPy for arrays.
        """
        if self.kind == CHANNELS_FIRST:
            tensor = numpy.moveaxis(tensor, 1, -1)
        elif self.kind == TOKENS:
            grid = tensor[:, self.prefix : tensor.shape[1] - self.suffix]
            tensor = numpy.reshape(grid, (-1, *self.own_spatial, self.channels))
        elif self.kind == FRAMES:
            tensor = numpy.reshape(tensor, (-1, *self.own_spatial, self.channels))
        elif self.kind == GREY:
            tensor = tensor[..., None]
        if not self.order:
            return tensor
        last = len(self.order) + 1
        return numpy.transpose(tensor, (0, *(1 + axis for axis in self.order), last))

    def original(self, tensor: Any, numpy: Any = ops) -> Any:
        """Convert a tensor (N, *spatial, C) to this layout, without the tokens around a grid.

        Args:
            tensor: channels last, with the spatial axes in the image's order.
            numpy: the module to compute with: `keras.ops`, or NumPy for arrays.
        """
        if self.order:
            last = len(self.order) + 1
            back = (1 + self.order.index(axis) for axis in range(len(self.order)))
            tensor = numpy.transpose(tensor, (0, *back, last))
        if self.kind == CHANNELS_FIRST:
            return numpy.moveaxis(tensor, -1, 1)
        if self.kind == TOKENS:
            return numpy.reshape(tensor, (-1, self.positions, self.channels))
        if self.kind == FRAMES:
            frames, *grid = self.own_spatial
            return numpy.reshape(tensor, (-1, frames, math.prod(grid), self.channels))
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
            if 0 <= prefix <= EXTRA_TOKENS and math.prod(grid) > 1:
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
