"""Complexity: how concentrated a map is. Neither extreme is right or wrong by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.typing import Array


@dataclass(frozen=True)
class MapComplexity(Metric):
    """Base class: a statistic of the magnitudes of a map, without a direction.

    Cost:
        None.
    """

    group: ClassVar[str] = "complexity"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    quick: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def compute(self, magnitudes: Array) -> Array:
        """Return the value of each map from its absolute values, (N, P), of which no row is all zero."""

    def measure(self, item: EvalItem) -> Measurement:
        """Return the value of every map that is not zero everywhere."""
        magnitudes = np.abs(item.relevance)
        nonzero = magnitudes.max(axis=1) > 0
        values = np.full(len(magnitudes), np.nan)
        values[nonzero] = self.compute(magnitudes[nonzero])
        return Measurement(values)


@dataclass(frozen=True)
class Sparseness(MapComplexity, name="sparseness"):
    r"""Sparseness: the Gini coefficient of the magnitudes of a map.

    $$1 - 2 \sum_{k=1}^{P} \frac{|a|_{(k)}}{\sum_p |a_p|} \cdot \frac{P - k + \frac12}{P}$$

    with the magnitudes in ascending order.

    Returns:
        values (N,), 0 for a map whose magnitudes are all equal, towards 1 for a single pixel. Invariant
        to the map's scale.

    Source:
        Chalasani et al., Concise Explanations of Neural Networks using Adversarial Training, ICML 2020,
        section 2, after Hurley and Rickard, Comparing Measures of Sparsity, 2009.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Sparseness.bounds
        (0.0, 1.0)
    """

    def compute(self, magnitudes: Array) -> Array:
        """Return the Gini coefficient of each row."""
        count = magnitudes.shape[1]
        share = np.sort(magnitudes, axis=1) / magnitudes.sum(axis=1, keepdims=True)
        return np.asarray(1 - 2 * (share * (count - np.arange(1, count + 1) + 0.5)).sum(axis=1) / count)


@dataclass(frozen=True)
class Complexity(MapComplexity, name="complexity"):
    r"""Complexity: the entropy of the relevance distribution over pixels, divided by its maximum.

    $$-\frac{1}{\ln P} \sum_p q_p \ln q_p, \qquad q_p = \frac{|a_p|}{\sum_q |a_q|}$$

    Returns:
        values (N,), 0 for a single pixel, 1 for equal magnitudes. Invariant to the map's scale.

    Source:
        Bhatt, Weller and Moura, Evaluating and Aggregating Feature-based Model Explanations, IJCAI 2020,
        definition 4. Deviation: divided by its maximum, so that images of all sizes are comparable.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Complexity.group
        'complexity'
    """

    def compute(self, magnitudes: Array) -> Array:
        """Return the normalised entropy of each row."""
        share = magnitudes / magnitudes.sum(axis=1, keepdims=True)
        logs = np.log(np.where(share > 0, share, 1.0))
        return np.asarray(-(share * logs).sum(axis=1) / np.log(max(2, magnitudes.shape[1])))


@dataclass(frozen=True)
class MeanAttribution(MapComplexity, name="mean_attribution"):
    r"""Mean attribution: the mean magnitude of a map, divided by the largest magnitude.

    $$\frac{1}{P} \sum_p \frac{|a_p|}{\max_q |a_q|}$$

    Returns:
        values (N,), 0 to 1. Invariant to the map's scale.

    Source:
        Poppi et al., Revisiting The Evaluation of Class Activation Mapping for Explainability, CVPRW 2021,
        equation 7, where it is called complexity.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MeanAttribution.bounds
        (0.0, 1.0)
    """

    def compute(self, magnitudes: Array) -> Array:
        """Return the mean of each row, divided by its maximum."""
        return np.asarray((magnitudes / magnitudes.max(axis=1, keepdims=True)).mean(axis=1))
