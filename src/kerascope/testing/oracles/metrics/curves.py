"""Metrics that remove pixels or regions in the order of relevance, in loops."""

from __future__ import annotations

import itertools

import numpy as np

from kerascope.testing.oracles.metrics.seen import Float64, Place, Seen


def area(values: list[float]) -> float:
    """Under a curve over equal steps from 0 to 1, by the trapezoid rule."""
    return sum((one + other) / 2 / (len(values) - 1) for one, other in itertools.pairwise(values))


def deletion(seen: Seen) -> float:
    """Pixel by pixel to zero; Petsiuk et al. 2018, section 4.3."""
    order = seen.descending()
    black = np.zeros_like(seen.image)
    return area([seen.probability(seen.without(order[:k], black)) for k in range(len(order) + 1)])


def insertion(seen: Seen) -> float:
    """Pixel by pixel into the blurred image."""
    from scipy.ndimage import gaussian_filter

    sigma = 0.1 * max(seen.relevance.shape)
    blurred = gaussian_filter(seen.image, (sigma, sigma, 0), mode="reflect")
    order = seen.descending()
    return area([seen.probability(seen.without(order[k:], blurred)) for k in range(len(order) + 1)])


def regions_first_to_last(seen: Seen, regions: list[list[Place]]) -> list[list[Place]]:
    """Regions by their mean relevance, the most relevant first."""
    return sorted(regions, key=lambda region: -sum(seen.relevance[place] for place in region) / len(region))


def scores_as_they_go(regions: list[list[Place]], image: Float64, base: Float64) -> list[Float64]:
    """The image, without its first region, without its first two, ..."""
    found = [image.copy()]
    for region in regions:
        changed = found[-1].copy()
        for place in region:
            changed[place] = base[place]
        found.append(changed)
    return found


def irof(seen: Seen) -> float:
    """Segments of SLIC to the mean colour; Rieger and Hansen 2020, equation 2."""
    from skimage.segmentation import slic

    low, high = seen.image.min(), seen.image.max()
    labels = slic(
        (seen.image - low) / (high - low),
        n_segments=12,
        compactness=10.0,
        start_label=0,
        channel_axis=-1,
        convert2lab=seen.image.shape[-1] == 3,
    )
    regions = [[place for place in seen.places() if labels[place] == one] for one in np.unique(labels)]
    mean = np.broadcast_to(seen.image.mean(axis=(0, 1)), seen.image.shape)
    changed = scores_as_they_go(regions_first_to_last(seen, regions), seen.image, mean)
    falls = [1 - seen.probability(image) / seen.probability(seen.image) for image in changed]
    return sum(falls) / len(falls)


def region_perturbation(seen: Seen) -> float:
    """Twelve cells of two by two pixels to noise; Samek et al. 2017, equation 12."""
    noise = np.random.default_rng([0, 0]).random(seen.image.shape)
    base = seen.image.min() + noise * (seen.image.max() - seen.image.min())
    regions = regions_first_to_last(seen, list(seen.cells(3, 4)))
    changed = scores_as_they_go(regions[:8], seen.image, base)
    falls = [seen.score(seen.image) - seen.score(image) for image in changed]
    return sum(falls) / len(falls)
