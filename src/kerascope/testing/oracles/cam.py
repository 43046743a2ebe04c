"""Class activation maps in loops: (h, w) at the last convolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.network import Float64, Network, rectify


def grad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Grad-CAM, (h, w), at the last convolution.

    Selvaraju et al. 2017, equation 1: `alpha_k = 1/Z sum_ij d y / d A_ij^k`; equation 2:
    `L = ReLU(sum_k alpha_k A^k)`.
    """
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    height, width, channels = trace.act2.shape
    result = np.zeros((height, width))
    for channel in range(channels):
        alpha = 0.0
        for i in range(height):
            for j in range(width):
                alpha += gradient[i, j, channel]
        alpha /= height * width
        for i in range(height):
            for j in range(width):
                result[i, j] += alpha * trace.act2[i, j, channel]
    return rectify(result)


def class_activation_map(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """CAM, (h, w), signed, of a network with a mean over space before its head.

    Zhou et al. 2016, equation 2: `M_c(i, j) = sum_k w_k^c A_ij^k`.
    """
    trace = network.forward(image)
    kernel, _ = network.head
    height, width, channels = trace.act2.shape
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            for channel in range(channels):
                result[i, j] += kernel[channel, index] * trace.act2[i, j, channel]
    return result
