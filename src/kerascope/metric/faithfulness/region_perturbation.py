"""IROF and region perturbation: the drop while the most relevant regions are removed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import EvalBatch, EvalItem
from kerascope.metric.statistics import ranks
from kerascope.perturb import RankMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.perturb.segmentation import grid_cells, segment_images
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class RegionCurve(Metric):
    """Base class: whole regions are removed in the order of their mean relevance.

    Args:
        regions: approximate number of regions, at least 2.
        baseline: replacement of a removed region; see `kerascope.method.PerturbationMethod`.
        seed: seed of the order of equally relevant regions.
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
        """About one per region."""
        return self.regions

    @abstractmethod
    def segment(self, batch: EvalBatch) -> Array:
        """Return the region of each pixel, int (N, pixels), from 0 in each image."""

    def count_steps(self, count: int) -> int:
        """Return how many of `count` regions are removed, one after the other."""
        return count

    @abstractmethod
    def compute_drops(self, before: Array, curves: Array) -> Array:
        """Return the drops along each curve (N, S), from the score of the image (N, 1)."""

    def measure(self, item: EvalItem) -> Measurement:
        """Return the mean drop over the steps of each image, including the unchanged image."""
        batch = item.batch
        labels = batch.compute_once((type(self), self.regions), lambda: self.segment(batch))
        pixel_ranks = np.zeros(labels.shape, "float32")
        codes = {}
        for image, (relevance, regions) in enumerate(zip(item.relevance, labels, strict=True)):
            count = int(regions.max()) + 1
            mean = np.bincount(regions, weights=relevance) / np.bincount(regions)
            pixel_ranks[image] = ranks(mean[None], self.seed)[0][regions]
            steps = np.arange(1, self.count_steps(count) + 1)
            codes[image] = np.stack([steps, np.full(len(steps), count)], axis=1).astype("float64")
        scores = batch.scores(
            RankMasks(batch.spatial),
            codes,
            self.baseline,
            resident={"ranks": pixel_ranks},
            probability=self.probability,
            title=self.title,
        )
        answer = batch.probability if self.probability else batch.answer
        before = answer.scores.astype("float64")[:, None]
        curves = np.concatenate([before, scores], axis=1)
        lengths = np.asarray([len(codes[image]) + 1 for image in range(len(curves))])
        positions = np.arange(curves.shape[1])
        drops = np.where(positions[None] < lengths[:, None], self.compute_drops(before, curves), 0.0)
        return Measurement(drops.sum(axis=1) / lengths, places=positions.astype("float64"), curves=curves)


@dataclass(frozen=True)
class IROF(RegionCurve, name="irof"):
    r"""IROF: the area over the probability curve while the most relevant segments are removed first.

    $$\frac{1}{L+1} \sum_{k=0}^{L} \Big(1 - \frac{p(x_k)}{p(x_0)}\Big)$$

    with the image $x_k$ without the $k$ most relevant of its $L$ segments, by mean relevance.

    Args:
        regions: approximate number of segments, by SLIC on images, at least 2; default 60.
        baseline: replacement of a removed segment; default `"mean"`, the mean colour.

    Returns:
        values (N,), at most 1, higher is better. Curves (N, L + 1) over the number of removed segments, NaN
        where an image has fewer. Depends only on the order of segments.

    Raises:
        MissingPackageError: scikit-image is not installed.

    Cost:
        1 forward per segment, about 60.

    Source:
        Rieger and Hansen, IROF: a low resource evaluation metric for explanation methods, ICLR workshop
        2020, equation 2.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.IROF.direction
        'higher'
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)

    def segment(self, batch: EvalBatch) -> Array:
        """Return SLIC's segments; the cells of a grid if the inputs are not images."""
        return segment_images(self.regions, batch.host_images.pixels)[0].reshape(len(batch), -1)

    def compute_drops(self, before: Array, curves: Array) -> Array:
        """Return the drops relative to the probability of the image."""
        return np.asarray(1.0 - curves / np.where(before > 0, before, 1.0))


@dataclass(frozen=True)
class RegionPerturbation(RegionCurve, name="region_perturbation"):
    r"""Region perturbation (AOPC): the mean drop of the score while the most relevant cells are removed.

    $$\frac{1}{L+1} \sum_{k=0}^{L} \big(s(x_0) - s(x_k)\big)$$

    with the image $x_k$ whose $k$ most relevant cells, by mean relevance, are replaced by noise.

    Args:
        regions: approximate number of nearly square cells of the image, at least 2 and at most a quarter of
            the number of pixels; default 600, of 9 x 9 pixels at 224.
        baseline: replacement of a removed cell; default `"noise"`, uniform over the range of pixels.
        steps: number of removed cells, at least 1; default 100.

    Returns:
        values (N,), in units of the score, higher is better. Curves (N, steps + 1). Depends only on
        the order of cells.

    Cost:
        1 forward per step, 100.

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

    def segment(self, batch: EvalBatch) -> Array:
        """Return the cells of a grid."""
        cells = grid_cells(max(2, min(self.regions, int(np.prod(batch.spatial)) // 4)), batch.spatial)
        return segment_images(cells, batch.host_images.pixels)[0].reshape(len(batch), -1)

    def count_steps(self, count: int) -> int:
        """Return the number of steps, or of all cells if there are fewer."""
        return min(count, self.steps)

    def compute_drops(self, before: Array, curves: Array) -> Array:
        """Return the drops in units of the score."""
        return np.asarray(before - curves)
