"""Gradients at the image in loops: (H, W, C)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.cam import grad_cam
from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, deconvnet_gate, guided_gate


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
    return network.input_gradient(network.forward(image), index, guided_gate)


def deconvnet(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Deconvnet, (H, W, C), signed.

    Zeiler and Fergus 2014, section 2.1; as written in Springenberg et al. 2015, section 3.4:
    `R^l = (R^(l+1) > 0) R^(l+1)` at each ReLU.
    """
    return network.input_gradient(network.forward(image), index, deconvnet_gate)


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
