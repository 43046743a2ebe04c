"""Focus in loops, mosaics made again."""

from __future__ import annotations

import numpy as np

from kerascope.testing.oracles.metrics.sample import MetricSample


def focus(sample: MetricSample) -> float:
    """The share on the tile; Arias-Duart et al. 2022, equation 1, on mosaics as kerascope draws them.

    Sides are even here, so that a pixel of a tile is the mean of two by two.
    """
    height, width, _ = sample.image.shape
    generator = np.random.default_rng([0, sample.index])
    classes = sorted(set(sample.labels) - {sample.label})
    others = [classes[index] for index in generator.permutation(len(classes))[:3]]
    shown = [sample.index]
    for other in others:
        having = [index for index, label in enumerate(sample.labels) if label == other]
        shown.append(int(generator.choice(having)))
    order = generator.permutation(4)
    mosaic = np.zeros_like(sample.image)
    tile = np.zeros((height, width), bool)
    corners = [(0, 0), (0, width // 2), (height // 2, 0), (height // 2, width // 2)]
    for (top, left), which in zip(corners, order, strict=True):
        picture = sample.images[shown[which]]
        for row in range(height // 2):
            for column in range(width // 2):
                four = picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
                mosaic[top + row, left + column] = four.mean(axis=(0, 1))
                tile[top + row, left + column] = which == 0
    relevance = np.maximum(sample.saliency(mosaic), 0)
    return float(relevance[tile].sum() / relevance.sum())
