"""Axioms: what an attribution promises, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import Case, Subject
from kerascope.metric.faithfulness.random_subsets import check_share
from kerascope.perturb import SegmentMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class CompletenessGap(Metric, name="completeness_gap"):
    r"""Completeness gap: by how much the values miss the change of the score that they should sum to.

    $$\frac{\big|\sum_i a_i - (s(x) - s(x'))\big|}{|s(x) - s(x')|}$$

    with the baseline $x'$. Of a method that states its own gap, against its own baseline, that one is taken.

    Args:
        baseline: of methods that do not state their gap; see `kerascope.method.PerturbationMethod`; default
            0.0, in the model's own input units.

    Returns:
        values (N,), at least 0, lower is better. Not invariant to scale: the sum is what is looked at. NaN
        for maps of a layer and for maps without signs, which promise no sum, and where the score does not
        change.

    Cost:
        None where the method states its gap; else 1 forward.

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

    def measure(self, case: Case) -> Measurement:
        """The gap of each image."""
        subject, explanation = case.subject, case.explanation
        if explanation.completeness_gap is not None:
            return Measurement(np.abs(explanation.completeness_gap.astype("float64")))
        if explanation.layer is not None or not explanation.signed or explanation.reduction == "max_abs":
            return Measurement(np.full(len(subject), np.nan))
        base = subject.once(("score of", self.baseline), lambda: self._scored(subject))
        change = subject.first.scores.astype("float64") - base
        total = explanation.values.reshape(len(subject), -1).astype("float64").sum(axis=1)
        return Measurement(np.abs(total - change) / np.where(change != 0, np.abs(change), np.nan))

    def _scored(self, subject: Subject) -> Array:
        found = subject.variants(None, 1, lambda _: subject.baseline(self.baseline))
        return np.asarray(next(values for _, values in found), "float64")


@dataclass(frozen=True)
class NonSensitivity(Metric, name="non_sensitivity"):
    r"""Non-sensitivity: the share of cells on which "no relevance" and "no influence" disagree.

    $$\frac{1}{|\mathcal{C}|} \Big|\{c : |A_c| < \epsilon \max_d |A_d|\} \mathbin{\triangle}
    \{c : |D_c| < \epsilon \max_d |D_d|\}\Big|$$

    with the relevance $A_c$ of a cell of a grid, and the fall $D_c$ of the score when it is removed.

    Args:
        cells: of the grid, about, at least 2; default 49.
        epsilon: what counts as none, as a share of the largest, between 0 and 1; default 0.01.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale.

    Cost:
        1 forward for each cell, 49; all explanations that are compared share them.

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
        check_share(self.epsilon, "epsilon")
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """About one for each cell."""
        return self.cells

    def measure(self, case: Case) -> Measurement:
        """The share of cells that disagree."""
        subject = case.subject
        labels, falls = subject.once(("one cell", self.cells, self.baseline), lambda: self._asked(subject))
        relevance = np.stack([np.bincount(labels, weights=row) for row in case.flattened])
        return Measurement((self._none(relevance) != self._none(falls)).mean(axis=1))

    def _none(self, values: Array) -> Array:
        sizes = np.abs(values)
        return np.asarray(sizes <= self.epsilon * sizes.max(axis=1, keepdims=True))

    def _asked(self, subject: Subject) -> tuple[Array, Array]:
        """The cell of each pixel, and how far scores fall without each, (N, cells)."""
        cells = grid_cells(self.cells, subject.spatial)
        labels = segment_images(cells, subject.pictures.pixels)[0].reshape(len(subject), -1)
        scores = subject.scores(
            SegmentMasks(subject.spatial),
            dict.fromkeys(range(len(subject)), 1.0 - np.eye(int(np.prod(cells)))),
            self.baseline,
            resident={"labels": labels},
            title=self.title,
        )
        return labels[0], subject.first.scores.astype("float64")[:, None] - scores
