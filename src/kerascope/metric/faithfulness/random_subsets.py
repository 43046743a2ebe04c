"""Metrics on random subsets: does the relevance of what is removed say how far the score falls?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import Case, Subject
from kerascope.metric.faithfulness.drop import pearson
from kerascope.perturb import SegmentMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_whole, is_number


@dataclass(frozen=True)
class SubsetMetric(Metric):
    """The family: cells of a grid are removed at random, the same for every image and explanation.

    Args:
        samples: number of subsets, at least 2; default 100.
        cells: about how many cells of similar sides the image is cut into, at least 2; default 81.
        baseline: what stands where a cell is removed; see `kerascope.method.PerturbationMethod`.
        seed: of the subsets.
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
        """One for each subset; metrics with the same subsets share them."""
        return self.samples

    def falls(self, case: Case, share: float) -> tuple[Array, Array]:
        """What each subset holds of the relevance, and how far the score falls without it.

        Returns:
            (N, samples) each.
        """
        subject = case.subject
        key = (self.samples, self.cells, share, self.baseline, self.seed)
        removed, labels, falls = subject.once(key, lambda: self._asked(subject, share))
        sums = np.stack(
            [np.bincount(labels, weights=row, minlength=removed.shape[1]) for row in case.flattened]
        )
        return sums @ removed.T, falls

    def _asked(self, subject: Subject, share: float) -> tuple[Array, Array, Array]:
        """The subsets, (samples, cells), the cell of each pixel, and how far scores fall, (N, samples)."""
        cells = grid_cells(self.cells, subject.spatial)
        labels = segment_images(cells, subject.pictures.pixels)[0].reshape(len(subject), -1)
        count = int(np.prod(cells))
        size = min(count, max(1, round(share * count)))
        removed = np.zeros((self.samples, count))
        for number, row in enumerate(removed):
            row[np.random.default_rng([self.seed, number]).permutation(count)[:size]] = 1.0
        scores = subject.scores(
            SegmentMasks(subject.spatial),
            dict.fromkeys(range(len(subject)), 1.0 - removed),
            self.baseline,
            resident={"labels": labels},
            title=self.title,
        )
        return removed, labels[0], subject.first.scores.astype("float64")[:, None] - scores


@dataclass(frozen=True)
class OneSize(SubsetMetric):
    """The family with subsets of one size.

    Args:
        share: of the cells that a subset removes, between 0 and 1; default 0.2, at least one cell.
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share(self.share, "share")


@dataclass(frozen=True)
class FaithfulnessCorrelation(OneSize, name="faithfulness_correlation"):
    r"""Faithfulness correlation: of the relevance of what is removed with the fall of the score.

    $$\mathrm{pearson}_S\Big(\sum_{p \in S} a_p,\; s(x) - s(x_{\setminus S})\Big)$$

    over random subsets $S$ of the cells of a grid.

    Args:
        samples: number of subsets; default 100.
        cells: of the grid, about; default 81.
        share: of the cells that a subset removes; default 0.2.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.
        seed: of the subsets.

    Returns:
        values (N,), -1 to 1, higher is better. Invariant to the map's scale. NaN where the score does not
        change.

    Cost:
        1 forward for each subset, which metrics on the same subsets, and all explanations that are compared,
        share.

    Source:
        Bhatt, Weller and Moura, Evaluating and Aggregating Feature-based Model Explanations, IJCAI 2020,
        equation 1. Deviation: cells instead of pixels, which single changes of hardly move a score.

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

    def measure(self, case: Case) -> Measurement:
        """The correlation of each image."""
        return Measurement(pearson(*self.falls(case, self.share)))


@dataclass(frozen=True)
class MuFidelity(OneSize, name="mu_fidelity"):
    r"""Mu-fidelity: the rank correlation of the relevance of what is removed with the fall of the score.

    As `FaithfulnessCorrelation`, by Spearman's coefficient, so that the order alone counts.

    Args:
        samples: number of subsets; default 100.
        cells: of the grid, about; default 81, 9 x 9 of a square.
        share: of the cells that a subset removes; default 0.2.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.
        seed: of the subsets.

    Returns:
        values (N,), -1 to 1, higher is better. Invariant to the map's scale.

    Cost:
        1 forward for each subset, shared: see `FaithfulnessCorrelation`.

    Source:
        Bhatt, Weller and Moura, IJCAI 2020, equation 1, in the form that Fel et al., Xplique (2022), gave it:
        a grid of 9 x 9 and Spearman's coefficient.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MuFidelity.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def measure(self, case: Case) -> Measurement:
        """The rank correlation of each image."""
        from scipy.stats import rankdata

        return Measurement(pearson(*(rankdata(part, axis=1) for part in self.falls(case, self.share))))


@dataclass(frozen=True)
class Infidelity(OneSize, name="infidelity"):
    r"""Infidelity: by how much the relevance of what is removed misses the fall of the score.

    $$\frac1m \sum_S \Big(\sum_{p \in S} a_p - \big(s(x) - s(x_{\setminus S})\big)\Big)^2$$

    Args:
        samples: number of subsets; default 100.
        cells: of the grid, about; default 81.
        share: of the cells that a subset removes; default 0.2.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.
        seed: of the subsets.

    Returns:
        values (N,), at least 0, in squared units of the score, lower is better; 0 where values are what each
        pixel contributes to a linear score. For maps that have these units, as those whose values sum to a
        change of the score; of others take `NormalisedInfidelity`. Most maps have others, so the quick level
        leaves this metric out.

    Cost:
        1 forward for each subset, shared: see `FaithfulnessCorrelation`.

    Source:
        Yeh et al., On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, definition 2.1, with
        the removal of random cells as perturbation, and values as contributions (their section 2.3: an
        attribution that is multiplied by what is removed).

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Infidelity.direction
        'lower'
    """

    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    invariant: ClassVar[Invariance | None] = None
    quick: ClassVar[Mapping[str, Any] | None] = None

    def measure(self, case: Case) -> Measurement:
        """The mean square of what is missed."""
        relevance, falls = self.falls(case, self.share)
        return Measurement(((relevance - falls) ** 2).mean(axis=1))


@dataclass(frozen=True)
class NormalisedInfidelity(OneSize, name="normalised_infidelity"):
    r"""Normalised infidelity: the infidelity of the map in its best scale, as a share of what can be missed.

    $$\min_\beta \frac{\sum_S (\beta A_S - D_S)^2}{\sum_S D_S^2}
    = 1 - \frac{(\sum_S A_S D_S)^2}{\sum_S A_S^2 \sum_S D_S^2}$$

    with the relevance $A_S$ of a subset and the fall $D_S$ of the score without it.

    Args:
        samples: number of subsets; default 100.
        cells: of the grid, about; default 81.
        share: of the cells that a subset removes; default 0.2.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.
        seed: of the subsets.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale. NaN where the score does not
        change.

    Cost:
        1 forward for each subset, shared: see `FaithfulnessCorrelation`.

    Source:
        Yeh et al., NeurIPS 2019, with the best scale of their appendix. Deviations: those of `Infidelity`;
        the scale may be negative in theory, and is then set to 0, so that an inverted map has the value 1;
        divided by the mean square of the fall.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.NormalisedInfidelity.bounds
        (0.0, 1.0)
    """

    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def measure(self, case: Case) -> Measurement:
        """What is missed in the best scale that is not negative."""
        relevance, falls = self.falls(case, self.share)
        product = np.maximum((relevance * falls).sum(axis=1), 0.0)
        own, all_ = (relevance**2).sum(axis=1), (falls**2).sum(axis=1)
        explained = product**2 / np.where(own > 0, own, 1.0)
        return Measurement(1.0 - explained / np.where(all_ > 0, all_, np.nan))


@dataclass(frozen=True)
class SensitivityN(SubsetMetric, name="sensitivity_n"):
    r"""Sensitivity-n: the faithfulness correlation, averaged over subsets of several sizes.

    $$\frac{1}{|\mathcal{N}|} \sum_{n \in \mathcal{N}} \mathrm{pearson}_{|S| = n}
    \Big(\sum_{p \in S} a_p,\; s(x) - s(x_{\setminus S})\Big)$$

    Args:
        samples: number of subsets of each size; default 25.
        cells: of the grid, about; default 81.
        shares: of the cells that subsets remove, between 0 and 1 each; default 0.02 to 0.8.
        baseline: what stands where a cell is removed; default 0.0, in the model's own input units.
        seed: of the subsets.

    Returns:
        values (N,), -1 to 1, higher is better; the curve (N, sizes) over the share. Invariant to the map's
        scale.

    Cost:
        1 forward for each subset of each size: 150; all explanations that are compared share them.

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
        if not isinstance(self.shares, tuple) or not self.shares:
            raise errors.ParameterError(f"shares must be a tuple of shares; got {self.shares!r}.")
        for share in self.shares:
            check_share(share, "shares")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return self.samples * len(self.shares)

    def measure(self, case: Case) -> Measurement:
        """The correlation for each size, and the mean."""
        curves = np.stack([pearson(*self.falls(case, share)) for share in self.shares], axis=1)
        known = np.isfinite(curves)
        total = np.where(known, curves, 0.0).sum(axis=1)
        count = known.sum(axis=1)
        values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return Measurement(values, places=np.asarray(self.shares), curves=curves)


def check_share(share: Any, name: str) -> None:
    """Check a share of what can be removed.

    Args:
        share: of the parameter, or one of several.
        name: of the parameter.

    Raises:
        ParameterError: it is no number between 0 and 1.
    """
    if not (is_number(share) and 0 < share < 1):
        raise errors.ParameterError(f"{name} must lie between 0 and 1; got {share!r}.")
