"""Focus: on mosaics of four classes, is the map on the tile of the explained one? Needs labels, no masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.dataset import mosaics
from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import Case
from kerascope.target import Class
from kerascope.validation import check_whole


@dataclass(frozen=True)
class Focus(Metric, name="focus"):
    r"""Focus: the share of what speaks for a class that lies on its tile of a mosaic.

    $$\frac{\sum_{p \in t} \max(0, a_p)}{\sum_p \max(0, a_p)}$$

    on a mosaic of two by two images of four classes, with the tile $t$ of the class that is explained.

    Args:
        seed: of the mosaics.

    Returns:
        values (N,), 0 to 1, higher is better; 0.25 for a map that knows nothing. Value i is of the mosaic
        that asks for the class of image i. Invariant to the map's scale. NaN where nothing speaks for the
        class.

    Raises:
        InputError: fewer than four classes, or images without height and width.

    Cost:
        1 explanation.

    Source:
        Arias-Duart et al., Focus! Rating XAI Methods and Finding Biases, FUZZ-IEEE 2022, equation 1, with the
        deviations of `kerascope.dataset.mosaics`. It judges the model with the method: a model that mixes
        classes up has no focus either.

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

    def measure(self, case: Case) -> Measurement:
        """The share of each mosaic."""
        subject, method = case.subject, case.method
        assert method is not None
        made = subject.once(
            ("mosaics", self.seed), lambda: mosaics(subject.pictures.pixels, subject.labels, self.seed)
        )
        inputs = subject.first.batch.with_pixels(subject.pictures.to_inputs(made.images))
        answer = method.attribute(subject.probe, inputs, Class(made.targets.tolist()))
        assert answer.values is not None
        positive = np.maximum(np.nan_to_num(subject.maps(method, answer.values)), 0.0)
        total = positive.sum(axis=(1, 2))
        inside = np.where(made.tiles, positive, 0.0).sum(axis=(1, 2))
        # Of a mosaic, whatever the map of the image itself shows.
        return Measurement(inside / np.where(total > 0, total, np.nan))
