"""Gradients at the image in loops: (H, W, C), or (H, W) of a full gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.cam import grad_cam
from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import (
    Float64,
    Network,
    convolve_back,
    gate,
    gate_deconvnet,
    gate_guided,
)


def saliency(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Vanilla gradient, (H, W, C), signed.

    Simonyan et al. 2014, equation 4: `w = d S_c / d I`, of the score S_c before the softmax. The paper
    draws the largest absolute value over the channels; that is left to the display.
    """
    return network.input_gradient(network.forward(image), index)


def guided_backprop(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Guided backpropagation, (H, W, C), signed.

    Springenberg et al. 2015, section 3.4: `R^l = (f^l > 0) (R^(l+1) > 0) R^(l+1)` at each ReLU.
    """
    return network.input_gradient(network.forward(image), index, gate_guided)


def deconvnet(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Deconvnet, (H, W, C), signed.

    Zeiler and Fergus 2014, section 2.1; as written in Springenberg et al. 2015, section 3.4:
    `R^l = (R^(l+1) > 0) R^(l+1)` at each ReLU.
    """
    return network.input_gradient(network.forward(image), index, gate_deconvnet)


def guided_grad_cam(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Guided Grad-CAM, (H, W, C), signed.

    Selvaraju et al. 2017, section 3.2: guided backpropagation and Grad-CAM, enlarged by bilinear
    interpolation, multiplied element by element.
    """
    height, width, channels = image.shape
    cam = heatmap(grad_cam(network, image, index), "none", (height, width))
    guided = guided_backprop(network, image, index)
    result = np.zeros((height, width, channels))
    for i in range(height):
        for j in range(width):
            for channel in range(channels):
                result[i, j, channel] = cam[i, j] * guided[i, j, channel]
    return result


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
        for pixel in np.ndindex(gradient.shape):
            sizes[pixel] = abs(gradient[pixel] * value[pixel])
        low, high = sizes.min(), sizes.max()
        for channel in range(gradient.shape[2]):
            scaled = np.zeros(gradient.shape[:2])
            for i, j in np.ndindex(scaled.shape):
                scaled[i, j] = (sizes[i, j, channel] - low) / (high - low) if high > low else 0.0
            result += heatmap(scaled, "none", (height, width))
    return result
