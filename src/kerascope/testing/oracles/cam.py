"""Class activation maps in loops: (h, w), at the last convolution; multi-scale CAM at each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, convolve_back, gate, rectify


def grad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Grad-CAM, (h, w), at the last convolution.

    Selvaraju et al. 2017, equation 1: `alpha_k = 1/Z sum_ij d y / d A_ij^k`; equation 2:
    `L = ReLU(sum_k alpha_k A^k)`.
    """
    return rectify(_grad_cam_with_sign(network, image, index))


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
    result = _grad_cam_with_sign(network, image, index)
    for other in nearest:
        result = result - _grad_cam_with_sign(network, image, other) / len(nearest)
    return rectify(result)


def _grad_cam_with_sign(network: Network, image: NDArray[np.floating], index: int) -> Float64:
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


def multi_scale_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Multi-scale CAM, (H, W), at the last convolution, the first one and the image.

    `D = sum_c g A` at the last convolution; `F` alike at the first one, rectified and in units of its mean
    absolute value; `I` alike at the image, less the median of each colour;
    `L = (relu(D) + 0.01 max |D|) (F / max F) (F + I) / max(F + I)`.
    """
    trace = network.forward(image)
    at_act2 = network.map_gradient(trace, index)
    at_act1 = convolve_back(gate(at_act2, trace.pre2), network.conv2[0], trace.act1.shape, stride=2)
    at_image = convolve_back(gate(at_act1, trace.pre1), network.conv1[0], trace.image.shape, stride=1)
    size = image.shape[:2]
    deep = _relevance(at_act2, trace.act2, [0.0] * trace.act2.shape[2])
    what = np.zeros(deep.shape)
    for pixel in np.ndindex(deep.shape):
        what[pixel] = max(float(deep[pixel]), 0.0) + 0.01 * float(np.abs(deep).max())
    fine = _of_its_mean(_relevance(at_act1, trace.act1, [0.0] * trace.act1.shape[2]))
    medians = [_median(trace.image[:, :, colour]) for colour in range(trace.image.shape[2])]
    pixels = _of_its_mean(_relevance(at_image, trace.image, medians))
    layer, both = heatmap(fine, "none", size), heatmap(fine, "none", size) + pixels
    result = heatmap(what, "none", size)
    for pixel in np.ndindex(size):
        result[pixel] *= layer[pixel] / layer.max() * both[pixel] / both.max()
    return result


def _of_its_mean(signed: Float64) -> Float64:
    mean = float(np.abs(signed).sum()) / signed.size
    result = np.zeros(signed.shape)
    for pixel in np.ndindex(signed.shape):
        result[pixel] = max(float(signed[pixel]), 0.0) / mean
    return result


def _relevance(gradient: Float64, values: Float64, ground: list[float]) -> Float64:
    result = np.zeros(values.shape[:2])
    for i, j, channel in np.ndindex(values.shape):
        result[i, j] += gradient[i, j, channel] * (values[i, j, channel] - ground[channel])
    return result


def _median(values: Float64) -> float:
    """The middle value; along an axis of more than 16 places, of every second one from the second on."""
    steps = [1 if length <= 16 else 2 for length in values.shape]
    assert max(values.shape) <= 32, "the tiny networks are small"
    rows = sorted(values[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]].ravel().tolist())
    return float((rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2)
