"""Region by region, the most relevant first: IROF on segments, region perturbation on a grid."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import Case, Subject
from kerascope.metric.ranking import ranks
from kerascope.perturb import RankMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class RegionCurve(Metric):
    """The family: whole regions are removed, in the order of their mean relevance.

    Args:
        regions: about how many there are, at least 2.
        baseline: what stands where a region is removed; see `kerascope.method.PerturbationMethod`.
        seed: of the order among regions of the same relevance.
    """

    regions: int = 60
    baseline: BaselineLike = "mean"
    seed: int = 0

    group: ClassVar[str] = "faithfulness"
    direction: ClassVar[Direction] = "higher"
    probability: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_whole(self.regions, "regions", 2)
        check_whole(self.seed, "seed", 0)
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """About one for each region."""
        return self.regions

    @abstractmethod
    def labels(self, subject: Subject) -> Array:
        """The region of each pixel, int (N, pixels), numbered from 0 in each image."""

    def asked(self, count: int) -> int:
        """How many of `count` regions are removed, one after the other."""
        return count

    @abstractmethod
    def fallen(self, whole: Array, curves: Array) -> Array:
        """What counts as a fall: from the score of the image (N, 1) and the curve (N, S)."""

    def measure(self, case: Case) -> Measurement:
        """The mean fall over the steps of each image, none removed among them."""
        subject = case.subject
        labels = subject.once((type(self), self.regions), lambda: self.labels(subject))
        places = np.zeros(labels.shape, "float32")
        codes = {}
        for image, (relevance, own) in enumerate(zip(case.flattened, labels, strict=True)):
            count = int(own.max()) + 1
            mean = np.bincount(own, weights=relevance) / np.bincount(own)
            places[image] = ranks(mean[None], self.seed)[0][own]
            steps = np.arange(1, self.asked(count) + 1)
            codes[image] = np.stack([steps, np.full(len(steps), count)], axis=1).astype("float64")
        curves = subject.scores(
            RankMasks(subject.spatial),
            codes,
            self.baseline,
            resident={"ranks": places},
            probability=self.probability,
            title=self.title,
        )
        first = subject.chance if self.probability else subject.first
        whole = first.scores.astype("float64")[:, None]
        curves = np.concatenate([whole, curves], axis=1)
        falls = self.fallen(whole, curves)
        numbers = np.asarray([len(codes[image]) + 1 for image in range(len(curves))])
        inside = np.arange(curves.shape[1])[None] < numbers[:, None]
        values = np.where(inside, falls, 0.0).sum(axis=1) / numbers
        return Measurement(values, places=np.arange(curves.shape[1], dtype="float64"), curves=curves)


@dataclass(frozen=True)
class IROF(RegionCurve, name="irof"):
    r"""IROF: the area over the probability while segments are removed, the most relevant first.

    $$\frac{1}{L+1} \sum_{k=0}^{L} \Big(1 - \frac{p(x_k)}{p(x_0)}\Big)$$

    with the image $x_k$ without its $k$ most relevant of $L$ segments, by their mean relevance.

    Args:
        regions: about how many segments, by SLIC on pictures, at least 2; default 60.
        baseline: what stands where a segment is removed; default `"mean"`, the mean colour.
        seed: of the order among segments of the same relevance.

    Returns:
        values (N,), at most 1, higher is better. Curves (N, L + 1) over the number of removed segments, NaN
        where an image has fewer. The order of segments alone counts.

    Raises:
        MissingPackageError: scikit-image is needed and not installed.

    Cost:
        1 forward for each segment, about 60.

    Source:
        Rieger and Hansen, IROF: a low resource evaluation metric for explanation methods, ICLR workshop
        2020, equation 2.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.IROF.direction
        'higher'
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)

    def labels(self, subject: Subject) -> Array:
        """SLIC's segments; on what is no picture, a grid."""
        return segment_images(self.regions, subject.pictures.pixels)[0].reshape(len(subject), -1)

    def fallen(self, whole: Array, curves: Array) -> Array:
        """As a share of the image's own."""
        return np.asarray(1.0 - curves / np.where(whole > 0, whole, 1.0))


@dataclass(frozen=True)
class RegionPerturbation(RegionCurve, name="region_perturbation"):
    r"""Region perturbation (AOPC): the mean fall of the score while cells get noise, most relevant first.

    $$\frac{1}{L+1} \sum_{k=0}^{L} \big(s(x_0) - s(x_k)\big)$$

    with the image $x_k$ in whose $k$ most relevant cells, by their mean relevance, stands noise.

    Args:
        regions: about how many cells of similar sides the image is cut into, at least 2; default 600, of 9
            x 9 pixels at 224; at most a quarter of the pixels are cells.
        baseline: what stands where a cell is removed; default `"noise"`, uniform over the range of pixels.
        seed: of the order among cells of the same relevance.
        steps: how many cells are removed, at least 1; default 100.

    Returns:
        values (N,), in units of the score, higher is better. Curves (N, steps + 1). The order of cells alone
        counts.

    Cost:
        1 forward for each step, 100.

    Source:
        Samek et al., Evaluating the Visualization of What a Deep Neural Network has Learned, TNNLS 2017,
        equation 12 and section III. Deviation: one draw of noise instead of the mean over ten.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.RegionPerturbation().forwards
        100
    """

    regions: int = 600
    baseline: BaselineLike = "noise"
    steps: int = 100

    probability: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.steps, "steps")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return self.steps

    def labels(self, subject: Subject) -> Array:
        """The cells of a grid."""
        cells = grid_cells(max(2, min(self.regions, int(np.prod(subject.spatial)) // 4)), subject.spatial)
        return segment_images(cells, subject.pictures.pixels)[0].reshape(len(subject), -1)

    def asked(self, count: int) -> int:
        """The steps, or all cells where there are fewer."""
        return min(count, self.steps)

    def fallen(self, whole: Array, curves: Array) -> Array:
        """In units of the score."""
        return np.asarray(whole - curves)
