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
    return rectify(_signed_grad_cam(network, image, index))


def cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
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


def grad_cam_plus_plus(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Grad-CAM++, (h, w), at the last convolution.

    Chattopadhay et al. 2018, equation 19: `alpha = g^2 / (2 g^2 + sum_ab(A_ab) g^3)`; equation 5:
    `w_k = sum_ij alpha_ij relu(g_ij)`; the factor exp(s) left out.
    """
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    height, width, channels = trace.act2.shape
    result = np.zeros((height, width))
    for channel in range(channels):
        total = _total(trace.act2, channel)
        weight = 0.0
        for i in range(height):
            for j in range(width):
                slope = gradient[i, j, channel]
                if slope > 0:
                    weight += slope**2 / (2 * slope**2 + total * slope**3) * slope
        for i in range(height):
            for j in range(width):
                result[i, j] += weight * trace.act2[i, j, channel]
    return rectify(result)


def hires_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """HiResCAM, (h, w), at the last convolution; Draelos and Carin 2020, equation 4, rectified."""
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    result = np.zeros(trace.act2.shape[:2])
    for i, j, channel in np.ndindex(trace.act2.shape):
        result[i, j] += gradient[i, j, channel] * trace.act2[i, j, channel]
    return rectify(result)


def layer_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """LayerCAM, (h, w), at the last convolution; Jiang et al. 2021, equations 6 and 7."""
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    result = np.zeros(trace.act2.shape[:2])
    for i, j, channel in np.ndindex(trace.act2.shape):
        if gradient[i, j, channel] > 0:
            result[i, j] += gradient[i, j, channel] * trace.act2[i, j, channel]
    return rectify(result)


def element_wise_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Element-wise Grad-CAM, (h, w): the positive products of gradient and activation, summed."""
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    result = np.zeros(trace.act2.shape[:2])
    for i, j, channel in np.ndindex(trace.act2.shape):
        product = gradient[i, j, channel] * trace.act2[i, j, channel]
        if product > 0:
            result[i, j] += product
    return result


def xgrad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """XGrad-CAM, (h, w), at the last convolution.

    Fu et al. 2020, equation 8: `w_k = sum_ij A_ij / sum_ab(A_ab) g_ij`; a channel that is zero has no weight.
    """
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    height, width, channels = trace.act2.shape
    result = np.zeros((height, width))
    for channel in range(channels):
        total = _total(trace.act2, channel)
        if total == 0:
            continue
        weight = 0.0
        for i in range(height):
            for j in range(width):
                weight += trace.act2[i, j, channel] / total * gradient[i, j, channel]
        for i in range(height):
            for j in range(width):
                result[i, j] += weight * trace.act2[i, j, channel]
    return rectify(result)


def shapley_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Shapley-CAM, (h, w), at the last convolution; Cai 2025: weights are the mean of `g - H A / 2`.

    Both networks are linear behind that convolution, so that the Hessian H is zero;
    `tests/method/cam/test_shapley_cam.py` has an oracle for heads that curve.
    """
    return grad_cam(network, image, index)


def finer_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Finer-CAM of Grad-CAM, (h, w): the signed maps of the class less the mean of those of its rivals.

    Zhang et al. 2025: the explained number is `y_c - gamma y_d`, here with gamma 1 and the mean over the
    three classes d of the nearest scores, or all others where there are fewer. Grad-CAM is linear in that
    number.
    """
    scores = network.forward(image).scores
    others = [other for other in range(len(scores)) if other != index]
    nearest = sorted(others, key=lambda other: abs(scores[other] - scores[index]))[:3]
    result = _signed_grad_cam(network, image, index)
    for other in nearest:
        result = result - _signed_grad_cam(network, image, other) / len(nearest)
    return rectify(result)


def _signed_grad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    trace = network.forward(image)
    gradient = network.map_gradient(trace, index)
    height, width, channels = trace.act2.shape
    result = np.zeros((height, width))
    for channel in range(channels):
        alpha = _total(gradient, channel) / (height * width)
        for i in range(height):
            for j in range(width):
                result[i, j] += alpha * trace.act2[i, j, channel]
    return result


def _total(values: Float64, channel: int) -> float:
    """The sum of a channel over space."""
    total = 0.0
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            total += values[i, j, channel]
    return total
