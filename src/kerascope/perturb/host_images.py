"""The explained images on the host: channels last, with their range."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.layout import Layout
from kerascope.probe import Answer, AnyProbe
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class HostImages:
    """The images that an answer is about.

    Args:
        pixels: (N, *spatial, C) float64, in the model's own input units.
        layout: how the model takes them, or None where they have no spatial axes.
        dtype: the type that the model takes.
        stated: the range that the model's own preprocessing expects, or None where it states none.
    """

    pixels: Array
    layout: Layout | None
    dtype: Any
    stated: tuple[float, float] | None

    @classmethod
    def of(cls, probe: AnyProbe, answer: Answer, smooth: bool = True) -> HostImages:
        """The pictures behind an answer; `smooth` ones must be floating-point, since noise is added."""
        pixels = answer.batch.pixels if smooth else answer.batch.picture
        layout = answer.image_layout
        seen = pixels if layout is None else layout.channels_last(pixels, np)
        stated = probe.pixel_range(answer.batch.to_structure())
        return cls(np.array(seen, "float64"), layout, pixels.dtype, stated)

    @property
    def spatial(self) -> tuple[int, ...]:
        """Sizes of the spatial axes."""
        if self.layout is None:
            raise errors.InputError(
                "blurs and mean colours need an input with spatial axes, (N, ..., C); got one of shape "
                f"{self.pixels.shape}; choose another baseline, or another method."
            )
        return self.layout.spatial

    @functools.cached_property
    def low(self) -> Array:
        """The lowest value of the stated range, else of each image: broadcasts over the pixels."""
        return self._end(0, np.min)

    @functools.cached_property
    def high(self) -> Array:
        """The highest value of the stated range, else of each image: broadcasts over the pixels."""
        return self._end(1, np.max)

    def to_inputs(self, pixels: Array) -> Array:
        """Pictures as the model takes them."""
        placed = pixels if self.layout is None else self.layout.original(pixels, np)
        return np.asarray(placed, self.dtype)

    def blur(self, sigma: float) -> Array:
        """Every picture behind a Gaussian, over space only; borders are mirrored."""
        from scipy.ndimage import gaussian_filter

        sigmas: Sequence[float] = (0.0, *[sigma] * len(self.spatial), 0.0)
        return np.asarray(gaussian_filter(self.pixels, sigmas, mode="reflect", truncate=4.0))

    def _end(self, place: int, extreme: Any) -> Array:
        if self.stated is not None:
            return np.full([1] * self.pixels.ndim, self.stated[place])
        return np.asarray(extreme(self.pixels, axis=tuple(range(1, self.pixels.ndim)), keepdims=True))
