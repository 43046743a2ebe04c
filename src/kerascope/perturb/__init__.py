"""Perturbation: scores of images under masks, in full passes and bounded memory.

A mask has one number per pixel: 1 leaves the pixel as it is, 0 puts the baseline in its place, what lies
between mixes them. A method draws codes, a few numbers that encode a mask (the corner of a window, the
cells of a grid, which segments are on), on the host, from NumPy's generator, so that every backend has the
same. The masks in the size of the image are made on the device in the program that runs the model, and are
gone with it.
"""

from kerascope.perturb.mask import (
    ChannelMasks,
    MapMasks,
    Masks,
    RankMasks,
    SegmentMasks,
    WindowMasks,
)
from kerascope.perturb.memory import check_memory, gradient_rows
from kerascope.perturb.step import Sums
from kerascope.perturb.stream import Stream

__all__ = [
    "ChannelMasks",
    "MapMasks",
    "Masks",
    "RankMasks",
    "SegmentMasks",
    "Stream",
    "Sums",
    "WindowMasks",
    "check_memory",
    "gradient_rows",
]
