"""Multi-scale CAM in loops: (H, W), from both convolutions and the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, convolve_back, gate


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
    for place in np.ndindex(deep.shape):
        what[place] = max(float(deep[place]), 0.0) + 0.01 * float(np.abs(deep).max())
    fine = _of_its_mean(_relevance(at_act1, trace.act1, [0.0] * trace.act1.shape[2]))
    medians = [_median(trace.image[:, :, colour]) for colour in range(trace.image.shape[2])]
    pixels = _of_its_mean(_relevance(at_image, trace.image, medians))
    layer, both = heatmap(fine, "none", size), heatmap(fine, "none", size) + pixels
    result = heatmap(what, "none", size)
    for place in np.ndindex(size):
        result[place] *= layer[place] / layer.max() * both[place] / both.max()
    return result


def _of_its_mean(signed: Float64) -> Float64:
    mean = float(np.abs(signed).sum()) / signed.size
    result = np.zeros(signed.shape)
    for place in np.ndindex(signed.shape):
        result[place] = max(float(signed[place]), 0.0) / mean
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
