"""Axioms: completeness and non-sensitivity of an attribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalBatch, EvalItem
from kerascope.perturb import SegmentMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_inside, check_whole


@dataclass(frozen=True)
class CompletenessGap(Metric, name="completeness_gap"):
    r"""Completeness gap: the difference between the sum of the values and the change of the score.

    $$\frac{\big|\sum_i a_i - (s(x) - s(x'))\big|}{|s(x) - s(x')|}$$

    with the baseline $x'$. For a method that reports its own gap, with its own baseline, that gap is used.

    Args:
        baseline: baseline of methods that do not report their gap; see `kerascope.method.PerturbationMethod`;
            default 0.0, in the model's own input units.

    Returns:
        values (N,), at least 0, lower is better. Not invariant to the map's scale. NaN for maps of a
        layer and for unsigned maps, which have no such sum, and where the score does not change.

    Cost:
        None if the method reports its gap; else 1 forward.

    Source:
        Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017, proposition 1.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 4, 4, 1))
        >>> explanation = ks.InputXGradient()(model, images, target=1)
        >>> ks.metric.CompletenessGap()(model, images, explanation).values.round(4).tolist()
        [0.0, 0.0]
    """

    baseline: BaselineLike = 0.0

    group: ClassVar[str] = "axioms"
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    invariant: ClassVar[Invariance | None] = None
    forwards: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    def measure(self, item: EvalItem) -> Measurement:
        """Return the gap of each image."""
        batch, explanation = item.batch, item.explanation
        if explanation.completeness_gap is not None:
            return Measurement(np.abs(explanation.completeness_gap.astype("float64")))
        if explanation.layer is not None or not explanation.signed or explanation.reduction == "max_abs":
            return Measurement(np.full(len(batch), np.nan))
        base = batch.compute_once(("score of", self.baseline), lambda: self._score_baseline(batch))
        change = batch.answer.scores.astype("float64") - base
        total = explanation.values.reshape(len(batch), -1).astype("float64").sum(axis=1)
        return Measurement(np.abs(total - change) / np.where(change != 0, np.abs(change), np.nan))

    def _score_baseline(self, batch: EvalBatch) -> Array:
        scores = batch.run_variants(None, 1, lambda _: batch.baseline(self.baseline))
        return np.asarray(next(scores), "float64")


@dataclass(frozen=True)
class NonSensitivity(Metric, name="non_sensitivity"):
    r"""Non-sensitivity: the share of cells with relevance but no influence, or influence but no relevance.

    $$\frac{1}{|\mathcal{C}|} \Big|\{c : |A_c| < \epsilon \max_d |A_d|\} \mathbin{\triangle}
    \{c : |D_c| < \epsilon \max_d |D_d|\}\Big|$$

    with the relevance $A_c$ of a cell of a grid, and the drop $D_c$ of the score when it is removed.

    Args:
        cells: approximate number of grid cells, at least 2; default 49.
        epsilon: threshold of zero, as a share of the largest value, between 0 and 1; default 0.01.
        baseline: replacement of a removed cell; default 0.0, in the model's own input units.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale.

    Cost:
        1 forward per cell, 49, shared by all explanations under comparison.

    Source:
        Nguyen and Martinez, On Quantitative Aspects of Model Interpretability, 2020, section 2.4. Deviations:
        cells instead of pixels; a share instead of a number; thresholds relative to the largest.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.NonSensitivity().forwards
        49
    """

    cells: int = 49
    epsilon: float = 0.01
    baseline: BaselineLike = 0.0

    group: ClassVar[str] = "axioms"
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_whole(self.cells, "cells", 2)
        check_inside(self.epsilon, "epsilon")
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """About one per cell."""
        return self.cells

    def measure(self, item: EvalItem) -> Measurement:
        """Return the share of cells on which relevance and influence disagree."""
        batch = item.batch
        key = ("one cell", self.cells, self.baseline)
        labels, drops = batch.compute_once(key, lambda: self._remove_cells(batch))
        relevance = np.stack([np.bincount(labels, weights=row) for row in item.relevance])
        return Measurement((self._is_zero(relevance) != self._is_zero(drops)).mean(axis=1))

    def _is_zero(self, values: Array) -> Array:
        sizes = np.abs(values)
        return np.asarray(sizes <= self.epsilon * sizes.max(axis=1, keepdims=True))

    def _remove_cells(self, batch: EvalBatch) -> tuple[Array, Array]:
        """Return the cell of each pixel, and the drop of the score without each cell, (N, cells)."""
        cells = grid_cells(self.cells, batch.spatial)
        labels = segment_images(cells, batch.host_images.pixels)[0].reshape(len(batch), -1)
        scores = batch.scores(
            SegmentMasks(batch.spatial),
            dict.fromkeys(range(len(batch)), 1.0 - np.eye(int(np.prod(cells)))),
            self.baseline,
            resident={"labels": labels},
            title=self.title,
        )
        return labels[0], batch.answer.scores.astype("float64")[:, None] - scores
