"""The input to optimise: its size and range, the other inputs, and the start images."""

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
from kerascope.validation import check_whole

BuildInputs = Callable[[Array], Any]
"""A function from images, channels last in the model's range, to the model's inputs."""

_SLACK = 1e-3


@dataclass(frozen=True)
class Canvas:
    """The input of a model that is optimised.

    Args:
        batch: one row of the model's inputs, or one for each image.
        layout: of the maximised input.
        low: least pixel of each channel.
        high: greatest pixel of each channel.
        has_start: the rows of the maximised input are start images, not blanks.
        warnings: about assumptions.
    """

    batch: InputBatch
    layout: Layout
    low: Array
    high: Array
    has_start: bool
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
        """Return the canvas for `count` images."""
        if start is None:
            batch = check_inputs(probe.model, probe.blank(_axes(size)), probe.input)
            if len(batch.arrays) > 1:
                raise errors.InputError(
                    f"the other inputs must be known to maximise one of {list(batch.names)}; give the whole "
                    "input structure as start, in which the other inputs do not change."
                )
        else:
            batch = check_inputs(probe.model, start, probe.input)
            if batch.count not in (1, count):
                raise errors.InputError(
                    f"start must hold one image for all, or one for each of the {count} images; got "
                    f"{batch.count}."
                )
        try:
            graph = probe.graph(batch.to_structure())
        except errors.InputError as error:
            raise errors.InputError(
                f"the network must run on images of this size; {error} Convolutions and pooling leave "
                "nothing of small images: choose a larger size."
            ) from error
        layout = graph.image_layout
        if batch.explained is None or layout is None:
            raise errors.InputError(
                f"the input to maximise must have spatial axes, (N, ..., C); got {list(batch.names)} of "
                f"shapes {[array.shape for array in batch.arrays]}; choose one of several with "
                "ks.Probe(model, input=...)."
            )
        warnings: tuple[str, ...] = ()
        if input_range is None:
            input_range = pixel_range(graph)
        if input_range is None:
            input_range = (0.0, 1.0)
            text = (
                "the range of the input's pixels should be known; the model has no rescaling, so the range "
                "from 0 to 1 was assumed; set it, as input_range=(0, 255)."
            )
            warnings = (warn(errors.RangeWarning, text),)
        low, high = _parse_range(input_range, layout.channels)
        return cls(batch, layout, low, high, start is not None, warnings)

    def inputs(self, rows: Sequence[int]) -> BuildInputs:
        """Return a function that builds the model's inputs from the images of these rows."""
        others = [self._rows(array, rows) for array in self.batch.arrays]

        def build(images: Array) -> Any:
            arrays = list(others)
            index = self.batch.explained or 0
            arrays[index] = self.layout.original(images, np).astype(arrays[index].dtype)
            return self.batch.to_structure(arrays)

        return build

    def pictures(self, rows: Sequence[int]) -> Array | None:
        """Return the start pictures of these rows in [0, 1], channels last, or None for noise."""
        if not self.has_start:
            return None
        images = self._rows(self.batch.arrays[self.batch.explained or 0], rows)
        pictures = (self.layout.channels_last(images, np) - self.low) / (self.high - self.low)
        if pictures.min() < -_SLACK or pictures.max() > 1 + _SLACK:
            raise errors.InputError(
                f"start must lie within the input range {self.compact_range()}; got {images.min():g} to "
                f"{images.max():g}; set the range of these images: input_range=(low, high)."
            )
        return np.asarray(pictures, "float32")

    def compact_range(self) -> tuple[Any, Any]:
        """Return the range as numbers, or as one per channel if channels differ."""
        parts = (self.low, self.high)
        low, high = (float(part[0]) if (part == part[0]).all() else tuple(map(float, part)) for part in parts)
        return low, high

    @staticmethod
    def _rows(array: Array, rows: Sequence[int]) -> Array:
        return np.repeat(array, len(rows), axis=0) if len(array) == 1 else array[list(rows)]


def _axes(size: int | tuple[int, ...] | None) -> int | tuple[int, ...] | None:
    for axis in () if size is None else np.atleast_1d(np.asarray(size, object)):
        check_whole(axis, "size")
    return size


def _parse_range(input_range: Any, channels: int) -> tuple[Array, Array]:
    try:
        low, high = (np.broadcast_to(np.asarray(end, "float32"), (channels,)).copy() for end in input_range)
    except (TypeError, ValueError):
        low = high = np.full(channels, np.nan, "float32")
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise errors.ParameterError(
            "input_range must be two finite numbers, the lower one first, or two sequences with a number for "
            f"each of the {channels} channels, such as (0, 255); got {input_range!r}."
        )
    return low, high
