"""Where images are made: the size and range of the model's input, its other inputs, what to begin from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.layout import Layout
from kerascope.probe import InputBatch, Probe, check_inputs, pixel_range
from kerascope.provenance import warn
from kerascope.typing import Array

Inputs = Callable[[Array], Any]
"""From images, channels last in the model's range, to the model's inputs."""

_SLACK = 1e-3


@dataclass(frozen=True)
class Canvas:
    """What images for a model look like.

    Args:
        batch: one row of the model's inputs, or one for each image.
        layout: how the maximised input lies in space.
        low: least pixel of each channel.
        high: greatest pixel of each channel.
        begun: the maximised input's rows are images to begin from, not blanks.
        warnings: what was assumed.
    """

    batch: InputBatch
    layout: Layout
    low: Array
    high: Array
    begun: bool
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls,
        probe: Probe,
        count: int,
        size: int | tuple[int, ...] | None,
        input_range: tuple[Any, Any] | None,
        start: Any,
    ) -> Canvas:
        """The canvas for `count` images.

        Raises:
            InputError: the model cannot run at this size or does not state it; `start` does not fit.
            ParameterError: a size or range that is none.
        """
        if start is None:
            batch = check_inputs(probe.model, probe.blank(_axes(size)), probe.input)
            if len(batch.arrays) > 1:
                raise errors.InputError(
                    f"what the other inputs are must be known to maximise one of {list(batch.names)}; give "
                    "the whole input structure as start; the others stay as they are there."
                )
        else:
            batch = check_inputs(probe.model, start, probe.input)
            if batch.count not in (1, count):
                raise errors.InputError(
                    f"start must hold one image for all, or one for each of the {count} to be made; got "
                    f"{batch.count}."
                )
        try:
            found = probe.graph(batch.to_structure())
        except errors.InputError as error:
            raise errors.InputError(
                f"the network must be able to run on images of this size; {error} A size that is too small "
                "leaves nothing after convolutions and pooling: choose a larger one."
            ) from error
        layout = found.image_layout
        if batch.explained is None or layout is None:
            raise errors.InputError(
                f"an input with spatial axes is needed to maximise, (N, ..., C); got {list(batch.names)} "
                f"of shapes {[array.shape for array in batch.arrays]}; where there are several, choose one "
                "with ks.Probe(model, input=...)."
            )
        told: tuple[str, ...] = ()
        if input_range is None:
            input_range = pixel_range(found)
        if input_range is None:
            input_range = (0.0, 1.0)
            text = (
                "the range of the input's pixels should be known; the model has no rescaling of its own that "
                "would tell it, so pixels from 0 to 1 were assumed. Say it: input_range=(0, 255)."
            )
            told = (warn(errors.RangeWarning, text),)
        low, high = _range(input_range, layout.channels)
        return cls(batch, layout, low, high, start is not None, told)

    def inputs(self, rows: Sequence[int]) -> Inputs:
        """What makes the model's inputs from the images of these rows."""
        others = [self._rows(array, rows) for array in self.batch.arrays]

        def build(images: Array) -> Any:
            arrays = list(others)
            place = self.batch.explained or 0
            arrays[place] = self.layout.original(images, np).astype(arrays[place].dtype)
            return self.batch.to_structure(arrays)

        return build

    def pictures(self, rows: Sequence[int]) -> Array | None:
        """The pictures in [0, 1] to begin these rows from, channels last, or None for noise.

        Raises:
            InputError: they do not lie within the range.
        """
        if not self.begun:
            return None
        images = self._rows(self.batch.arrays[self.batch.explained or 0], rows)
        pictures = (self.layout.channels_last(images, np) - self.low) / (self.high - self.low)
        if pictures.min() < -_SLACK or pictures.max() > 1 + _SLACK:
            raise errors.InputError(
                f"start must lie within the input range {self.shown_range()}; got {images.min():g} to "
                f"{images.max():g}; give the range that these images have: input_range=(low, high)."
            )
        return np.asarray(pictures, "float32")

    def shown_range(self) -> tuple[Any, Any]:
        """The range as numbers, or as one per channel where channels differ."""
        parts = (self.low, self.high)
        low, high = (float(part[0]) if (part == part[0]).all() else tuple(map(float, part)) for part in parts)
        return low, high

    @staticmethod
    def _rows(array: Array, rows: Sequence[int]) -> Array:
        return np.repeat(array, len(rows), axis=0) if len(array) == 1 else array[list(rows)]


def _axes(size: int | tuple[int, ...] | None) -> int | tuple[int, ...] | None:
    axes = () if size is None else (size,) if isinstance(size, int | np.integer) else tuple(size)
    if any(isinstance(axis, bool) or not isinstance(axis, int | np.integer) or axis < 1 for axis in axes):
        raise errors.ParameterError(f"size must be a whole number of at least 1, or several; got {size!r}.")
    return size


def _range(given: Any, channels: int) -> tuple[Array, Array]:
    try:
        low, high = (np.broadcast_to(np.asarray(end, "float32"), (channels,)).copy() for end in given)
    except (TypeError, ValueError):
        low = high = np.full(channels, np.nan, "float32")
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise errors.ParameterError(
            "input_range must be two finite ends, the lower one first, each a number or one for each of the "
            f"{channels} channels, such as (0, 255); got {given!r}."
        )
    return low, high
