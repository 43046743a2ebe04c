"""Occlusion, RISE, Score-CAM, Ablation-CAM and extremal perturbation in loops, one mask after the other."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network
from kerascope.testing.oracles.path import blur

MASKS, CELLS = 64, 4
"""Of RISE, in checks."""


def score_under_mask(network: Network, image: NDArray[np.floating], mask: Float64, index: int) -> float:
    """The score where the mask (H, W) leaves the image, and black, its least value, stands elsewhere."""
    black = float(image.min())
    mixed = np.zeros(image.shape)
    for pixel in np.ndindex(image.shape):
        mixed[pixel] = mask[pixel[:2]] * float(image[pixel]) + (1 - mask[pixel[:2]]) * black
    return float(network.forward(mixed).scores[index])


def occlusion(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Occlusion, (H, W), by windows of an eighth of each side that move by half of that, rounded up.

    Zeiler and Fergus 2014, section 4.2: the score with a window covered; here the drop, averaged over the
    windows on a pixel.
    """
    height, width, _ = image.shape
    rows, columns = -(-height // 8), -(-width // 8)
    whole = float(network.forward(image).scores[index])
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for top in _starts(height, rows, (rows + 1) // 2):
        for left in _starts(width, columns, (columns + 1) // 2):
            mask = np.ones((height, width))
            mask[top : top + rows, left : left + columns] = 0
            drop = whole - score_under_mask(network, image, mask, index)
            for i in range(top, top + rows):
                for j in range(left, left + columns):
                    total[i, j] += drop
                    count[i, j] += 1
    return total / count


def _starts(side: int, length: int, step: int) -> list[int]:
    found = []
    start = 0
    while start < side - length:
        found.append(start)
        start += step
    return [*found, side - length]


def rise(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """RISE, (H, W), with `MASKS` masks of `CELLS` cells along the longest side.

    Petsiuk et al. 2018, equation 6, with the sum of what masks leave of a pixel for its expectation, and less
    the mean score.
    """
    height, width, _ = image.shape
    weighted, left, scores = np.zeros((height, width)), np.zeros((height, width)), 0.0
    for seed in range(MASKS):
        mask = _random_mask(height, width, seed)
        score = score_under_mask(network, image, mask, index)
        scores += score
        for pixel in np.ndindex(mask.shape):
            weighted[pixel] += score * mask[pixel]
            left[pixel] += mask[pixel]
    return weighted / left - scores / MASKS


@functools.cache
def _random_mask(height: int, width: int, seed: int) -> Float64:
    """Section 3.2: cells are 1 with probability 1/2, enlarged to one cell more, and cropped at random."""
    side = max(height, width) / CELLS
    rows, columns = round(height / side), round(width / side)
    tall, wide = -(-height // rows), -(-width // columns)
    generator = np.random.default_rng([0, seed])
    grid = (generator.random(rows * columns) < 0.5).reshape(rows, columns).astype("float64")
    down, right = generator.integers(0, (tall, wide))
    enlarged = heatmap(grid, "none", ((rows + 1) * tall, (columns + 1) * wide))
    return enlarged[down : down + height, right : right + width]


def score_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Score-CAM, (h, w), signed, at the last convolution.

    Wang et al. 2020, equations 6 to 8: masks are the enlarged channels, scaled to 0 to 1; a channel's weight
    is the increase of the score over the score of the baseline.
    """
    height, width, _ = image.shape
    channels = network.forward(image).act2
    nothing = score_under_mask(network, image, np.zeros((height, width)), index)
    result = np.zeros(channels.shape[:2])
    for channel in range(channels.shape[2]):
        mask = heatmap(channels[..., channel], "none", (height, width))
        low, high = float(mask.min()), float(mask.max())
        mask = (mask - low) / (high - low) if high > low else np.zeros(mask.shape)
        weight = score_under_mask(network, image, mask, index) - nothing
        for i, j in np.ndindex(result.shape):
            result[i, j] += weight * channels[i, j, channel]
    return result


def ablation_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Ablation-CAM, (h, w), signed, at the last convolution.

    Desai and Ramaswamy 2020, equation 2: `w_k = y - y_k`, with the score y_k where channel k is zero; not
    divided by y. Equation 3: `L = sum_k w_k A_k`.
    """
    trace = network.forward(image)
    result = np.zeros(trace.act2.shape[:2])
    for channel in range(trace.act2.shape[2]):
        ablated = trace.act2.copy()
        ablated[..., channel] = 0
        weight = float(trace.scores[index]) - float(network.scores(ablated)[index])
        for i, j in np.ndindex(result.shape):
            result[i, j] += weight * trace.act2[i, j, channel]
    return result


EXTREMAL_CELLS, EXTREMAL_STEPS, RATE = 6, 6, 0.003
"""Of the mask, and on its way, in checks."""
AREA, WEIGHT, MOMENTUM, TIE = 0.1, 5.0, 0.9, 0.05


def extremal_perturbation(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """The mask (H, W) that preserves, after `EXTREMAL_STEPS` steps.

    Fong, Patrick and Vedaldi 2019, section 3, by the gradient of the score over the blurred image, and
    of the area; both times the number of cells, and the score in units of its own change.
    """
    height, width, _ = image.shape
    side = max(height, width) / EXTREMAL_CELLS
    rows, columns = round(height / side), round(width / side)
    baseline = blur(image, max(height, width) / 10)
    change = float(network.forward(image).scores[index] - network.forward(baseline).scores[index])
    scale = abs(change)
    cells, speed = np.ones((rows, columns)), np.zeros((rows, columns))
    for step in range(EXTREMAL_STEPS):
        mask = heatmap(cells, "none", (height, width))
        mixed = np.zeros(image.shape)
        for pixel in np.ndindex(image.shape):
            kept = mask[pixel[:2]]
            mixed[pixel] = kept * float(image[pixel]) + (1 - kept) * baseline[pixel]
        gradient = network.input_gradient(network.forward(mixed), index)
        by_pixel = (gradient * (image - baseline)).sum(axis=-1)
        slopes = np.zeros(cells.shape)
        for cell in np.ndindex(cells.shape):
            slopes[cell] = float((_enlarge(cells.shape, cell, (height, width)) * by_pixel).sum())
        scale = max(scale, float(np.abs(slopes).sum()) / 16)
        weight = WEIGHT * 1.0035 ** (800 * step / EXTREMAL_STEPS)
        before = cells.copy()
        for cell in np.ndindex(cells.shape):
            push = slopes[cell] / scale * cells.size
            push -= 2 * weight * (before[cell] - _reference(before, float(before[cell])))
            speed[cell] = MOMENTUM * speed[cell] + RATE * push
            cells[cell] = min(1.0, max(0.0, before[cell] + speed[cell]))
    return heatmap(cells, "none", (height, width))


@functools.cache
def _enlarge(shape: tuple[int, int], cell: tuple[int, int], size: tuple[int, int]) -> Float64:
    """How much of a cell is in each pixel of the mask."""
    alone = np.zeros(shape)
    alone[cell] = 1
    return heatmap(alone, "none", size)


def _reference(cells: Float64, value: float) -> float:
    """The mean of r_a over the places in the sorted mask that a value shares with those close to it.

    A cell that is lower by d is in front of it by the share min(d / TIE, 1), and level with it for the rest;
    one that is higher is level with it by 1 - d / TIE, if that is above 0, and behind it for the rest.
    """
    first = length = 0.0
    for other in cells.ravel():
        apart = min(abs(value - float(other)) / TIE, 1.0)
        first += apart if other < value else 0.0
        length += 1 - apart
    ones = first + length - (1 - AREA) * cells.size
    return min(1.0, max(0.0, ones / length))
