"""Extremal perturbation in loops: a mask of few cells, climbed step by step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64, Network

CELLS, STEPS = 8, 20
AREA, RATE, WEIGHT, MOMENTUM, GROWTH, NEAR = 0.1, 0.01, 0.1, 0.9, 160.0, 0.01


def extremal_perturbation(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """The mask, (H, W), of `CELLS` cells along the longest side after `STEPS` steps.

    Fong et al. 2019, equation 1: the score of what the mask keeps over a blur; equations 2 and 3: the
    distance of the sorted mask from zeros and, in a share `AREA`, ones, here the mean over cells.
    """
    height, width, channels = image.shape
    side = max(height, width) / CELLS
    rows, columns = round(height / side), round(width / side)
    down, across = _matrix(rows, height), _matrix(columns, width)
    blurred = _blurred(image, 0.1 * max(height, width))
    mask = np.full((rows, columns), 0.5)
    speed = np.zeros((rows, columns))
    largest = 0.0
    for step in range(STEPS):
        kept = down @ mask @ across.T
        mixed = np.zeros(image.shape)
        for i, j, channel in np.ndindex(image.shape):
            mixed[i, j, channel] = (
                kept[i, j] * image[i, j, channel] + (1 - kept[i, j]) * blurred[i, j, channel]
            )
        slope = network.input_gradient(network.forward(mixed), index)
        gradient = np.zeros((rows, columns))
        for row in range(rows):
            for column in range(columns):
                for i in np.flatnonzero(down[:, row]):
                    for j in np.flatnonzero(across[:, column]):
                        for channel in range(channels):
                            share = down[i, row] * across[j, column]
                            away = image[i, j, channel] - blurred[i, j, channel]
                            gradient[row, column] += share * away * slope[i, j, channel]
        largest = max(largest, float(np.abs(gradient).sum()))
        weight = WEIGHT * GROWTH ** (step / STEPS)
        wanted = _wanted(mask)
        for place in np.ndindex(mask.shape):
            uphill = gradient[place] / largest * mask.size - 2 * weight * (mask[place] - wanted[place])
            speed[place] = MOMENTUM * speed[place] + RATE * uphill
        mask = np.clip(mask + speed, 0, 1)
    return down @ mask @ across.T


def _wanted(mask: Float64) -> Float64:
    """The entry of (0, ..., 0, 1, ..., 1) at each cell's place; cells close together share theirs."""
    values = mask.ravel()
    result = np.zeros(values.shape)
    zeros = (1 - AREA) * values.size
    for cell, value in enumerate(values):
        before = shared = 0.0
        for other in values:
            before += min(max((value - other) / NEAR, 0.0), 1.0)
            shared += max(1 - abs(value - other) / NEAR, 0.0)
        result[cell] = min(max((before + shared - zeros) / shared, 0.0), 1.0)
    return result.reshape(mask.shape)


def _matrix(old: int, new: int) -> Float64:
    """Half-pixel bilinear interpolation along one axis, (new, old)."""
    result = np.zeros((new, old))
    for place in range(new):
        position = min(max((place + 0.5) * old / new - 0.5, 0.0), old - 1.0)
        below = int(position)
        result[place, below] += 1 - (position - below)
        result[place, min(below + 1, old - 1)] += position - below
    return result


def _blurred(image: NDArray[np.floating], sigma: float) -> Float64:
    """A Gaussian over rows and columns, cut off at four sigma, borders mirrored."""
    result = np.asarray(image, "float64")
    reach = int(4 * sigma + 0.5)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-reach, reach + 1)]
    for axis in (0, 1):
        size = result.shape[axis]
        moved = np.moveaxis(result, axis, 0)
        found = np.zeros(moved.shape)
        for place in range(size):
            for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
                source = (place + offset) % (2 * size)
                found[place] += weight * moved[source if source < size else 2 * size - 1 - source]
        result = np.moveaxis(found / sum(weights), 0, axis)
    return result
