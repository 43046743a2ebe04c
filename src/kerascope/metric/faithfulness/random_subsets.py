"""Metrics on random subsets: the removed relevance against the drop of the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalBatch, EvalItem
from kerascope.metric.statistics import finite_mean, pearson
from kerascope.perturb import SegmentMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_inside, check_whole


@dataclass(frozen=True)
class SubsetMetric(Metric):
    """Base class: random cells of a grid are removed, the same for every image and explanation.

    Args:
        samples: number of subsets, at least 2; default 100.
        cells: approximate number of nearly square cells of the image, at least 2; default 81.
        baseline: replacement of a removed cell; default 0.0, in the model's own input units; see
            `kerascope.method.PerturbationMethod`.
        seed: seed of the subsets.
    """

    samples: int = 100
    cells: int = 81
    baseline: BaselineLike = 0.0
    seed: int = 0

    group: ClassVar[str] = "faithfulness"
    quick: ClassVar[Mapping[str, Any] | None] = {"samples": 20}

    def __post_init__(self) -> None:
        check_whole(self.samples, "samples", 2)
        check_whole(self.cells, "cells", 2)
        check_whole(self.seed, "seed", 0)
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One per subset; metrics with the same subsets share them."""
        return self.samples

    def remove(self, item: EvalItem, share: float) -> tuple[Array, Array]:
        """Return the relevance of each subset, and the drop of the score without it, (N, samples) each."""
        batch = item.batch
        key = (self.samples, self.cells, share, self.baseline, self.seed)
        subsets, labels, drops = batch.compute_once(key, lambda: self._score_subsets(batch, share))
        relevance = np.stack(
            [np.bincount(labels, weights=row, minlength=subsets.shape[1]) for row in item.relevance]
        )
        return relevance @ subsets.T, drops

    def _score_subsets(self, batch: EvalBatch, share: float) -> tuple[Array, Array, Array]:
        """Return the subsets, (samples, cells), the cell of each pixel, and the drops, (N, samples)."""
        cells = grid_cells(self.cells, batch.spatial)
        labels = segment_images(cells, batch.host_images.pixels)[0].reshape(len(batch), -1)
        count = int(np.prod(cells))
        size = min(count, max(1, round(share * count)))
        subsets = np.zeros((self.samples, count))
        for index, subset in enumerate(subsets):
            subset[np.random.default_rng([self.seed, index]).permutation(count)[:size]] = 1.0
        scores = batch.scores(
            SegmentMasks(batch.spatial),
            dict.fromkeys(range(len(batch)), 1.0 - subsets),
            self.baseline,
            resident={"labels": labels},
            title=self.title,
        )
        return subsets, labels[0], batch.answer.scores.astype("float64")[:, None] - scores


@dataclass(frozen=True)
class FixedSizeSubsetMetric(SubsetMetric):
    """Base class with subsets of one size.

    Args:
        share: share of the cells in a subset, between 0 and 1; default 0.2, at least one cell.

    Cost:
        1 forward per subset, shared by metrics on the same subsets and by all explanations under comparison.
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_inside(self.share, "share")


@dataclass(frozen=True)
class FaithfulnessCorrelation(FixedSizeSubsetMetric, name="faithfulness_correlation"):
    r"""Faithfulness correlation: the correlation of the removed relevance with the drop of the score.

    $$\mathrm{pearson}_S\Big(\sum_{p \in S} a_p,\; s(x) - s(x_{\setminus S})\Big)$$

    over random subsets $S$ of the cells of a grid.

    Returns:
        values (N,), -1 to 1, higher is better. Invariant to the map's scale. NaN where the score does not
        change.

    Source:
        Bhatt, Weller and Moura, Evaluating and Aggregating Feature-based Model Explanations, IJCAI 2020,
        equation 1. Deviation: cells instead of pixels, since single pixels hardly change a score.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> explanation = ks.InputXGradient()(model, images, target=1)
        >>> ks.metric.FaithfulnessCorrelation()(model, images, explanation).values.round(3).tolist()
        [1.0, 1.0]
    """

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the correlation of each image."""
        return Measurement(pearson(*self.remove(item, self.share)))


@dataclass(frozen=True)
class MuFidelity(FixedSizeSubsetMetric, name="mu_fidelity"):
    r"""Mu-fidelity: the rank correlation of the removed relevance with the drop of the score.

    Like `FaithfulnessCorrelation`, with Spearman's coefficient, which depends only on the order.

    Returns:
        values (N,), -1 to 1, higher is better. Invariant to the map's scale.

    Source:
        Bhatt, Weller and Moura, IJCAI 2020, equation 1, in the form of Fel et al., Xplique (2022): a grid of
        9 x 9 and Spearman's coefficient.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MuFidelity.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the rank correlation of each image."""
        from scipy.stats import rankdata

        return Measurement(pearson(*(rankdata(part, axis=1) for part in self.remove(item, self.share))))


@dataclass(frozen=True)
class Infidelity(FixedSizeSubsetMetric, name="infidelity"):
    r"""Infidelity: the squared difference between the removed relevance and the drop of the score.

    $$\frac1m \sum_S \Big(\sum_{p \in S} a_p - \big(s(x) - s(x_{\setminus S})\big)\Big)^2$$

    Returns:
        values (N,), at least 0, in squared units of the score, lower is better; 0 where the values are the
        contributions of pixels to a linear score. Meant for maps in units of the score, such as those that
        sum to a change of the score; for others use `NormalisedInfidelity`. Most maps have other units, so
        the quick level leaves this metric out.

    Source:
        Yeh et al., On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, definition 2.1, with
        the removal of random cells as perturbation, and values as contributions (their section 2.3:
        attributions multiplied by the perturbation).

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Infidelity.direction
        'lower'
    """

    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    invariant: ClassVar[Invariance | None] = None
    quick: ClassVar[Mapping[str, Any] | None] = None

    def measure(self, item: EvalItem) -> Measurement:
        """Return the mean squared difference."""
        relevance, drops = self.remove(item, self.share)
        return Measurement(((relevance - drops) ** 2).mean(axis=1))


@dataclass(frozen=True)
class NormalisedInfidelity(FixedSizeSubsetMetric, name="normalised_infidelity"):
    r"""Normalised infidelity: the infidelity of the optimally scaled map, relative to the squared drops.

    $$\min_\beta \frac{\sum_S (\beta A_S - D_S)^2}{\sum_S D_S^2}
    = 1 - \frac{(\sum_S A_S D_S)^2}{\sum_S A_S^2 \sum_S D_S^2}$$

    with the relevance $A_S$ of a subset and the drop $D_S$ of the score without it.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale. NaN where the score does not
        change.

    Source:
        Yeh et al., NeurIPS 2019, with the optimal scale of their appendix. Deviations: as in `Infidelity`;
        a negative optimal scale is set to 0, so that an inverted map has the value 1; divided by the mean
        squared drop.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.NormalisedInfidelity.bounds
        (0.0, 1.0)
    """

    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the infidelity at the best nonnegative scale."""
        relevance, drops = self.remove(item, self.share)
        product = np.maximum((relevance * drops).sum(axis=1), 0.0)
        square, total = (relevance**2).sum(axis=1), (drops**2).sum(axis=1)
        explained = product**2 / np.where(square > 0, square, 1.0)
        return Measurement(1.0 - explained / np.where(total > 0, total, np.nan))


@dataclass(frozen=True)
class SensitivityN(SubsetMetric, name="sensitivity_n"):
    r"""Sensitivity-n: the faithfulness correlation, averaged over subsets of several sizes.

    $$\frac{1}{|\mathcal{N}|} \sum_{n \in \mathcal{N}} \mathrm{pearson}_{|S| = n}
    \Big(\sum_{p \in S} a_p,\; s(x) - s(x_{\setminus S})\Big)$$

    Args:
        samples: number of subsets of each size; default 25.
        shares: shares of the cells in the subsets, between 0 and 1 each; default 0.02 to 0.8.

    Returns:
        values (N,), -1 to 1, higher is better; the curve (N, sizes) over the share. Invariant to the map's
        scale.

    Cost:
        1 forward per subset of each size, 150, shared by all explanations under comparison.

    Source:
        Ancona et al., Towards better understanding of gradient-based attribution methods, ICLR 2018,
        definition of sensitivity-n and section 4. Deviations: cells instead of pixels; one number, the mean
        over sizes.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.SensitivityN().forwards
        150
    """

    samples: int = 25
    shares: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)
    quick: ClassVar[Mapping[str, Any] | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(self.shares)

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return self.samples * len(self.shares)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the correlation for each size, and the mean."""
        curves = np.stack([pearson(*self.remove(item, share)) for share in self.shares], axis=1)
        return Measurement(finite_mean(curves), places=np.asarray(self.shares), curves=curves)


def check_shares(shares: Any) -> None:
    """Check that `shares` is a tuple of numbers above 0 and below 1; raise `ParameterError` if not."""
    if not isinstance(shares, tuple) or not shares:
        raise errors.ParameterError(f"shares must be a tuple of shares; got {shares!r}.")
    for share in shares:
        check_inside(share, "shares")
