"""Deletion and insertion: the probability as the most relevant pixels go, or come."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import Case
from kerascope.metric.ranking import auc
from kerascope.perturb import RankMasks
from kerascope.perturb.baseline import BaselineLike, as_baseline
from kerascope.validation import check_whole


@dataclass(frozen=True)
class PixelCurve(Metric):
    """The family: the probability while pixels are removed or brought in, in the order of relevance.

    Args:
        steps: equal steps from none of the pixels to all of them, at least 1, at most as many as there are
            pixels; default 50.
        baseline: what stands where a pixel is removed; see `kerascope.method.PerturbationMethod`.
        seed: of the order among pixels of the same relevance.
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
        """One for each step: the image as it is, is known."""
        return self.steps

    @staticmethod
    @abstractmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        """The ranks that stay, from the first to before the second, at a step of `count` pixels."""

    def measure(self, case: Case) -> Measurement:
        """The area under the curve of each image."""
        subject = case.subject
        order = case.ranks(self.seed)
        pixels = order.shape[1]
        steps = min(self.steps, pixels)
        counts = np.round(np.linspace(0, pixels, steps + 1)).astype("int64").tolist()
        spans = np.asarray([self.span(count, pixels) for count in counts], "float64")
        # Where everything stays, the answer is known.
        whole = int(np.flatnonzero((spans == (0, pixels)).all(axis=1))[0])
        asked = np.delete(spans, whole, axis=0)
        scores = subject.scores(
            RankMasks(subject.spatial),
            dict.fromkeys(range(len(order)), asked),
            self.baseline,
            resident={"ranks": order.astype("float32")},
            probability=True,
            title=self.title,
        )
        curves = np.insert(scores, whole, subject.chance.scores, axis=1)
        places = np.asarray(counts) / pixels
        return Measurement(auc(curves, places), places=places, curves=curves)


@dataclass(frozen=True)
class Deletion(PixelCurve, name="deletion"):
    r"""Deletion: the area under the probability while the most relevant pixels are removed first.

    $$\frac{1}{S} \sum_{k=1}^{S} \tfrac{1}{2}\big(p(x_{k-1}) + p(x_k)\big)$$

    where in $x_k$ the share $k/S$ of the pixels, the most relevant first, is replaced by the baseline.

    Args:
        steps: equal steps, at least 1; default 50.
        baseline: what stands where a pixel is removed; default 0.0, in the model's own input units.
        seed: of the order among pixels of the same relevance.

    Returns:
        values (N,), 0 to 1, lower is better. Curves (N, steps + 1) over the share of removed pixels. The
        order of pixels alone counts: invariant to any increasing change of the map.

    Cost:
        50 forwards (one for each step), beside the one that all metrics share.

    Source:
        Petsiuk, Das and Saenko, RISE, BMVC 2018, section 4.3 and algorithm 2. Deviations: a fixed number of
        steps instead of one pixel at a time; pixels of equal relevance in random order.

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
        """What is less relevant stays."""
        return count, pixels


@dataclass(frozen=True)
class Insertion(PixelCurve, name="insertion"):
    r"""Insertion: the area under the probability while the most relevant pixels come in first.

    As `Deletion`, from the baseline to the image instead of from the image to the baseline.

    Args:
        steps: equal steps, at least 1; default 50.
        baseline: what stands where a pixel is not yet; default `"blur"`, a Gaussian whose sigma is a tenth
            of the longest side.
        seed: of the order among pixels of the same relevance.

    Returns:
        values (N,), 0 to 1, higher is better. Curves (N, steps + 1) over the share of pixels brought in.

    Cost:
        50 forwards (one for each step), beside the one that all metrics share.

    Source:
        Petsiuk, Das and Saenko, RISE, BMVC 2018, section 4.3. Deviations: those of `Deletion`; the blur is
        stronger than theirs (sigma 5 of 224 pixels) and in proportion to the image.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Insertion.direction
        'higher'
    """

    baseline: BaselineLike = "blur"

    direction: ClassVar[Direction] = "higher"

    @staticmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        """What is more relevant is there."""
        return 0, count
