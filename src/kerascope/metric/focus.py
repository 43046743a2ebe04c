"""Focus: the relevance on the correct tile of mosaics of four classes. Needs labels, no masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.dataset import mosaics
from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.target import Class
from kerascope.validation import check_whole


@dataclass(frozen=True)
class Focus(Metric, name="focus"):
    r"""Focus: the share of the positive relevance that lies on the tile of the explained class.

    $$\frac{\sum_{p \in t} \max(0, a_p)}{\sum_p \max(0, a_p)}$$

    on a mosaic of two by two images of four classes, with the tile $t$ of the explained class.

    Args:
        seed: seed of the mosaics.

    Returns:
        values (N,), 0 to 1, higher is better; 0.25 for a random map. Value i belongs to the mosaic that
        contains image i and explains its class. Invariant to the map's scale. NaN where no relevance is
        positive.

    Raises:
        InputError: fewer than four classes, or images without height and width.

    Cost:
        1 explanation.

    Source:
        Arias-Duart et al., Focus! Rating XAI Methods and Finding Biases, FUZZ-IEEE 2022, equation 1, with the
        deviations of `kerascope.dataset.mosaics`. It judges the model together with the method: a model that
        confuses classes has no focus either.

    Example:
        >>> import kerascope as ks
        >>> sorted(ks.metric.Focus.needs)
        ['labels', 'method']
    """

    seed: int = 0

    group: ClassVar[str] = "localisation"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset({"method", "labels"})
    explanations: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        check_whole(self.seed, "seed", 0)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the share of each mosaic."""
        batch, method = item.batch, item.method
        assert method is not None
        mosaic = batch.compute_once(
            ("mosaics", self.seed), lambda: mosaics(batch.host_images.pixels, batch.labels, self.seed)
        )
        inputs = batch.answer.batch.with_pixels(batch.host_images.to_inputs(mosaic.images))
        maps = batch.explain(method, images=inputs, target=Class(mosaic.targets.tolist()))
        positive = np.maximum(np.nan_to_num(maps), 0.0)
        total = positive.sum(axis=(1, 2))
        inside = np.where(mosaic.tiles, positive, 0.0).sum(axis=(1, 2))
        return Measurement(inside / np.where(total > 0, total, np.nan))
