"""The per-batch computation of a stream: scores under masks, and running sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope.perturb.inpainting import inpaint
from kerascope.perturb.mask import Masks
from kerascope.perturb.resampling import to_tensor
from kerascope.typing import Array

_CARRIED = ("rows", "codes", "which", "pictures", "baselines")
_SUMMED = ("real", "reference", "weight", "total")


@dataclass(frozen=True)
class Sums:
    """Sums over masks, one for each pixel.

    Args:
        weight: (P,) sum of the masks.
        total: (K, P) sum of the masks times the change of the score from the image itself.
        change: (K,) sum of the changes of the score from the image itself.
        count: number of scores in the sums.
    """

    weight: Array
    total: Array
    change: Array
    count: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.weight + other.weight,
            self.total + other.total,
            self.change + other.change,
            self.count + other.count,
        )


@dataclass(frozen=True)
class StreamStep:
    """The computation for the rows of a pass; a value, so that it identifies its program.

    Args:
        masks: the kind of mask.
        resident: names of what masks need of the images.
        images: how many images are on the device.
        inpaint: numbers of the baselines that are inpainted.
        summed: sum up pixel by pixel on the device.
    """

    masks: Masks
    resident: tuple[str, ...]
    images: int
    inpaint: tuple[int, ...]
    summed: bool

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Names of the tensors that it takes."""
        return (*_CARRIED, *self.resident, *(_SUMMED if self.summed else ()))

    def over(self, numpy: Any) -> Callable[[Any, Mapping[str, Any]], dict[str, Any]]:
        """The step, on `keras.ops` or on NumPy."""
        return lambda score, carried: self._run(score, carried, numpy)

    def _run(self, score: Any, carried: Mapping[str, Any], numpy: Any) -> dict[str, Any]:
        rows, which = carried["rows"], carried["which"]
        own = {name: numpy.take(carried[name], rows, axis=0) for name in self.resident}
        pictures = numpy.take(carried["pictures"], rows, axis=0)
        masks = self.masks.make(carried["codes"], own, numpy)
        base = numpy.take(carried["baselines"], which * self.images + rows, axis=0)
        if self.inpaint:
            filled = inpaint(pictures, masks, numpy)
            for baseline in self.inpaint:
                here = numpy.reshape(which == baseline, (-1, *[1] * (len(pictures.shape) - 1)))
                base = numpy.where(here, filled, base)
        # One number per channel: TensorFlow takes twice as long where the last axis of a factor is 1.
        left = numpy.broadcast_to(masks, pictures.shape)
        # Not base + left (picture - base), which would round where all is left.
        mixed = left * pictures + (1.0 - left) * base
        scores, _ = score(mixed, rows)
        results = {"scores": scores}
        return results | self._sums(carried, scores, masks, numpy) if self.summed else results

    def _sums(self, carried: Mapping[str, Any], scores: Any, masks: Any, numpy: Any) -> dict[str, Any]:
        rows = carried["rows"]
        known = numpy.logical_and(numpy.all(numpy.isfinite(scores), axis=1), carried["real"] > 0)
        change = scores - numpy.take(carried["reference"], rows, axis=0)
        change = numpy.where(known[:, None], change, 0.0)
        numbers = to_tensor(np.arange(self.images, dtype="int32"), numpy)
        place = numpy.where(numpy.logical_and(rows[:, None] == numbers[None], known[:, None]), 1.0, 0.0)
        pixels = numpy.reshape(masks, (masks.shape[0], -1))
        by_image = numpy.reshape(place[:, :, None] * change[:, None, :], (masks.shape[0], -1))
        total = numpy.matmul(numpy.transpose(by_image), pixels)
        return {
            "weight": carried["weight"] + numpy.matmul(numpy.transpose(place), pixels),
            "total": carried["total"] + numpy.reshape(total, carried["total"].shape),
        }
