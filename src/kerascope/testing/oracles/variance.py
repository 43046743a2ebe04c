"""Sobol indices and HSIC in loops: (H, W), on a grid of 16 cells."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64, Network

CELLS = 16
DESIGNS = 8
MASKS = 128
DIGITS = 8


def grid(height: int, width: int) -> list[list[int]]:
    """The cell of each pixel, of about 16 with similar sides: the shorter axis is cut first."""
    short = round(min(height, width) / math.sqrt(height * width / CELLS))
    long = round(CELLS / short)
    rows, columns = (short, long) if height <= width else (long, short)
    return [
        [(row * rows // height) * columns + column * columns // width for column in range(width)]
        for row in range(height)
    ]


def score(network: Network, image: NDArray[np.floating], index: int, mask: list[float]) -> float:
    """The score where each cell is mixed with black, the darkest value of the image, by its mask."""
    height, width, channels = image.shape
    cells, black = grid(height, width), float(image.min())
    mixed = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            kept = mask[cells[row][column]]
            for channel in range(channels):
                mixed[row, column, channel] = kept * image[row, column, channel] + (1 - kept) * black
    return float(network.forward(mixed).scores[index])


def paint(values: list[float], height: int, width: int) -> Float64:
    """Each pixel with the value of its cell."""
    cells = grid(height, width)
    return np.array([[values[cells[row][column]] for column in range(width)] for row in range(height)])


def points(count: int) -> list[tuple[int, int]]:
    """The first points of the Sobol sequence in the plane, in Gray-code order, as numbers of 8 digits.

    Bratley and Fox, 1988: the direction numbers of the first axis are the digits themselves, those of the
    second come from the polynomial x + 1.
    """
    first = [1 << (DIGITS - 1 - digit) for digit in range(DIGITS)]
    second = [1 << (DIGITS - 1)]
    for _ in range(DIGITS - 1):
        second.append(second[-1] ^ (second[-1] >> 1))
    found = []
    for number in range(count):
        gray, x, y = number ^ (number >> 1), 0, 0
        for digit in range(DIGITS):
            if gray >> digit & 1:
                x, y = x ^ first[digit], y ^ second[digit]
        found.append((x, y))
    return found


def sobol(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Fel et al. 2021, section 3: total-order indices by Jansen's estimator, 8 designs, seed 0.

    Cell i takes the points in the plane for (A, B), shifted and in an order of its own, by the seed (0, i).
    """
    height, width, _ = image.shape
    count = max(map(max, grid(height, width))) + 1
    plane = points(DESIGNS)
    first = [[0.0] * count for _ in range(DESIGNS)]
    second = [[0.0] * count for _ in range(DESIGNS)]
    for cell in range(count):
        generator = np.random.default_rng([0, cell])
        shift = [int(part) for part in generator.integers(0, 2**DIGITS, 2)]
        order = generator.permutation(DESIGNS)
        for design in range(DESIGNS):
            x, y = plane[order[design]]
            first[design][cell] = (x ^ shift[0]) / 2**DIGITS
            second[design][cell] = (y ^ shift[1]) / 2**DIGITS
    plain = []
    squares = [0.0] * count
    for design in range(DESIGNS):
        here = score(network, image, index, first[design])
        plain += [here, score(network, image, index, second[design])]
        for cell in range(count):
            changed = list(first[design])
            changed[cell] = second[design][cell]
            squares[cell] += (here - score(network, image, index, changed)) ** 2
    mean = sum(plain) / len(plain)
    variance = sum((value - mean) ** 2 for value in plain) / (len(plain) - 1)
    return paint([square / (2 * DESIGNS * variance) for square in squares], height, width)


def hsic(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Novello et al. 2022, section 3: tr(K H L H) / (m - 1)^2 of each cell, 256 masks, seed 0.

    Mask j leaves cell i if the j-th number of a permutation, by the seed (0, i), is in the lower half. The
    kernel is as wide as the median distance of scores that differ: on few cells a mask may come twice.
    """
    height, width, _ = image.shape
    count = max(map(max, grid(height, width))) + 1
    orders = [np.random.default_rng([0, cell]).permutation(MASKS) for cell in range(count)]
    masks = [[float(orders[cell][mask] < MASKS / 2) for cell in range(count)] for mask in range(MASKS)]
    scores = [score(network, image, index, mask) for mask in masks]
    distances = [abs(score - other) for index, score in enumerate(scores) for other in scores[:index]]
    width_of_kernel = float(np.median([distance for distance in distances if distance > 0]))
    outputs = np.zeros((MASKS, MASKS))
    for row in range(MASKS):
        for column in range(MASKS):
            outputs[row, column] = math.exp(-((scores[row] - scores[column]) ** 2) / (2 * width_of_kernel**2))
    centring = np.eye(MASKS) - 1 / MASKS
    outputs = centring @ outputs @ centring
    values = []
    for cell in range(count):
        column_of_cell = np.array([mask[cell] for mask in masks])
        same = (column_of_cell[:, None] == column_of_cell[None, :]).astype("float64")
        # tr(K H L H) is the sum of the products of K and H L H, which are symmetric.
        values.append(float((same * outputs).sum()) / (MASKS - 1) ** 2)
    return paint(values, height, width)
