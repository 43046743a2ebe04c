"""Kinds of masks: from codes, a few numbers for each mask, to one number per pixel, on the device.

A kind works on `keras.ops` or on NumPy, whichever it is given, on arrays of one row per mask. Data
of the images besides the codes (labels, activations) is resident: brought to the device once, one row per
image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope.perturb.resampling import apply_along_axes, to_integers, to_tensor
from kerascope.placement import Placement


class Masks(ABC):
    """A kind of mask: a frozen dataclass, a value."""

    @abstractmethod
    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        """The masks (B, *spatial, 1) or, where channels differ, (B, *spatial, C), with axes of 1 for all.

        `own` is the resident data of the image of each row, `numpy` is `keras.ops` or NumPy.
        """


@dataclass(frozen=True)
class WindowMasks(Masks):
    """A window is removed; its code is its first pixel on each axis."""

    spatial: tuple[int, ...]
    window: tuple[int, ...]

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        rank = len(self.spatial)
        inside: Any = 1.0
        for axis, (side, length) in enumerate(zip(self.spatial, self.window, strict=True)):
            places = np.arange(side, dtype="float32").reshape(
                [-1 if other == axis else 1 for other in range(rank)]
            )
            start = numpy.reshape(codes[:, axis], (-1, *[1] * rank))
            places = to_tensor(places, numpy)
            here = numpy.logical_and(places[None] >= start, places[None] < start + length)
            inside = inside * numpy.where(here, 1.0, 0.0)
        return (1.0 - inside)[..., None]


@dataclass(frozen=True)
class SegmentMasks(Masks):
    """Segments are on, off or faded: the code has a number for each. Resident are `labels`, (N, pixels)."""

    spatial: tuple[int, ...]

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        taken = numpy.take_along_axis(codes, own["labels"], axis=1)
        return numpy.reshape(taken, (-1, *self.spatial, 1))


@dataclass(frozen=True)
class RankMasks(Masks):
    """Pixels stay by their rank: those from the first number of the code on, below the second.

    Resident are `ranks`, (N, pixels) float32, such as the place of each pixel in the order of relevance;
    pixels of one region may share a rank.
    """

    spatial: tuple[int, ...]

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        ranks = own["ranks"]
        stays = numpy.logical_and(ranks >= codes[:, :1], ranks < codes[:, 1:2])
        return numpy.reshape(numpy.where(stays, 1.0, 0.0), (-1, *self.spatial, 1))


@dataclass(frozen=True)
class MapMasks(Masks):
    """Maps of the image, enlarged and brought to 0 to 1 each, and multiplied.

    The code is the number of the map, the factor, and the number of the noise that is added before the map is
    enlarged. Resident are `maps`, (N, *grid, C), such as the channels of a layer, and with noise `noise`, (N,
    *grid, samples), standard normal.

    Args:
        placement: where the maps lie on the images; an axis that they do not have is one cell.
        sigma: standard deviation of the noise, as a share of a map's range; 0 for none.
    """

    placement: Placement
    sigma: float = 0.0

    @property
    def grid(self) -> tuple[int, ...]:
        """Size of the maps, with an axis for each of the image's."""
        return tuple(axis.cells if axis else 1 for axis in self.placement.axes)

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        masks = self._select(own["maps"], codes[:, 0], numpy)
        axes = tuple(range(1, len(self.grid) + 1))
        if self.sigma:
            width = numpy.max(masks, axis=axes, keepdims=True) - numpy.min(masks, axis=axes, keepdims=True)
            masks = masks + self.sigma * width * self._select(own["noise"], codes[:, 2], numpy)
        masks = apply_along_axes(masks, self.placement.matrices(), numpy)
        low, high = numpy.min(masks, axis=axes, keepdims=True), numpy.max(masks, axis=axes, keepdims=True)
        # A map that is the same everywhere marks nothing.
        wide = numpy.where(high > low, high - low, 1.0)
        factor = numpy.reshape(codes[:, 1], (-1, *[1] * len(axes)))
        return (factor * (masks - low) / wide)[..., None]

    def _select(self, maps: Any, numbers: Any, numpy: Any) -> Any:
        """Of each row one of the maps, (B, *grid)."""
        flat = numpy.reshape(maps, (-1, math.prod(self.grid), maps.shape[-1]))
        places = to_integers(numpy.reshape(numbers, (-1, 1, 1)), numpy)
        places = numpy.broadcast_to(places, (flat.shape[0], flat.shape[1], 1))
        return numpy.reshape(numpy.take_along_axis(flat, places, axis=2), (-1, *self.grid))


@dataclass(frozen=True)
class ChannelMasks(Masks):
    """One channel of what a layer returns is switched off; the code is its number."""

    channels: int
    rank: int

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        numbers = to_tensor(np.arange(self.channels, dtype="float32"), numpy)
        kept = numpy.where(codes[:, :1] == numbers[None], 0.0, 1.0)
        return numpy.reshape(kept, (-1, *[1] * self.rank, self.channels))
