"""Regions in loops: (H, W), from integrated gradients."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network
from kerascope.testing.oracles.path import black, integrated_from, white

SCALES = (50, 250)
STEPS = 4


def xrai(network: Network, image: NDArray[np.floating], index: int) -> Float64:
    """XRAI over integrated gradients, the mean of those from black and from white, (H, W).

    Kapishnikov et al. 2019, algorithm 1: while the mask does not cover the image, the segment whose pixels
    outside of it have the highest mean attribution is added; the segments are those of Felzenszwalb and
    Huttenlocher at several scales, for which scikit-image is taken as it is.
    """
    from skimage.segmentation import felzenszwalb

    height, width, _ = image.shape
    both = [integrated_from(start, network, image, index, STEPS) for start in (black(image), white(image))]
    attribution = heatmap((both[0] + both[1]) / 2, "sum", (height, width))
    shown = (image.astype("float64") - image.min()) / (float(image.max()) - float(image.min()))
    share = height * width / 224**2
    segments: list[list[tuple[int, int]]] = []
    for scale in SCALES:
        labels = felzenszwalb(
            shown,
            scale=scale * share,
            sigma=0.8 * math.sqrt(share),
            min_size=max(1, round(150 * share)),
            channel_axis=-1,
        )
        segments += [
            [place for place in np.ndindex(height, width) if labels[place] == label]
            for label in range(labels.max() + 1)
        ]
    result = np.zeros((height, width))
    covered = np.zeros((height, width), bool)
    while not covered.all():
        best, added = -math.inf, []
        for segment in segments:
            free = [place for place in segment if not covered[place]]
            gain = sum(attribution[place] for place in free) / len(free) if free else -math.inf
            if gain > best:
                best, added = gain, free
        for place in added:
            covered[place] = True
            result[place] = best
    return result
