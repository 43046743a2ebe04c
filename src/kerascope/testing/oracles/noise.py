"""The gradient on noisy copies in loops: (H, W, C)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64, Network

SAMPLES = 4
SIGMA = 0.15


def _gradients(network: Network, image: NDArray[np.floating], index: int) -> list[Float64]:
    """The gradient on the copies, with normal noise of 0.15 of the image's range; copy k has seed (0, k)."""
    width = SIGMA * (float(image.max()) - float(image.min()))
    found = []
    for copy in range(SAMPLES):
        noise = np.random.default_rng([0, copy]).standard_normal(image.shape)
        trace = network.forward(np.asarray(image, "float64") + width * noise)
        found.append(network.input_gradient(trace, index))
    return found


def smooth_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Smilkov et al. 2017, section 2.1: the mean gradient, with its sign."""
    total = np.zeros(image.shape)
    for gradient in _gradients(network, image, index):
        total += gradient
    return total / SAMPLES


def var_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Adebayo et al. 2018, section 2: the variance of the gradient over the copies."""
    gradients = _gradients(network, image, index)
    mean = np.zeros(image.shape)
    for gradient in gradients:
        mean += gradient / SAMPLES
    total = np.zeros(image.shape)
    for gradient in gradients:
        total += (gradient - mean) ** 2
    return total / SAMPLES


def square_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Hooker et al. 2019, section 4.2: the mean of the squared gradients."""
    total = np.zeros(image.shape)
    for gradient in _gradients(network, image, index):
        total += gradient**2
    return total / SAMPLES
