"""Methods that ask under masks, in loops: one mask after the other, each in the size of the image."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network

MASKS, CELLS = 64, 4
"""Of RISE, in checks."""


def masked_score(network: Network, image: NDArray[np.floating], mask: Float64, index: int) -> float:
    """The score where the mask (H, W) leaves the image, and black, its least value, stands elsewhere."""
    black = float(image.min())
    mixed = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        mixed[place] = mask[place[:2]] * float(image[place]) + (1 - mask[place[:2]]) * black
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
            drop = whole - masked_score(network, image, mask, index)
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
    for number in range(MASKS):
        mask = _random_mask(height, width, number)
        score = masked_score(network, image, mask, index)
        scores += score
        for place in np.ndindex(mask.shape):
            weighted[place] += score * mask[place]
            left[place] += mask[place]
    return weighted / left - scores / MASKS


@functools.cache
def _random_mask(height: int, width: int, number: int) -> Float64:
    """Section 3.2: cells are 1 with probability 1/2, enlarged to one cell more, and cropped at random."""
    side = max(height, width) / CELLS
    rows, columns = round(height / side), round(width / side)
    tall, wide = -(-height // rows), -(-width // columns)
    generator = np.random.default_rng([0, number])
    grid = (generator.random(rows * columns) < 0.5).reshape(rows, columns).astype("float64")
    down, right = generator.integers(0, (tall, wide))
    enlarged = heatmap(grid, "none", ((rows + 1) * tall, (columns + 1) * wide))
    return enlarged[down : down + height, right : right + width]


def score_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Score-CAM, (h, w), signed, at the last convolution.

    Wang et al. 2020, equations 6 to 8: masks are the enlarged channels, scaled to 0 to 1; a channel's weight
    is the increase of the score over that of the baseline.
    """
    height, width, _ = image.shape
    channels = network.forward(image).act2
    nothing = masked_score(network, image, np.zeros((height, width)), index)
    result = np.zeros(channels.shape[:2])
    for channel in range(channels.shape[2]):
        mask = heatmap(channels[..., channel], "none", (height, width))
        low, high = float(mask.min()), float(mask.max())
        mask = (mask - low) / (high - low) if high > low else np.zeros(mask.shape)
        weight = masked_score(network, image, mask, index) - nothing
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
