"""Full gradients in loops: (H, W), from the image and the biases of both convolutions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, convolve_back, gate


def full_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """FullGrad, (H, W), at least 0.

    Srinivas and Fleuret 2019, equations 3 to 5: psi of the input times its gradient, and for each channel of
    each layer psi of the bias times the gradient at it, which is the gradient before the ReLU.
    """
    trace = network.forward(image)
    at_pre2 = gate(network.map_gradient(trace, index), trace.pre2)
    at_act1 = convolve_back(at_pre2, network.conv2[0], trace.act1.shape, stride=2)
    at_pre1 = gate(at_act1, trace.pre1)
    at_image = convolve_back(at_pre1, network.conv1[0], trace.image.shape, stride=1)
    height, width, _ = image.shape
    result = np.zeros((height, width))
    terms = (
        (at_image, trace.image),
        (at_pre1, np.broadcast_to(network.conv1[1], at_pre1.shape)),
        (at_pre2, np.broadcast_to(network.conv2[1], at_pre2.shape)),
    )
    for gradient, value in terms:
        sizes = np.zeros(gradient.shape)
        for place in np.ndindex(gradient.shape):
            sizes[place] = abs(gradient[place] * value[place])
        low, high = sizes.min(), sizes.max()
        for channel in range(gradient.shape[2]):
            scaled = np.zeros(gradient.shape[:2])
            for i, j in np.ndindex(scaled.shape):
                scaled[i, j] = (sizes[i, j, channel] - low) / (high - low) if high > low else 0.0
            result += heatmap(scaled, "none", (height, width))
    return result
