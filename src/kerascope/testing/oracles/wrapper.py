"""Methods made of Grad-CAM, in loops: (h, w) at the last convolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.cam import grad_cam
from kerascope.testing.oracles.network import Float64, Network


def augmented(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """The mean of Grad-CAM over an image and its mirror image, each times 0.9 and 1.1."""
    height, width, channels = image.shape
    total = np.zeros(grad_cam(network, image, index).shape)
    for mirrored in (False, True):
        for factor in (0.9, 1.1):
            variant = np.zeros(image.shape, "float32")
            for i, j, channel in np.ndindex(height, width, channels):
                source = width - 1 - j if mirrored else j
                variant[i, j, channel] = image[i, source, channel] * np.float32(factor)
            cam = grad_cam(network, variant, index)
            for i, j in np.ndindex(cam.shape):
                total[i, j] += cam[i, cam.shape[1] - 1 - j if mirrored else j] / 4
    return total


def principal_component(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """The first principal component of Grad-CAM's weighted channels, not rectified.

    Muhammad and Yeasin 2020, equations 2 and 3: `O = U S V^T`, `L = O V_1`, with `O` the weighted channels.
    `V_1` is found by squaring `O^T O` until nothing but its largest eigenvector is left.
    """
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    height, width, channels = trace.act2.shape
    weighted = np.zeros(trace.act2.shape)
    for channel in range(channels):
        alpha = 0.0
        for i in range(height):
            for j in range(width):
                alpha += gradient[i, j, channel] / (height * width)
        for i in range(height):
            for j in range(width):
                weighted[i, j, channel] = alpha * trace.act2[i, j, channel]
    power = np.zeros((channels, channels))
    for i, j, one, two in np.ndindex(height, width, channels, channels):
        power[one, two] += weighted[i, j, one] * weighted[i, j, two]
    for _ in range(40):
        squared = np.zeros(power.shape)
        for one, two, between in np.ndindex(channels, channels, channels):
            squared[one, two] += power[one, between] * power[between, two]
        power = squared / np.abs(squared).max()
    column = int(np.argmax(np.diag(power)))
    vector = power[:, column] / np.sqrt(np.sum(power[:, column] ** 2))
    result = np.zeros((height, width))
    agreement = 0.0
    for i in range(height):
        for j in range(width):
            total = 0.0
            for channel in range(channels):
                result[i, j] += weighted[i, j, channel] * vector[channel]
                total += weighted[i, j, channel]
            agreement += result[i, j] * total
    return result if agreement >= 0 else -result
