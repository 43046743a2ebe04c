"""Average drop, increase, gain and ADCC: the probability of the image masked by its map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.metric.statistics import pearson
from kerascope.typing import Array


def mask_images(item: EvalItem) -> Array:
    """Return the images multiplied by their unit maps, x * a, (N, *spatial, C)."""
    return item.batch.host_images.pixels * item.unit_maps[..., None]


def compute_probabilities(item: EvalItem) -> tuple[Array, Array]:
    """Return the probability of the image and of the masked image, (N,) each; 1 forward, cached."""

    def run() -> Array:
        (scores,) = item.batch.run_variants(None, 1, lambda _: mask_images(item), probability=True)
        return np.asarray(scores, "float64")

    return item.batch.probability.scores.astype("float64"), item.compute_once("masked", run)


def relative_drop(before: Array, after: Array) -> Array:
    """Return the drop of the probability as a share of the probability."""
    return np.asarray(np.maximum(before - after, 0) / np.where(before > 0, before, 1))


@dataclass(frozen=True)
class MaskedImageMetric(Metric):
    """Base class: the image multiplied by its positive relevance, scaled to 0 to 1.

    Cost:
        1 forward, shared by the metrics of this family.
    """

    group: ClassVar[str] = "faithfulness"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    forwards: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class AverageDrop(MaskedImageMetric, name="average_drop"):
    r"""Average drop: the relative drop of the probability when the image is multiplied by its map.

    $$\frac{\max(0,\; p(x) - p(x \odot a))}{p(x)}$$

    with the map $a$: the positive relevance of each image, scaled to 0 to 1.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale. A map of ones has no
        drop: read it together with `mean_attribution`, or use `ADCC`.

    Source:
        Chattopadhyay et al., Grad-CAM++, WACV 2018, section 5.1. Deviation: a share, not a percentage.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.AverageDrop().forwards
        1
    """

    direction: ClassVar[Direction] = "lower"

    def measure(self, item: EvalItem) -> Measurement:
        """Return the relative drop."""
        return Measurement(relative_drop(*compute_probabilities(item)))


@dataclass(frozen=True)
class Increase(MaskedImageMetric, name="increase"):
    r"""Increase in confidence: whether the probability rises when the image is multiplied by its map.

    $$\mathbb{1}[p(x \odot a) > p(x)]$$

    Returns:
        values (N,), 0 or 1, higher is better. Invariant to the map's scale.

    Source:
        Chattopadhyay et al., Grad-CAM++, WACV 2018, section 5.1.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Increase.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"

    def measure(self, item: EvalItem) -> Measurement:
        """Return 1 where the probability rises, else 0."""
        before, after = compute_probabilities(item)
        return Measurement((after > before).astype("float64"))


@dataclass(frozen=True)
class Gain(MaskedImageMetric, name="gain"):
    r"""Average gain: the rise of the probability, relative to its distance from 1.

    $$\frac{\max(0,\; p(x \odot a) - p(x))}{1 - p(x)}$$

    Returns:
        values (N,), 0 to 1, higher is better; 0 where the probability is 1 already. Invariant to the map's
        scale.

    Source:
        Zhang et al., Opti-CAM, CVIU 2024, section 4.1, where it mirrors the average drop.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Gain.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"

    def measure(self, item: EvalItem) -> Measurement:
        """Return the relative rise."""
        before, after = compute_probabilities(item)
        room = 1.0 - before
        rise = np.maximum(after - before, 0) / np.where(room > 0, room, 1)
        return Measurement(np.where(room > 0, rise, 0.0))


@dataclass(frozen=True)
class ADCC(MaskedImageMetric, name="adcc"):
    r"""ADCC: the harmonic mean of coherency, sparseness and the preserved share of the probability.

    $$\frac{3}{1/\mathrm{coherency} + 1/(1 - \overline{|a|}) + 1/(1 - \mathrm{drop})}, \qquad
    \mathrm{coherency} = \tfrac12\big(\mathrm{pearson}(\Phi(x), \Phi(x \odot a)) + 1\big)$$

    with the map $\Phi(x)$, its positive relevance scaled to 0 to 1, $a$, and the average drop. Neither a map
    of ones nor a map of zeros scores well.

    Returns:
        values (N,), 0 to 1, higher is better; 0 where one of the three is 0. Invariant to the map's scale.
        NaN where the map of the masked image is constant.

    Cost:
        1 explanation of the masked image, and the forward of `AverageDrop`.

    Source:
        Poppi et al., Revisiting The Evaluation of Class Activation Mapping for Explainability, CVPRW 2021,
        equations 5 to 8.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ADCC().explanations
        1
    """

    direction: ClassVar[Direction] = "higher"
    needs: ClassVar[frozenset[str]] = frozenset({"method"})
    explanations: ClassVar[int] = 1

    def measure(self, item: EvalItem) -> Measurement:
        """Return the harmonic mean."""
        (maps,) = item.batch.run_variants(item.method, 1, lambda _: mask_images(item))
        coherency = (pearson(item.relevance, maps.reshape(len(maps), -1)) + 1) / 2
        density = item.unit_maps.reshape(len(maps), -1).mean(axis=1)
        parts = np.stack([coherency, 1 - density, 1 - relative_drop(*compute_probabilities(item))])
        least = parts.min(axis=0)
        mean = 3 / (1 / np.where(parts > 0, parts, 1)).sum(axis=0)
        return Measurement(np.where(least > 0, mean, least * 0.0))
