"""What is done to the image around each step. Stands for `vis.input_modifiers`.

Deviation: `Jitter` takes its shift back after the step, and starts from the image itself each time; in
keras-vis the image walked away with the shifts, and came out rolled around its edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from kerascope import errors
from kerascope.typing import Array


class InputModifier:
    """Changes the image before and after each step; derive from it and fill either."""

    def pre(self, inp: Array) -> Array:
        """The image that the step sees.

        Args:
            inp: (1, *spatial, C), or as the model takes it.

        Returns:
            An array of the same shape.
        """
        return inp

    def post(self, inp: Array) -> Array:
        """The image after the step, in reverse order of the modifiers.

        Args:
            inp: as in `pre`.

        Returns:
            An array of the same shape.
        """
        return inp


class Jitter(InputModifier):
    """A random shift, around the edges, anew at each step; it makes for crisper images.

    Args:
        jitter: largest shift along each spatial axis: a share of its size below 1, pixels from 1 on. One
            number for all axes, or one for each. As the jitter of `ks.Maximize`, as `visualize_activation`
            mostly uses it, at most half of the size.
        seed: of the random shifts; without effect in `ks.Maximize`, which draws from a seed of its own.

    Raises:
        ParameterError: a negative number.
    """

    def __init__(self, jitter: float | Sequence[float] = 0.05, seed: int = 0) -> None:
        super().__init__()
        self.jitter = np.atleast_1d(np.asarray(jitter, "float64"))
        if (self.jitter < 0).any() or self.jitter.ndim > 1:
            raise errors.ParameterError(
                f"jitter must be at least 0, for all axes or for each; got {jitter!r}."
            )
        self._generator = np.random.default_rng(seed)
        self._shift: tuple[int, ...] = ()
        self._axes: tuple[int, ...] = ()

    def shifts(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Largest shift along each axis of an image of this spatial size, in whole pixels.

        Raises:
            ParameterError: not as many numbers as axes.
        """
        return tuple(int(shift) for shift in self.pixels(size))

    def pixels(self, size: tuple[int, ...]) -> Array:
        """The same with fractions of a pixel.

        Raises:
            ParameterError: not as many numbers as axes.
        """
        if len(self.jitter) not in (1, len(size)):
            raise errors.ParameterError(
                f"jitter must be one number, or one for each of the {len(size)} spatial axes; got "
                f"{self.jitter.tolist()}."
            )
        each = np.broadcast_to(self.jitter, (len(size),))
        return np.where(each < 1, each * np.asarray(size), each)

    def pre(self, inp: Array) -> Array:
        """The image, shifted."""
        start = 2 if keras.config.image_data_format() == "channels_first" else 1
        self._axes = tuple(range(start, start + inp.ndim - 2))
        largest = self.shifts(tuple(inp.shape[axis] for axis in self._axes))
        self._shift = tuple(int(self._generator.integers(-shift, shift + 1)) for shift in largest)
        return np.roll(inp, self._shift, self._axes)

    def post(self, inp: Array) -> Array:
        """The image, shifted back."""
        return np.roll(inp, tuple(-shift for shift in self._shift), self._axes)
