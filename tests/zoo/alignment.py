"""Whether a map lies where it is drawn: patches of the image are changed, and looked for on the map."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerascope.typing import Array
from tests.zoo.axis_truth import AxisTruth, divide
from tests.zoo.specimen import Specimen

PLACES = 20
NEEDED = 19
"""The places of 20 at which the largest change must lie, 95 %."""
JITTER = (0.0, 0.1, -0.1, 0.05, -0.05)
"""How far a patch lies from the middle of a cell, in cells: between two cells either may be the right one."""


def patches(specimen: Specimen) -> tuple[Array, Array]:
    """Images with a white patch at 20 places, the first without, and the centres of the patches in pixels.

    The places are spread over all cells. A patch is half a cell wide, on whole pixels.
    """
    axes = [
        axis or divide(side, 1)
        for axis, side in zip(specimen.coarse or specimen.truth, specimen.sides, strict=True)
    ]
    every = list(itertools.product(*map(_cells_inside, axes, specimen.sides)))
    chosen = [every[round(number * len(every) / PLACES) % len(every)] for number in range(PLACES)]
    images = np.repeat(specimen.images(1), PLACES + 1, 0)
    centres = np.zeros((PLACES, len(axes)))
    for number, cell in enumerate(chosen):
        region = []
        for position, (axis, index) in enumerate(zip(axes, cell, strict=True)):
            middle = axis.start + (index + JITTER[(number + position) % len(JITTER)]) * axis.step
            width = max(1, round(axis.step / 2))
            first = int(np.clip(round(middle - width / 2), 0, specimen.sides[position] - width))
            region.append(slice(first, first + width))
            centres[number, position] = first + width / 2
        images[(number + 1, *region)] = specimen.scale
    return images, centres


def _cells_inside(axis: AxisTruth, side: int) -> list[int]:
    """The cells that lie in the image, not by half or more in what a layer padded."""
    edge = axis.step / 4
    return [index for index in range(axis.cells) if edge <= axis.start + index * axis.step <= side - edge]


def count_hits(specimen: Specimen, read: Callable[[Array], Array], axes: Sequence[Any]) -> int:
    """At how many of 20 places the largest change of a map is drawn within half a cell of the patch.

    Args:
        specimen: the model, with its true grid.
        read: images to activations, (N, *grid, C).
        axes: where the grid is drawn: for each axis of the image the cells along it, or None.
    """
    images, centres = patches(specimen)
    activations = read(images).astype("float64")
    changes = np.abs(activations[1:] - activations[:1]).sum(-1)
    cells = np.unravel_index(changes.reshape(PLACES, -1).argmax(1), changes.shape[1:])
    numbers = iter(cells)
    hits = np.ones(PLACES, bool)
    for position, (found, true) in enumerate(zip(axes, specimen.coarse or specimen.truth, strict=True)):
        if found is None:
            continue
        drawn = found.start + next(numbers) * found.step
        hits &= np.abs(drawn - centres[:, position]) <= (true.step if true else specimen.sides[position]) / 2
    return int(hits.sum())
