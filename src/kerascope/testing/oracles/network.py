"""The networks that oracles explain: forward and backward passes by hand, in float64, tap by tap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.models import topology
from kerascope.typing import Array

Float64 = NDArray[np.float64]
Image = NDArray[np.floating]
Gate = Callable[[Float64, Float64], Float64]
"""`gate(gradient, before) -> gradient`: the gradient that an activation with the input `before` passes on."""


@dataclass(frozen=True)
class Trace:
    """All values of one forward pass for one image; `pre` is before an activation, `act` after it."""

    image: Float64
    pre1: Float64
    act1: Float64
    pre2: Float64
    act2: Float64
    scores: Float64


@dataclass(frozen=True)
class Network:
    """conv1 (3x3) -> conv2 (3x3, stride 2) -> mean over space or Flatten -> head.

    Args:
        conv1: kernel (3, 3, 3, 4) and bias (4,).
        conv2: kernel (3, 3, 4, 6) and bias (6,).
        head: kernel (6, 3), or (4 * 8 * 6, 3) where `pooled` is False, and bias (3,).
        pooled: whether the mean over space is taken before the head.
        smooth: whether SiLU stands behind the convolutions, in the place of ReLU.
    """

    conv1: tuple[Float64, Float64]
    conv2: tuple[Float64, Float64]
    head: tuple[Float64, Float64]
    pooled: bool
    smooth: bool = False

    def forward(self, image: NDArray[np.floating]) -> Trace:
        """Run one image (H, W, C) through the network."""
        pixels = np.asarray(image, "float64")
        pre1 = convolve(pixels, *self.conv1, stride=1)
        act1 = self._activate(pre1)
        pre2 = convolve(act1, *self.conv2, stride=2)
        act2 = self._activate(pre2)
        return Trace(pixels, pre1, act1, pre2, act2, self.scores(act2))

    def _activate(self, values: Float64) -> Float64:
        return values * sigmoid(values) if self.smooth else rectify(values)

    def scores(self, act2: Float64) -> Float64:
        """What the head makes of the last activations (h, w, channels)."""
        kernel, bias = self.head
        features = self._features(act2)
        scores = np.zeros(len(bias))
        for index in range(len(bias)):
            scores[index] = bias[index] + features @ kernel[:, index]
        return scores

    def _features(self, act2: Float64) -> Float64:
        height, width, channels = act2.shape
        if not self.pooled:
            return act2.reshape(height * width * channels)
        mean = np.zeros(channels)
        for i in range(height):
            for j in range(width):
                mean += act2[i, j] / (height * width)
        return mean

    def map_gradient(self, trace: Trace, index: int) -> Float64:
        """d score[index] / d act2, the same shape as act2."""
        height, width, channels = trace.act2.shape
        kernel, _ = self.head
        gradient = np.zeros(trace.act2.shape)
        for i in range(height):
            for j in range(width):
                if self.pooled:
                    gradient[i, j] = kernel[:, index] / (height * width)
                else:
                    position = (i * width + j) * channels
                    gradient[i, j] = kernel[position : position + channels, index]
        return gradient

    def input_gradient(self, trace: Trace, index: int, rule: Gate | None = None) -> Float64:
        """d score[index] / d image, the same shape as the image; `rule` is the activation's way back."""
        rule = rule or (gate_smooth if self.smooth else gate)
        at_pre2 = rule(self.map_gradient(trace, index), trace.pre2)
        at_act1 = convolve_back(at_pre2, self.conv2[0], trace.act1.shape, stride=2)
        at_pre1 = rule(at_act1, trace.pre1)
        return convolve_back(at_pre1, self.conv1[0], trace.image.shape, stride=1)


def rectify(values: Float64) -> Float64:
    """max(0, x), element by element."""
    return np.where(values > 0, values, 0.0)


def gate(gradient: Float64, before: Float64) -> Float64:
    """The backward pass of a ReLU: the gradient where the value before it was positive, else 0."""
    return np.where(before > 0, gradient, 0.0)


def sigmoid(values: Float64) -> Float64:
    """1 / (1 + exp(-x)), element by element."""
    result: Float64 = 1 / (1 + np.exp(-values))
    return result


def gate_smooth(gradient: Float64, before: Float64) -> Float64:
    """The backward pass of SiLU, x sigmoid(x)."""
    share = sigmoid(before)
    return gradient * share * (1 + before * (1 - share))


def gate_guided(gradient: Float64, before: Float64) -> Float64:
    """Guided backpropagation: a ReLU's way back, and positive gradients only."""
    result = np.zeros(gradient.shape)
    for pixel in np.ndindex(gradient.shape):
        if before[pixel] > 0 and gradient[pixel] > 0:
            result[pixel] = gradient[pixel]
    return result


def gate_deconvnet(gradient: Float64, before: Float64) -> Float64:
    """Deconvnet: positive gradients only, whatever the ReLU let through."""
    result = np.zeros(gradient.shape)
    for pixel in np.ndindex(gradient.shape):
        if gradient[pixel] > 0:
            result[pixel] = gradient[pixel]
    return result


def _first(size: int, kernel: int, stride: int) -> int:
    """Padding before the first position, for `padding="same"`: half of the needed rows, rounded down."""
    count = -(-size // stride)
    return max((count - 1) * stride + kernel - size, 0) // 2


def _taps(size: int, count: int, kernel: int, stride: int, tap: int) -> tuple[slice, slice]:
    """The positions at which a tap of the kernel lies on the input, and the rows that it meets there."""
    first = _first(size, kernel, stride)
    met = [position for position in range(count) if 0 <= position * stride + tap - first < size]
    start = met[0] * stride + tap - first
    return slice(met[0], met[-1] + 1), slice(start, start + (len(met) - 1) * stride + 1, stride)


def convolve(values: Float64, kernel: Float64, bias: Float64, stride: int) -> Float64:
    """Cross-correlation with zero padding to `ceil(size / stride)` positions, channels last.

    One loop for each tap of the kernel, so that oracles of many passes take seconds.
    """
    height, width, _ = values.shape
    rows, columns, _, outgoing = kernel.shape
    result = np.zeros((-(-height // stride), -(-width // stride), outgoing)) + bias
    for row in range(rows):
        i, y = _taps(height, result.shape[0], rows, stride, row)
        for column in range(columns):
            j, x = _taps(width, result.shape[1], columns, stride, column)
            result[i, j] += values[y, x] @ kernel[row, column]
    return result


def convolve_back(gradient: Float64, kernel: Float64, shape: tuple[int, ...], stride: int) -> Float64:
    """The gradient with respect to the input of `convolve`, which had this shape."""
    height, width, _ = shape
    rows, columns, _, _ = kernel.shape
    result = np.zeros(shape)
    for row in range(rows):
        i, y = _taps(height, gradient.shape[0], rows, stride, row)
        for column in range(columns):
            j, x = _taps(width, gradient.shape[1], columns, stride, column)
            result[y, x] += gradient[i, j] @ kernel[row, column].T
    return result


def _doubles(pair: list[Array]) -> tuple[Float64, Float64]:
    kernel, bias = pair
    return kernel.astype("float64"), bias.astype("float64")


def networks(smooth: bool = False) -> dict[str, Network]:
    """The networks of tiny models, by the name of the model.

    Args:
        smooth: those without a corner, for methods that ask about images of their own making, where a unit
            may lie within a rounding of one. Else `functional` and `flattened`, whose sums are exact.
    """
    weights = topology.network_weights()
    conv1, conv2 = _doubles(weights["conv1"]), _doubles(weights["conv2"])
    heads = {"functional": weights["head"], "flattened": topology.flatten_weights()}
    return {
        f"smooth_{name}" if smooth else name: Network(
            conv1, conv2, _doubles(head), pooled=name == "functional", smooth=smooth
        )
        for name, head in heads.items()
    }
