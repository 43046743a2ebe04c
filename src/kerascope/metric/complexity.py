"""Complexity: how much of the image a map points at. Neither much nor little is right or wrong by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Measurement, Metric
from kerascope.metric.context import Case
from kerascope.typing import Array


@dataclass(frozen=True)
class MapComplexity(Metric):
    """The family: a number about the sizes of a map's values, without a direction."""

    group: ClassVar[str] = "complexity"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    quick: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def told(self, sizes: Array) -> Array:
        """From the absolute values of each map, (N, P), none of them all zero."""

    def measure(self, case: Case) -> Measurement:
        """Of maps that are not zero everywhere."""
        sizes = np.abs(case.flattened)
        some = sizes.max(axis=1) > 0
        values = np.full(len(sizes), np.nan)
        values[some] = self.told(sizes[some])
        return Measurement(values)


@dataclass(frozen=True)
class Sparseness(MapComplexity, name="sparseness"):
    r"""Sparseness: the Gini coefficient of the sizes of a map's values.

    $$1 - 2 \sum_{k=1}^{P} \frac{|a|_{(k)}}{\sum_p |a_p|} \cdot \frac{P - k + \frac12}{P}$$

    with the sizes in ascending order.

    Returns:
        values (N,), 0 for a map whose values all have the same size, towards 1 for a single pixel. Invariant
        to the map's scale.

    Cost:
        None.

    Source:
        Chalasani et al., Concise Explanations of Neural Networks using Adversarial Training, ICML 2020,
        section 2, after Hurley and Rickard, Comparing Measures of Sparsity, 2009.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Sparseness.bounds
        (0.0, 1.0)
    """

    def told(self, sizes: Array) -> Array:
        """The coefficient of each row."""
        count = sizes.shape[1]
        share = np.sort(sizes, axis=1) / sizes.sum(axis=1, keepdims=True)
        return np.asarray(1 - 2 * (share * (count - np.arange(1, count + 1) + 0.5)).sum(axis=1) / count)


@dataclass(frozen=True)
class Complexity(MapComplexity, name="complexity"):
    r"""Complexity: the entropy of the shares that pixels have of a map, as a share of the largest possible.

    $$-\frac{1}{\ln P} \sum_p q_p \ln q_p, \qquad q_p = \frac{|a_p|}{\sum_q |a_q|}$$

    Returns:
        values (N,), 0 for a single pixel, 1 where all pixels share alike. Invariant to the map's scale.

    Cost:
        None.

    Source:
        Bhatt, Weller and Moura, Evaluating and Aggregating Feature-based Model Explanations, IJCAI 2020,
        definition 4. Deviation: divided by its largest value, so that images of all sizes compare.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Complexity.group
        'complexity'
    """

    def told(self, sizes: Array) -> Array:
        """The entropy of each row."""
        share = sizes / sizes.sum(axis=1, keepdims=True)
        logs = np.log(np.where(share > 0, share, 1.0))
        return np.asarray(-(share * logs).sum(axis=1) / np.log(max(2, sizes.shape[1])))


@dataclass(frozen=True)
class MeanAttribution(MapComplexity, name="mean_attribution"):
    r"""Mean attribution: the mean size of a map's values, as a share of the largest.

    $$\frac{1}{P} \sum_p \frac{|a_p|}{\max_q |a_q|}$$

    Returns:
        values (N,), 0 to 1; how much of the image is lit. Invariant to the map's scale.

    Cost:
        None.

    Source:
        Poppi et al., Revisiting The Evaluation of Class Activation Mapping for Explainability, CVPRW 2021,
        equation 7, where it is called complexity.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MeanAttribution.bounds
        (0.0, 1.0)
    """

    def told(self, sizes: Array) -> Array:
        """The mean of each row."""
        return np.asarray((sizes / sizes.max(axis=1, keepdims=True)).mean(axis=1))
