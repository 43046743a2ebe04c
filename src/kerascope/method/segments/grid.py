"""The base class of methods that fade or remove the cells of a grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from kerascope.method.segments.base import SegmentMethod
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.segmentation import SegmentsLike, grid_cells
from kerascope.probe import Answer, AnyProbe
from kerascope.typing import Array

_ROUNDING = 4 * float(np.finfo("float32").eps)
"""Share of a score by which two float32 sums of the same numbers may differ."""


@dataclass(frozen=True)
class GridMethod(SegmentMethod):
    """Base class: segments are the cells of a grid, on pictures too.

    Args:
        segments: parts to fade or remove. A number: a grid of about that many cells of similar sides, at most
            one for each pixel; a tuple such as `(8, 8)`: the cells of a grid on each axis; an array
            (H, W) or (N, H, W) of whole numbers from 0: the segment of each pixel.
    """

    segments: SegmentsLike = field(default=50, kw_only=True)

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """As the family does, on a grid that fits the images."""
        if not isinstance(self.segments, int):
            return super().perturb(probe, first, pictures)
        cells = grid_cells(self.segments, pixels_of(first).shape[1:-1])
        return SegmentMethod.perturb(replace(self, segments=cells), probe, first, pictures)


def rounding(scores: Array) -> float:
    """By how much scores may differ, at most, that would be equal without rounding.

    A method that divides by how much the scores vary would otherwise make a map of the rounding.
    """
    return _ROUNDING * float(np.abs(scores).max(initial=0.0))
