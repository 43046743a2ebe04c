"""Gradients along paths in loops: (H, W, C), signed; and where these paths begin."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np

from kerascope.testing.oracles.network import Float64, Image, Network

STEPS = 8
SAMPLES = 8
FRACTION = 0.25
DEVIATION = 0.02


def _gradient_at(network: Network, image: Image, index: int) -> Float64:
    """d score[index] / d image."""
    return network.input_gradient(network.forward(image), index)


def black(image: Image) -> Float64:
    """The lowest value of the image, everywhere: these networks do not state the range of their pixels."""
    return np.full(image.shape, float(min(np.asarray(image, "float64").ravel())))


def blur(image: Image, sigma: float) -> Float64:
    """The image behind a Gaussian, along rows and columns in turn.

    `G(d) = exp(-d^2 / (2 sigma^2))` for whole distances up to 4 sigma, rounded, divided by its sum; beyond a
    border, the image is mirrored with the border's pixel repeated.
    """
    result = np.asarray(image, "float64")
    if sigma == 0:
        return result
    reach = int(4 * sigma + 0.5)
    weights = [math.exp(-(d**2) / (2 * sigma**2)) for d in range(-reach, reach + 1)]
    for axis in (0, 1):
        before, size = result, image.shape[axis]
        result = np.zeros(image.shape)
        for pixel in range(size):
            for distance, weight in zip(range(-reach, reach + 1), weights, strict=True):
                source = (pixel + distance) % (2 * size)
                source = source if source < size else 2 * size - 1 - source
                if axis == 0:
                    result[pixel] += before[source] * weight / sum(weights)
                else:
                    result[:, pixel] += before[:, source] * weight / sum(weights)
    return result


def widest(image: Image) -> float:
    """The widest Gaussian: a sixth of the longest side, as 50 pixels of 299."""
    return float(max(image.shape[:2])) / 6


def largest_blur(image: Image) -> Float64:
    """Where the path of blurs begins."""
    return blur(image, widest(image))


def input_x_gradient(network: Network, image: Image, index: int) -> Float64:
    """Shrikumar et al. 2016, section 2: the gradient, pixel by pixel times the input."""
    gradient = _gradient_at(network, image, index)
    result = np.zeros(image.shape)
    for pixel in np.ndindex(image.shape):
        result[pixel] = image[pixel] * gradient[pixel]
    return result


def white(image: Image) -> Float64:
    """The highest value of the image, everywhere."""
    return np.full(image.shape, float(max(np.asarray(image, "float64").ravel())))


def integrated_gradients(network: Network, image: Image, index: int) -> Float64:
    """Sundararajan et al. 2017, equation 1, from black."""
    return integrate_from(black(image), network, image, index, 16)


def integrate_from(start: Float64, network: Network, image: Image, index: int, steps: int = STEPS) -> Float64:
    """Integrated gradients from a baseline, by the midpoint rule."""
    total = np.zeros(image.shape)
    for step in range(steps):
        alpha = (2 * step + 1) / (2 * steps)
        total += _gradient_at(network, start + alpha * (image - start), index)
    return (image - start) * total / steps


def blur_integrated_gradients(network: Network, image: Image, index: int) -> Float64:
    """Xu et al. 2020, equation 3, as a sum over chords: from sigma a sixth of the longest side down to 0."""
    result = np.zeros(image.shape)
    sigmas = [widest(image) * (STEPS - step) / STEPS for step in range(STEPS + 1)]
    pictures = [blur(image, sigma) for sigma in sigmas]
    for before, after in itertools.pairwise(pictures):
        result += _gradient_at(network, (before + after) / 2, index) * (after - before)
    return result


def expected_gradients(network: Network, image: Image, index: int) -> Float64:
    """Erion et al. 2021, equation 2: baselines of noise over the image's range, alphas stratified."""
    generator = np.random.default_rng(0)
    places = generator.random(SAMPLES)
    low, high = float(image.min()), float(image.max())
    result = np.zeros(image.shape)
    for sample in range(SAMPLES):
        noise = np.random.default_rng([0, sample]).random(image.shape)
        start = low + noise * (high - low)
        alpha = (sample + places[sample]) / SAMPLES
        result += _gradient_at(network, start + alpha * (image - start), index) * (image - start) / SAMPLES
    return result


def guided_integrated_gradients(network: Network, image: Image, index: int) -> Float64:
    """Kapishnikov et al. 2021, algorithm 1, from black, within 0.02 of the straight path; steps trapezoidal.

    In each step the pixels with the smallest slopes move first, a quarter of all at a time, until the
    distance `sum |x_i - x'_i|` has shrunk by its share.
    """
    start = black(image).ravel()
    goal = np.asarray(image, "float64").ravel()
    gone = [0.0] * len(goal)
    far = [abs(goal[i] - start[i]) for i in range(len(goal))]
    result = np.zeros(len(goal))

    def gradient() -> Float64:
        point = [start[i] + gone[i] * (goal[i] - start[i]) for i in range(len(goal))]
        return _gradient_at(network, np.reshape(point, image.shape), index).ravel()

    slope = gradient()
    for step in range(1, STEPS + 1):
        before = list(gone)
        gone = _move(gone, far, [abs(each) for each in slope], step / STEPS)
        after = gradient()
        for i in range(len(goal)):
            result[i] += (gone[i] - before[i]) * (goal[i] - start[i]) * (slope[i] + after[i]) / 2
        slope = after
    return result.reshape(image.shape)


def _move(gone: list[float], far: list[float], slopes: list[float], share: float) -> list[float]:
    """The share of its way that each pixel has gone when the distance has shrunk to `1 - share` of all."""
    least, most = max(share - DEVIATION, 0.0), min(share + DEVIATION, 1.0)
    gone = [max(part, least) for part in gone]
    wanted = (1 - share) * sum(far)
    rank = int(FRACTION * (len(gone) - 1))
    while True:
        excess = sum(far[i] * (1 - gone[i]) for i in range(len(gone))) - wanted
        if excess <= 1e-9 * sum(far):
            return gone
        waiting = [i for i in range(len(gone)) if gone[i] < most and far[i] > 0]
        ordered = sorted(slopes[i] for i in waiting) + [math.inf] * (len(gone) - len(waiting))
        moving = [i for i in waiting if slopes[i] <= ordered[rank] * (1 + 1e-5)]
        room = sum(far[i] * (most - gone[i]) for i in moving)
        for i in moving:
            gone[i] = most if excess >= room else gone[i] + excess / room * (most - gone[i])


STARTS: Mapping[str, Callable[[Image], Float64]] = {
    "blur_integrated_gradients": largest_blur,
    "guided_integrated_gradients": black,
    "integrated_gradients": black,
}
"""Where the path of each complete method begins, by the method's name."""
