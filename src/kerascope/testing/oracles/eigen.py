"""Maps that are a principal component, by power iteration in loops: (h, w) at the last convolution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64, Network

STEPS = 20_000
"""Power steps at most; each shrinks the other components by the ratio of two eigenvalues."""


def eigen_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Eigen-CAM, (h, w), at the last convolution, whatever the class.

    Muhammad and Yeasin 2020: the activations times their first right singular vector. The sign agrees with
    the mean activation.
    """
    return _project(network.forward(image).act2)


def eigen_grad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Eigen-Grad-CAM, (h, w): the same of gradient times activation; the sign agrees with HiResCAM's map."""
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    product = np.zeros(trace.act2.shape)
    for position in np.ndindex(product.shape):
        product[position] = gradient[position] * trace.act2[position]
    return _project(product)


def kpca_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """KPCA-CAM, (h, w), with the kernel tanh(x y / C + 1); Karmani et al. 2024, whatever the class.

    Of activations less each channel's mean over space.

    Kernel PCA as in Schoelkopf et al. 1998: the kernel of all pairs of positions is centred in feature space;
    the first component of position i is the square root of the largest eigenvalue times its eigenvector's
    entry.
    """
    act2 = network.forward(image).act2
    height, width, channels = act2.shape
    positions = [(i, j) for i in range(height) for j in range(width)]
    less = np.zeros(channels)
    for position in positions:
        for channel in range(channels):
            less[channel] += act2[position][channel] / len(positions)
    kernel = np.zeros((len(positions), len(positions)))
    for row, position in enumerate(positions):
        for column, other in enumerate(positions):
            product = 0.0
            for channel in range(channels):
                product += (act2[position][channel] - less[channel]) * (act2[other][channel] - less[channel])
            kernel[row, column] = math.tanh(product / channels + 1)
    size = len(positions)
    rows = [sum(kernel[row]) / size for row in range(size)]
    mean = sum(rows) / size
    centred = np.zeros(kernel.shape)
    for row in range(size):
        for column in range(size):
            centred[row, column] = kernel[row, column] - rows[row] - rows[column] + mean
    # Shifted, so that the largest eigenvalue is the one of largest absolute value too.
    shift = max(sum(abs(value) for value in row) for row in centred)
    vector = _dominant(centred + shift * np.eye(size))
    value = float(vector @ centred @ vector)
    result = np.zeros((height, width))
    agreement = 0.0
    for row, position in enumerate(positions):
        result[position] = math.sqrt(max(value, 0.0)) * vector[row]
        agreement += result[position] * sum(act2[position])
    return result if agreement >= 0 else -result


def _project(table: Float64) -> Float64:
    """A table (h, w, channels) times its first right singular vector, with the sign of its sum."""
    height, width, channels = table.shape
    products = np.zeros((channels, channels))
    for row in range(channels):
        for column in range(channels):
            for i in range(height):
                for j in range(width):
                    products[row, column] += table[i, j, row] * table[i, j, column]
    direction = _dominant(products)
    result = np.zeros((height, width))
    agreement = 0.0
    for i in range(height):
        for j in range(width):
            for channel in range(channels):
                result[i, j] += table[i, j, channel] * direction[channel]
            agreement += result[i, j] * sum(table[i, j])
    return result if agreement >= 0 else -result


def _dominant(matrix: Float64) -> Float64:
    """The eigenvector of the eigenvalue with the largest absolute value, by repeated multiplication."""
    vector = np.random.default_rng(0).normal(size=len(matrix))
    vector /= math.sqrt(float(vector @ vector))
    for _ in range(STEPS):
        following = matrix @ vector
        length = math.sqrt(float(following @ following))
        if length == 0:
            return vector
        following /= length
        gap = following - vector
        vector = following
        if float(gap @ gap) < 1e-30:
            break
    return vector
