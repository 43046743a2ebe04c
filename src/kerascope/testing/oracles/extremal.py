"""Extremal perturbation in loops: one mask, one step after the other, every cell by itself."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network
from kerascope.testing.oracles.path import blurred

CELLS, STEPS, RATE = 6, 6, 0.003
"""Of the mask, and on its way, in checks."""
AREA, WEIGHT, MOMENTUM, TIE = 0.1, 5.0, 0.9, 0.05


def extremal_perturbation(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """The mask (H, W) that preserves, after `STEPS` steps.

    Fong, Patrick and Vedaldi 2019, section 3, by the gradient of the score over the blurred image, and
    of the area; both times the number of cells, and the score in units of its own change.
    """
    height, width, _ = image.shape
    side = max(height, width) / CELLS
    rows, columns = round(height / side), round(width / side)
    baseline = blurred(image, max(height, width) / 10)
    change = float(network.forward(image).scores[index] - network.forward(baseline).scores[index])
    scale = abs(change)
    cells, speed = np.ones((rows, columns)), np.zeros((rows, columns))
    for step in range(STEPS):
        mask = heatmap(cells, "none", (height, width))
        mixed = np.zeros(image.shape)
        for place in np.ndindex(image.shape):
            kept = mask[place[:2]]
            mixed[place] = kept * float(image[place]) + (1 - kept) * baseline[place]
        gradient = network.input_gradient(network.forward(mixed), index)
        by_pixel = (gradient * (image - baseline)).sum(axis=-1)
        slopes = np.zeros(cells.shape)
        for cell in np.ndindex(cells.shape):
            slopes[cell] = float((_spread(cells.shape, cell, (height, width)) * by_pixel).sum())
        scale = max(scale, float(np.abs(slopes).sum()) / 16)
        weight = WEIGHT * 1.0035 ** (800 * step / STEPS)
        before = cells.copy()
        for cell in np.ndindex(cells.shape):
            push = slopes[cell] / scale * cells.size
            push -= 2 * weight * (before[cell] - _reference(before, float(before[cell])))
            speed[cell] = MOMENTUM * speed[cell] + RATE * push
            cells[cell] = min(1.0, max(0.0, before[cell] + speed[cell]))
    return heatmap(cells, "none", (height, width))


@functools.cache
def _spread(shape: tuple[int, int], cell: tuple[int, int], size: tuple[int, int]) -> Float64:
    """How much of a cell is in each pixel of the mask."""
    alone = np.zeros(shape)
    alone[cell] = 1
    return heatmap(alone, "none", size)


def _reference(cells: Float64, value: float) -> float:
    """The mean of r_a over the places in the sorted mask that a value shares with those close to it.

    A cell that is lower by d is in front of it by the share min(d / TIE, 1), and beside it for the rest; one
    that is higher is beside it by 1 - d / TIE, if that is above 0, and behind it for the rest.
    """
    first = length = 0.0
    for other in cells.ravel():
        apart = min(abs(value - float(other)) / TIE, 1.0)
        first += apart if other < value else 0.0
        length += 1 - apart
    ones = first + length - (1 - AREA) * cells.size
    return min(1.0, max(0.0, ones / length))
