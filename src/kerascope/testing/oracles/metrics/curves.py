"""Metrics that remove pixels or regions in the order of relevance, in loops."""

from __future__ import annotations

import itertools

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample, Pixel
from kerascope.testing.oracles.network import Float64


def area(values: list[float]) -> float:
    """Under a curve over equal steps from 0 to 1, by the trapezoid rule."""
    return sum((left + right) / 2 / (len(values) - 1) for left, right in itertools.pairwise(values))


def deletion(sample: MetricSample) -> float:
    """Pixel by pixel to zero; Petsiuk et al. 2018, section 4.3."""
    order = sample.descending()
    black = np.zeros_like(sample.image)
    return area([sample.probability(sample.without(order[:k], black)) for k in range(len(order) + 1)])


def insertion(sample: MetricSample) -> float:
    """Pixel by pixel into the blurred image."""
    from scipy.ndimage import gaussian_filter

    sigma = 0.1 * max(sample.relevance.shape)
    blurred = gaussian_filter(sample.image, (sigma, sigma, 0), mode="reflect")
    order = sample.descending()
    return area([sample.probability(sample.without(order[k:], blurred)) for k in range(len(order) + 1)])


def regions_first_to_last(sample: MetricSample, regions: list[list[Pixel]]) -> list[list[Pixel]]:
    """Regions by their mean relevance, the most relevant first."""
    return sorted(regions, key=lambda region: -sum(sample.relevance[pixel] for pixel in region) / len(region))


def scores_as_they_go(regions: list[list[Pixel]], image: Float64, base: Float64) -> list[Float64]:
    """The image, without its first region, without its first two, ..."""
    found = [image.copy()]
    for region in regions:
        changed = found[-1].copy()
        for pixel in region:
            changed[pixel] = base[pixel]
        found.append(changed)
    return found


def irof(sample: MetricSample) -> float:
    """Segments of SLIC to the mean colour; Rieger and Hansen 2020, equation 2."""
    from skimage.segmentation import slic

    low, high = sample.image.min(), sample.image.max()
    labels = slic(
        (sample.image - low) / (high - low),
        n_segments=12,
        compactness=10.0,
        start_label=0,
        channel_axis=-1,
        convert2lab=sample.image.shape[-1] == 3,
    )
    regions = [[pixel for pixel in sample.pixels() if labels[pixel] == label] for label in np.unique(labels)]
    mean = np.broadcast_to(sample.image.mean(axis=(0, 1)), sample.image.shape)
    changed = scores_as_they_go(regions_first_to_last(sample, regions), sample.image, mean)
    falls = [1 - sample.probability(image) / sample.probability(sample.image) for image in changed]
    return sum(falls) / len(falls)


def region_perturbation(sample: MetricSample) -> float:
    """Twelve cells of two by two pixels to noise; Samek et al. 2017, equation 12."""
    noise = np.random.default_rng([0, 0]).random(sample.image.shape)
    base = sample.image.min() + noise * (sample.image.max() - sample.image.min())
    regions = regions_first_to_last(sample, list(sample.cells(3, 4)))
    changed = scores_as_they_go(regions[:8], sample.image, base)
    falls = [sample.score(sample.image) - sample.score(image) for image in changed]
    return sum(falls) / len(falls)
