"""Methods written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope: the forward and backward pass are written by hand too, so an
oracle shares no mistake with the library. The networks are those of `models.topology`: `functional` (mean
over space, then a Dense head) and `flattened` (Flatten, then a Dense head).

An oracle is a function `(network, image, index) -> array`: the raw map of class `index` for one image
(H, W, C), before any resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.models import topology
from kerascope.testing.models.base import Array

Float64 = NDArray[np.float64]
Gate = Callable[[Float64, Float64], Float64]
"""`gate(gradient, before) -> gradient`: what a ReLU that was given `before` hands back."""


@dataclass(frozen=True)
class Trace:
    """All values of one forward pass for one image; `pre` is before a ReLU, `act` after it."""

    image: Float64
    pre1: Float64
    act1: Float64
    pre2: Float64
    act2: Float64
    scores: Float64


@dataclass(frozen=True)
class Network:
    """conv1 (3x3, relu) -> conv2 (3x3, stride 2, relu) -> mean over space or Flatten -> head.

    Args:
        conv1: kernel (3, 3, 3, 4) and bias (4,).
        conv2: kernel (3, 3, 4, 6) and bias (6,).
        head: kernel (6, 3), or (4 * 8 * 6, 3) where `pooled` is False, and bias (3,).
        pooled: whether the mean over space is taken before the head.
    """

    conv1: tuple[Float64, Float64]
    conv2: tuple[Float64, Float64]
    head: tuple[Float64, Float64]
    pooled: bool

    def forward(self, image: NDArray[np.floating]) -> Trace:
        """Run one image (H, W, C) through the network."""
        pixels = np.asarray(image, "float64")
        pre1 = convolve(pixels, *self.conv1, stride=1)
        act1 = rectify(pre1)
        pre2 = convolve(act1, *self.conv2, stride=2)
        act2 = rectify(pre2)
        kernel, bias = self.head
        features = self._features(act2)
        scores = np.zeros(len(bias))
        for index in range(len(bias)):
            scores[index] = bias[index]
            for position in range(len(features)):
                scores[index] += features[position] * kernel[position, index]
        return Trace(pixels, pre1, act1, pre2, act2, scores)

    def _features(self, act2: Float64) -> Float64:
        height, width, channels = act2.shape
        if not self.pooled:
            return act2.reshape(height * width * channels)
        mean = np.zeros(channels)
        for i in range(height):
            for j in range(width):
                for channel in range(channels):
                    mean[channel] += act2[i, j, channel] / (height * width)
        return mean

    def map_gradient(self, trace: Trace, index: int) -> Float64:
        """d score[index] / d act2, the same shape as act2."""
        height, width, channels = trace.act2.shape
        kernel, _ = self.head
        gradient = np.zeros(trace.act2.shape)
        for i in range(height):
            for j in range(width):
                for channel in range(channels):
                    if self.pooled:
                        gradient[i, j, channel] = kernel[channel, index] / (height * width)
                    else:
                        position = (i * width + j) * channels + channel
                        gradient[i, j, channel] = kernel[position, index]
        return gradient

    def input_gradient(self, trace: Trace, index: int, rule: Gate | None = None) -> Float64:
        """d score[index] / d image, the same shape as the image; `rule` stands for the ReLU's way back."""
        rule = rule or gate
        at_pre2 = rule(self.map_gradient(trace, index), trace.pre2)
        at_act1 = convolve_back(at_pre2, self.conv2[0], trace.act1.shape, stride=2)
        at_pre1 = rule(at_act1, trace.pre1)
        return convolve_back(at_pre1, self.conv1[0], trace.image.shape, stride=1)


def rectify(values: Float64) -> Float64:
    """max(0, x), element by element."""
    result = np.zeros(values.shape)
    for place in np.ndindex(values.shape):
        if values[place] > 0:
            result[place] = values[place]
    return result


def gate(gradient: Float64, before: Float64) -> Float64:
    """The backward pass of a ReLU: the gradient where the value before it was positive, else 0."""
    result = np.zeros(gradient.shape)
    for place in np.ndindex(gradient.shape):
        if before[place] > 0:
            result[place] = gradient[place]
    return result


def guided_gate(gradient: Float64, before: Float64) -> Float64:
    """Guided backpropagation: a ReLU's way back, and positive gradients only."""
    result = np.zeros(gradient.shape)
    for place in np.ndindex(gradient.shape):
        if before[place] > 0 and gradient[place] > 0:
            result[place] = gradient[place]
    return result


def deconvnet_gate(gradient: Float64, before: Float64) -> Float64:
    """Deconvnet: positive gradients only, whatever the ReLU let through."""
    result = np.zeros(gradient.shape)
    for place in np.ndindex(gradient.shape):
        if gradient[place] > 0:
            result[place] = gradient[place]
    return result


def _first(size: int, kernel: int, stride: int) -> int:
    """Padding before the first position, for `padding="same"`: half of what is needed, rounded down."""
    count = -(-size // stride)
    return max((count - 1) * stride + kernel - size, 0) // 2


def convolve(values: Float64, kernel: Float64, bias: Float64, stride: int) -> Float64:
    """Cross-correlation with zero padding to `ceil(size / stride)` positions, channels last."""
    height, width, _ = values.shape
    rows, columns, incoming, outgoing = kernel.shape
    top, left = _first(height, rows, stride), _first(width, columns, stride)
    result = np.zeros((-(-height // stride), -(-width // stride), outgoing))
    for i, j, channel in np.ndindex(result.shape):
        total = bias[channel]
        for row in range(rows):
            for column in range(columns):
                y, x = i * stride + row - top, j * stride + column - left
                if 0 <= y < height and 0 <= x < width:
                    for source in range(incoming):
                        total += values[y, x, source] * kernel[row, column, source, channel]
        result[i, j, channel] = total
    return result


def convolve_back(gradient: Float64, kernel: Float64, shape: tuple[int, ...], stride: int) -> Float64:
    """The gradient with respect to the input of `convolve`, which had this shape."""
    height, width, _ = shape
    rows, columns, incoming, _ = kernel.shape
    top, left = _first(height, rows, stride), _first(width, columns, stride)
    result = np.zeros(shape)
    for i, j, channel in np.ndindex(gradient.shape):
        if gradient[i, j, channel] == 0:
            continue
        for row in range(rows):
            for column in range(columns):
                y, x = i * stride + row - top, j * stride + column - left
                if 0 <= y < height and 0 <= x < width:
                    for source in range(incoming):
                        weight = kernel[row, column, source, channel]
                        result[y, x, source] += gradient[i, j, channel] * weight
    return result


def _doubles(pair: list[Array]) -> tuple[Float64, Float64]:
    kernel, bias = pair
    return kernel.astype("float64"), bias.astype("float64")


def networks() -> dict[str, Network]:
    """The networks of the tiny models `functional` and `flattened`, by the name of the model."""
    weights = topology.network_weights()
    conv1, conv2 = _doubles(weights["conv1"]), _doubles(weights["conv2"])
    return {
        "functional": Network(conv1, conv2, _doubles(weights["head"]), pooled=True),
        "flattened": Network(conv1, conv2, _doubles(topology.flatten_weights()), pooled=False),
    }


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


Oracle = Callable[[Network, NDArray[np.floating], int], Float64]
ORACLES: Mapping[str, Oracle] = {
    "deconvnet": deconvnet,
    "grad_cam": grad_cam,
    "guided_backprop": guided_backprop,
    "guided_grad_cam": guided_grad_cam,
    "saliency": saliency,
}
"""The oracle of each method of kerascope with its default parameters, by the method's name."""


def heatmap(values: NDArray[np.floating], reduction: str, size: tuple[int, int]) -> Float64:
    """One heat map of `size` (H, W) from raw values (h, w) or (h, w, C).

    Channels are reduced by the largest absolute value (`"max_abs"`) or the sum (`"sum"`). Output pixel i of n
    over m input pixels lies at (i + 1/2) m / n - 1/2, clamped to the input, and is interpolated linearly
    between its neighbours; rows and columns alike.
    """
    grid = np.asarray(values, "float64")
    if reduction != "none":
        reduced = np.zeros(grid.shape[:2])
        for i, j in np.ndindex(reduced.shape):
            for channel in range(grid.shape[2]):
                value = grid[i, j, channel]
                reduced[i, j] = (
                    max(reduced[i, j], abs(value)) if reduction == "max_abs" else reduced[i, j] + value
                )
        grid = reduced
    result = np.zeros(size)
    for i, j in np.ndindex(size):
        for row, row_weight in _neighbours(i, grid.shape[0], size[0]):
            for column, column_weight in _neighbours(j, grid.shape[1], size[1]):
                result[i, j] += row_weight * column_weight * grid[row, column]
    return result


def _neighbours(pixel: int, old: int, new: int) -> list[tuple[int, float]]:
    """The pixels that an output pixel is interpolated from, with their weights."""
    place = min(max((pixel + 0.5) * old / new - 0.5, 0.0), old - 1.0)
    below = int(place)
    share = place - below
    return [(below, 1.0 - share), (min(below + 1, old - 1), share)]
