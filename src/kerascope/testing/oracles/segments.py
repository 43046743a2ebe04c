"""Segments switched on and off, in loops: (H, W), every pixel with the value of its segment.

The segments are a grid of 2 x 4 cells, or of 2 x 3; a cell that is off has the lowest value of the image.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from kerascope.testing.oracles.network import Float64, Image, Network

MASKS = 64
WIDTH = 0.25
ALPHA = 1.0

Game = Callable[[Sequence[int]], float]
"""The score by coalition: of each segment 1 if it is on, else 0."""


def _segment(i: int, j: int, image: Image, rows: int, columns: int) -> int:
    """The segment of a pixel in a grid, numbered row by row."""
    height, width, _ = image.shape
    return int(i * rows // height) * columns + int(j * columns // width)


def _game(network: Network, image: Image, index: int, rows: int, columns: int) -> Game:
    """The score of the image with segments off."""
    pixels = np.asarray(image, "float64")
    lowest = float(pixels.min())

    def score(coalition: Sequence[int]) -> float:
        masked = pixels.copy()
        for i, j in itertools.product(*map(range, pixels.shape[:2])):
            if not coalition[_segment(i, j, image, rows, columns)]:
                masked[i, j] = lowest
        return float(network.forward(masked).scores[index])

    return score


def _paint(values: Sequence[float], image: Image, rows: int, columns: int) -> Float64:
    result = np.zeros(image.shape[:2])
    for i, j in np.ndindex(result.shape):
        result[i, j] = values[_segment(i, j, image, rows, columns)]
    return result


def lime(network: Network, image: Image, index: int) -> Float64:
    """Ribeiro et al. 2016, equation 2, with a penalty on the squares of the slopes, by normal equations.

    `LIME(segments=(2, 4), masks=64)`: the image itself, and 64 random coalitions.
    """
    score = _game(network, image, index, 2, 4)
    random = np.random.default_rng([0, 0, 1])
    drawn = [[1 if random.random() < 0.5 else 0 for _ in range(8)] for _ in range(MASKS)]
    square, right = np.zeros((9, 9)), np.zeros(9)
    for coalition in [[1] * 8, *drawn]:
        # The cosine of the angle to (1, ..., 1); there is none to (0, ..., 0).
        cosine = sum(coalition) / math.sqrt(sum(coalition) * 8) if any(coalition) else 0.0
        weight = math.exp(-((1 - cosine) ** 2) / WIDTH**2)
        row = np.array([*coalition, 1], "float64")
        square += weight * np.outer(row, row)
        right += weight * row * score(coalition)
    for segment in range(8):
        square[segment, segment] += ALPHA
    return _paint(np.linalg.solve(square, right)[:8].tolist(), image, 2, 4)


def kernel_shap(network: Network, image: Image, index: int) -> Float64:
    """Shapley values from their definition; Lundberg and Lee 2017, equation 4.

    `KernelSHAP(segments=(2, 3), masks=64)`: all coalitions are scored.
    """
    score = _game(network, image, index, 2, 3)
    scores = {coalition: score(coalition) for coalition in itertools.product((0, 1), repeat=6)}
    values = []
    for segment in range(6):
        value = 0.0
        for coalition, before in scores.items():
            if coalition[segment]:
                continue
            after = scores[(*coalition[:segment], 1, *coalition[segment + 1 :])]
            size = sum(coalition)
            value += math.factorial(size) * math.factorial(5 - size) / math.factorial(6) * (after - before)
        values.append(value)
    return _paint(values, image, 2, 3)


def partition_shap(network: Network, image: Image, index: int) -> Float64:
    """Owen values as a mean over orders: those in which a half is complete before the other one begins.

    `PartitionSHAP(segments=(2, 4), masks=64)`: 42 masks split every group. The image is wider than it is
    high, so that its halves are left and right, theirs too or above and below, and so on.
    """
    score = _game(network, image, index, 2, 4)
    height, width, _ = image.shape

    def orders(cells: list[tuple[int, int]]) -> list[list[int]]:
        if len(cells) == 1:
            return [[cells[0][0] * 4 + cells[0][1]]]
        rows = sorted({row for row, _ in cells})
        columns = sorted({column for _, column in cells})
        across = len(columns) * width / 4 > len(rows) * height / 2
        middle = columns[len(columns) // 2] if across else rows[len(rows) // 2]
        first = [cell for cell in cells if cell[across] < middle]
        second = [cell for cell in cells if cell[across] >= middle]
        found = []
        for before in orders(first):
            for after in orders(second):
                found += [before + after, after + before]
        return found

    every = orders(list(itertools.product(range(2), range(4))))
    values = [0.0] * 8
    scores: dict[tuple[int, ...], float] = {}
    for order in every:
        coalition = [0] * 8
        for segment in order:
            for on in (0, 1):
                coalition[segment] = on
                key = tuple(coalition)
                if key not in scores:
                    scores[key] = score(coalition)
                values[segment] += (2 * on - 1) * scores[key] / len(every)
    return _paint(values, image, 2, 4)
