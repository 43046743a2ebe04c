"""Methods around another method in loops: noise, test-time augmentation, components, regions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.cam import grad_cam
from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network
from kerascope.testing.oracles.path import black, integrate_from, white


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
    for i, j, row, column in np.ndindex(height, width, channels, channels):
        power[row, column] += weighted[i, j, row] * weighted[i, j, column]
    for _ in range(40):
        squared = np.zeros(power.shape)
        for row, column, between in np.ndindex(channels, channels, channels):
            squared[row, column] += power[row, between] * power[between, column]
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


SAMPLES = 4
SIGMA = 0.15


def _gradients(network: Network, image: NDArray[np.floating], index: int) -> list[Float64]:
    """The gradient on the copies, with normal noise of 0.15 of the image's range; copy k has seed (0, k)."""
    width = SIGMA * (float(image.max()) - float(image.min()))
    found = []
    for copy in range(SAMPLES):
        noise = np.random.default_rng([0, copy]).standard_normal(image.shape)
        trace = network.forward(np.asarray(image, "float64") + width * noise)
        found.append(network.input_gradient(trace, index))
    return found


def smooth_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Smilkov et al. 2017, section 2.1: the mean gradient, with its sign."""
    total = np.zeros(image.shape)
    for gradient in _gradients(network, image, index):
        total += gradient
    return total / SAMPLES


def var_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Adebayo et al. 2018, section 2: the variance of the gradient over the copies."""
    gradients = _gradients(network, image, index)
    mean = np.zeros(image.shape)
    for gradient in gradients:
        mean += gradient / SAMPLES
    total = np.zeros(image.shape)
    for gradient in gradients:
        total += (gradient - mean) ** 2
    return total / SAMPLES


def square_grad(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """Hooker et al. 2019, section 4.2: the mean of the squared gradients."""
    total = np.zeros(image.shape)
    for gradient in _gradients(network, image, index):
        total += gradient**2
    return total / SAMPLES


XRAI_SCALES = (50, 250)
XRAI_STEPS = 4


def xrai(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """XRAI over integrated gradients, the mean of those from black and from white, (H, W).

    Kapishnikov et al. 2019, algorithm 1: while the mask does not cover the image, the segment whose pixels
    outside of it have the highest mean attribution is added; the segments are those of Felzenszwalb and
    Huttenlocher at several scales, for which scikit-image is taken as it is.
    """
    from skimage.segmentation import felzenszwalb

    height, width, _ = image.shape
    both = [
        integrate_from(start, network, image, index, XRAI_STEPS) for start in (black(image), white(image))
    ]
    attribution = heatmap((both[0] + both[1]) / 2, "sum", (height, width))
    shown = (image.astype("float64") - image.min()) / (float(image.max()) - float(image.min()))
    share = height * width / 224**2
    segments: list[list[tuple[int, int]]] = []
    for scale in XRAI_SCALES:
        labels = felzenszwalb(
            shown,
            scale=scale * share,
            sigma=0.8 * math.sqrt(share),
            min_size=max(1, round(150 * share)),
            channel_axis=-1,
        )
        segments += [
            [pixel for pixel in np.ndindex(height, width) if labels[pixel] == label]
            for label in range(labels.max() + 1)
        ]
    result = np.zeros((height, width))
    covered = np.zeros((height, width), bool)
    while not covered.all():
        best, added = -math.inf, []
        for segment in segments:
            free = [pixel for pixel in segment if not covered[pixel]]
            gain = sum(attribution[pixel] for pixel in free) / len(free) if free else -math.inf
            if gain > best:
                best, added = gain, free
        for pixel in added:
            covered[pixel] = True
            result[pixel] = best
    return result
