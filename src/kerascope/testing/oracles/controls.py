"""Controls in loops: (H, W), without a network."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network


def random_map(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Random numbers on 7 x 7 cells, or as many as there are pixels, enlarged by bilinear interpolation.

    The generator is NumPy's, seeded by 0 and the first eight bytes of the SHA-256 of the pixels as float32.
    """
    height, width, _ = image.shape
    content = hashlib.sha256(image.astype("<f4").tobytes()).digest()
    number = sum(byte * 256**exponent for exponent, byte in enumerate(content[:8]))
    generator = np.random.default_rng([0, number])
    grid = np.zeros((min(height, 7), min(width, 7)))
    for i, j in np.ndindex(grid.shape):
        grid[i, j] = generator.random()
    return heatmap(grid, "none", (height, width))


def centre_gaussian(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """A Gaussian around the centre, a quarter of each side wide."""
    height, width, _ = image.shape
    result = np.zeros((height, width))
    for i, j in np.ndindex(result.shape):
        down = (i + 0.5 - height / 2) / (height / 4)
        right = (j + 0.5 - width / 2) / (width / 4)
        result[i, j] = math.exp(-(down * down + right * right) / 2)
    return result


def edge_map(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Size of the gradient of the image under a Gaussian of 1 pixel, cut off at 4, summed over channels."""
    height, width, channels = image.shape
    smooth = [math.exp(-offset * offset / 2) for offset in range(-4, 5)]
    total = sum(smooth)
    smooth = [weight / total for weight in smooth]
    # The derivative of the blurred image is the image under the derivative of the Gaussian.
    slope = [offset * weight for offset, weight in zip(range(-4, 5), smooth, strict=True)]
    result = np.zeros((height, width))
    for i, j in np.ndindex(result.shape):
        for channel in range(channels):
            down = right = 0.0
            for row in range(-4, 5):
                for column in range(-4, 5):
                    y, x = min(max(i + row, 0), height - 1), min(max(j + column, 0), width - 1)
                    value = float(image[y, x, channel])
                    down += slope[row + 4] * smooth[column + 4] * value
                    right += smooth[row + 4] * slope[column + 4] * value
            result[i, j] += math.sqrt(down * down + right * right)
    return result
