"""Modifiers of the image before and after each step. Replaces `vis.input_modifiers`.

Deviation: `Jitter` reverses its shift after the step; in keras-vis the image drifted with the shifts, and was
rolled around its edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerascope import errors
from kerascope.typing import Array


class InputModifier:
    """Changes the image before and after each step. Subclass it and implement either method."""

    def pre(self, inp: Array) -> Array:
        """Return the image for the step.

        Args:
            inp: (1, *spatial, C), or as model input.

        Returns:
            An array of the same shape.
        """
        return inp

    def post(self, inp: Array) -> Array:
        """Return the image after the step; modifiers run in reverse order.

        Args:
            inp: as in `pre`.

        Returns:
            An array of the same shape.
        """
        return inp


class Jitter(InputModifier):
    """A random shift around the edges at each step, which gives sharper images.

    Args:
        jitter: largest shift along each spatial axis: a share of its size below 1, pixels from 1 on. One
            number for all axes, or one for each. In `ks.Maximize`, which `visualize_activation` mostly uses,
            at most half of the size.
        seed: of the random shifts; without effect in `ks.Maximize`, which has a seed of its own.

    Raises:
        ParameterError: `jitter` is negative.
    """

    def __init__(self, jitter: float | Sequence[float] = 0.05, seed: int = 0) -> None:
        super().__init__()
        self.jitter = np.atleast_1d(np.asarray(jitter, "float64"))
        if (self.jitter < 0).any() or self.jitter.ndim > 1:
            raise errors.ParameterError(
                f"jitter must be at least 0, one number for all axes or one for each; got {jitter!r}."
            )
        self._generator = np.random.default_rng(seed)
        self._shift: tuple[int, ...] = ()
        self._axes: tuple[int, ...] = ()

    def shifts(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the largest shift along each axis of an image of a spatial size, in whole pixels.

        Raises:
            ParameterError: the number of values is not the number of axes.
        """
        return tuple(int(shift) for shift in self.pixels(size))

    def pixels(self, size: tuple[int, ...]) -> Array:
        """Return the largest shift along each axis, with fractions of a pixel.

        Raises:
            ParameterError: the number of values is not the number of axes.
        """
        if len(self.jitter) not in (1, len(size)):
            raise errors.ParameterError(
                f"jitter must be one number, or one for each of the {len(size)} spatial axes; got "
                f"{self.jitter.tolist()}."
            )
        jitter = np.broadcast_to(self.jitter, (len(size),))
        return np.where(jitter < 1, jitter * np.asarray(size), jitter)

    def pre(self, inp: Array) -> Array:
        """Return the shifted image."""
        start = 2 if keras.config.image_data_format() == "channels_first" else 1
        self._axes = tuple(range(start, start + inp.ndim - 2))
        largest = self.shifts(tuple(inp.shape[axis] for axis in self._axes))
        self._shift = tuple(int(self._generator.integers(-shift, shift + 1)) for shift in largest)
        return np.roll(inp, self._shift, self._axes)

    def post(self, inp: Array) -> Array:
        """Return the image, shifted back."""
        return np.roll(inp, tuple(-shift for shift in self._shift), self._axes)
