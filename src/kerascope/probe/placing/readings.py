"""Readings of a tensor: which of its axes may run over places of the image, and in what order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kerascope.layout import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    EXTRA_TOKENS,
    FRAMES,
    GREY,
    TOKENS,
    Layout,
    find_token_grid,
)


class LayoutReading(NamedTuple):
    """A layout, and the axis of the image along which each axis of its grid runs."""

    layout: Layout
    axes: tuple[int, ...]


def list_readings(
    shape: tuple[int, ...], image: tuple[int, ...], guess: Layout, grids: Sequence[tuple[int, ...]]
) -> list[LayoutReading]:
    """Every reading of a tensor, the guess from shapes and names first.

    Args:
        shape: the tensor's, batch first.
        image: spatial size of the image.
        guess: the layout that shapes and names suggest.
        grids: spatial sizes of earlier layers, without the image.
    """
    found = list(_guesses(guess, len(image)))
    rank = len(shape) - 2
    if rank == len(image):
        found += _pictures(shape)
    elif 0 < rank < len(image):
        found += _sequences(shape, len(image))
    if len(shape) == 3:
        found += _tokens(shape, image, grids)
    if len(shape) == 3 and len(image) == 2:
        found += [LayoutReading(_with_order(GREY, shape[1:], 1, order), (0, 1)) for order in ((0, 1), (1, 0))]
    if len(shape) == 4 and len(image) == 3:
        found += _frames(shape, image)
    return list(dict.fromkeys(found))


def _guesses(guess: Layout, rank: int) -> Iterator[LayoutReading]:
    count = len(guess.spatial)
    if count <= rank:
        yield from (LayoutReading(guess, axes) for axes in itertools.combinations(range(rank), count))


def _pictures(shape: tuple[int, ...]) -> Iterator[LayoutReading]:
    """Channels last or first, and the other axes in any order."""
    rank = len(shape) - 2
    axes = tuple(range(rank))
    for order in itertools.permutations(axes):
        yield LayoutReading(_with_order(CHANNELS_LAST, shape[1:-1], shape[-1], order), axes)
        yield LayoutReading(_with_order(CHANNELS_FIRST, shape[2:], shape[1], order), axes)


def _sequences(shape: tuple[int, ...], rank: int) -> Iterator[LayoutReading]:
    """Fewer axes than the image: columns of a picture, frames of a video."""
    for axes in itertools.combinations(range(rank), len(shape) - 2):
        yield LayoutReading(Layout(CHANNELS_LAST, shape[1:-1], shape[-1]), axes)
        yield LayoutReading(Layout(CHANNELS_FIRST, shape[2:], shape[1]), axes)


def _tokens(
    shape: tuple[int, ...], image: tuple[int, ...], grids: Sequence[tuple[int, ...]]
) -> Iterator[LayoutReading]:
    """Tokens row by row or column by column, with some more in front, behind, or both."""
    count, channels = shape[1:]
    known = [grid for grid in grids if len(grid) == len(image) > 1]
    for extra in range(EXTRA_TOKENS + 1) if len(image) == 2 else ():
        square = find_token_grid(count - extra, image) if count > extra else None
        known += [square[1:]] if square and not square[0] else []
    for grid in dict.fromkeys(known):
        extra = count - math.prod(grid)
        if not 0 <= extra <= EXTRA_TOKENS or math.prod(grid) < 2:
            continue
        for prefix in (extra, *range(extra)):
            for order in ((), (1, 0)) if len(image) == 2 else ((),):
                layout = Layout(TOKENS, grid, channels, prefix, extra - prefix, order)
                yield LayoutReading(layout, tuple(range(len(image))))


def _frames(shape: tuple[int, ...], image: tuple[int, ...]) -> Iterator[LayoutReading]:
    """Tokens of each frame of a video, row by row."""
    square = find_token_grid(shape[2], image[1:])
    if square and not square[0]:
        yield LayoutReading(Layout(FRAMES, (shape[1], *square[1:]), shape[3]), (0, 1, 2))


def _with_order(kind: str, own: tuple[int, ...], channels: int, order: tuple[int, ...]) -> Layout:
    """A layout with the tensor's own spatial axes in an order."""
    spatial = tuple(own[axis] for axis in order)
    return Layout(kind, spatial, channels, order=() if order == tuple(range(len(order))) else order)
