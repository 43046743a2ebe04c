"""Deletion and insertion: the probability while the most relevant pixels are removed or inserted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.metric.statistics import auc
from kerascope.perturb import RankMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.validation import check_whole


@dataclass(frozen=True)
class PixelCurve(Metric):
    """Base class: the probability while pixels are removed or inserted in the order of relevance.

    Args:
        steps: number of equal steps from no pixel to all pixels, at least 1, at most the number of pixels;
            default 50.
        baseline: replacement of a removed pixel; default 0.0, in the model's own input units; see
            `kerascope.method.PerturbationMethod`.
        seed: seed of the order of equally relevant pixels.

    Cost:
        50 forwards (one per step), besides the one that all metrics share.
    """

    steps: int = 50
    baseline: BaselineLike = 0.0
    seed: int = 0

    group: ClassVar[str] = "faithfulness"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    invariant: ClassVar[Invariance | None] = "order"
    quick: ClassVar[Mapping[str, Any]] = {"steps": 10}

    def __post_init__(self) -> None:
        check_whole(self.steps, "steps")
        check_whole(self.seed, "seed", 0)
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One per step: the score of the unchanged image is known."""
        return self.steps

    @staticmethod
    @abstractmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        """Return the first and the stop rank of the visible pixels after `count` pixels."""

    def measure(self, item: EvalItem) -> Measurement:
        """Return the area under the curve of each image."""
        batch = item.batch
        order = item.ranks(self.seed)
        pixels = order.shape[1]
        steps = min(self.steps, pixels)
        counts = np.round(np.linspace(0, pixels, steps + 1)).astype("int64").tolist()
        spans = np.asarray([self.span(count, pixels) for count in counts], "float64")
        # The score of the unchanged image is known.
        unchanged = int(np.flatnonzero((spans == (0, pixels)).all(axis=1))[0])
        scores = batch.scores(
            RankMasks(batch.spatial),
            dict.fromkeys(range(len(order)), np.delete(spans, unchanged, axis=0)),
            self.baseline,
            resident={"ranks": order.astype("float32")},
            probability=True,
            title=self.title,
        )
        curves = np.insert(scores, unchanged, batch.probability.scores, axis=1)
        places = np.asarray(counts) / pixels
        return Measurement(auc(curves, places), places=places, curves=curves)


@dataclass(frozen=True)
class Deletion(PixelCurve, name="deletion"):
    r"""Deletion: the area under the probability while the most relevant pixels are removed first.

    $$\frac{1}{S} \sum_{k=1}^{S} \tfrac{1}{2}\big(p(x_{k-1}) + p(x_k)\big)$$

    where in $x_k$ the share $k/S$ of the pixels, the most relevant first, is replaced by the baseline.

    Returns:
        values (N,), 0 to 1, lower is better. Curves (N, steps + 1) over the share of removed pixels. Depends
        only on the order of pixels: invariant to any increasing change of the map.

    Source:
        Petsiuk, Das and Saenko, RISE, BMVC 2018, section 4.3 and algorithm 2. Deviations: a fixed number of
        steps instead of one pixel at a time; equally relevant pixels in random order.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> explanation = ks.Saliency()(model, images)
        >>> ks.metric.Deletion(steps=8)(model, images, explanation).curves.shape
        (2, 9)
    """

    direction: ClassVar[Direction] = "lower"

    @staticmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        """Return the ranks of the less relevant pixels."""
        return count, pixels


@dataclass(frozen=True)
class Insertion(PixelCurve, name="insertion"):
    r"""Insertion: the area under the probability while the most relevant pixels are inserted first.

    Like `Deletion`, from the baseline to the image instead of from the image to the baseline.

    Args:
        baseline: replacement of a pixel before its insertion; default `"blur"`, a Gaussian whose sigma is a
            tenth of the longest side.

    Returns:
        values (N,), 0 to 1, higher is better. Curves (N, steps + 1) over the share of inserted pixels.

    Source:
        Petsiuk, Das and Saenko, RISE, BMVC 2018, section 4.3. Deviations: as in `Deletion`; the blur is
        stronger (theirs: sigma 5 at 224 pixels) and proportional to the image.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Insertion.direction
        'higher'
    """

    baseline: BaselineLike = "blur"

    direction: ClassVar[Direction] = "higher"

    @staticmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        """Return the ranks of the more relevant pixels."""
        return 0, count
