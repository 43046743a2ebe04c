"""ROAD: remove and debias, with imputed holes whose shape reveals little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.metric.faithfulness.imputation import impute
from kerascope.metric.faithfulness.random_subsets import check_shares
from kerascope.metric.statistics import ranks
from kerascope.registry import alias
from kerascope.typing import Array
from kerascope.validation import check_number, check_whole


@dataclass(frozen=True)
class ROAD(Metric, name="road"):
    r"""ROAD, combined: half the gap between removing the least and the most relevant pixels first.

    $$\tfrac12\,(\mathrm{ROADLeast} - \mathrm{ROADMost}), \qquad
    \mathrm{ROADMost} = \frac{1}{|\mathcal{S}|} \sum_{q \in \mathcal{S}} p(\tilde x_q)$$

    with the image $\tilde x_q$ whose share $q$ of most relevant pixels is replaced by the weighted mean of
    their neighbours (1/6 for direct, 1/12 for diagonal ones; all solved at once) and a little noise.
    `ROADLeast` replaces the least relevant pixels.

    Args:
        shares: shares of removed pixels, above 0 and below 1; default 0.1 to 0.9.
        noise: standard deviation of the noise, as a share of the range of pixels; default 0.01.
        seed: seed of the noise, and of the order of equally relevant pixels.

    Returns:
        values (N,), -0.5 to 0.5, higher is better; about 0 for a random map. `ROADMost`: 0 to 1, lower is
        better; `ROADLeast`: 0 to 1, higher is better. Curves (N, shares). Depends only on the order of
        pixels.

    Raises:
        EvaluationError: the images have no height and width.

    Cost:
        2 forwards per share, 18, shared with `ROADMost` and `ROADLeast`, of 1 each; and an exact solution of
        a sparse linear system on the host for each.

    Source:
        Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022,
        sections 4.2 and 4.3; combined as in the pytorch-grad-cam tutorial on ROAD (Gildenblat, 2022).
        Deviation: the probability of each image instead of the accuracy over all.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ROAD().forwards, ks.metric.ROADMost().forwards
        (18, 9)
    """

    shares: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    noise: float = 0.01
    seed: int = 0

    ends: ClassVar[Literal["both", "most", "least"]] = "both"
    group: ClassVar[str] = "faithfulness"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-0.5, 0.5)
    invariant: ClassVar[Invariance | None] = "order"

    def __post_init__(self) -> None:
        check_whole(self.seed, "seed", 0)
        check_shares(self.shares)
        check_number(self.noise, "noise")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One per share and end."""
        return (2 if self.ends == "both" else 1) * len(self.shares)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the mean over the shares, with the curves."""
        if self.ends == "both":
            curves = (self.curves(item, most=False) - self.curves(item, most=True)) / 2
        else:
            curves = self.curves(item, most=self.ends == "most")
        return Measurement(curves.mean(axis=1), places=np.asarray(self.shares), curves=curves)

    def curves(self, item: EvalItem, most: bool) -> Array:
        """Return the probability at each share of removed pixels, (N, shares), from either end."""
        key = ("road", self.shares, self.noise, self.seed, most)
        return item.compute_once(key, lambda: self._compute_curves(item, most))

    def _compute_curves(self, item: EvalItem, most: bool) -> Array:
        images = item.batch.host_images
        if len(item.batch.spatial) != 2:
            raise errors.EvaluationError(
                f"ROAD must be given images with a height and a width; these have the spatial size "
                f"{item.batch.spatial}; leave it out."
            )
        order = item.ranks(self.seed) if most else ranks(-item.relevance, self.seed)
        order = order.reshape(len(order), *item.batch.spatial)
        width = self.noise * (images.high - images.low)

        def make_variant(index: int) -> Array:
            holes = order < round(self.shares[index] * order[0].size)
            filled = np.stack(list(map(impute, images.pixels, holes)))
            noise = np.random.default_rng([self.seed, index]).standard_normal(filled.shape[1:])
            return np.where(holes[..., None], filled + width * noise, filled)

        scores = item.batch.run_variants(None, len(self.shares), make_variant, probability=True)
        return np.stack(list(scores), axis=1).astype("float64")


ROADMost = alias(
    ROAD,
    "ROADMost",
    "road_most",
    "ROAD, most relevant first: the mean probability once the most relevant pixels are imputed.",
    ends="most",
    direction="lower",
    bounds=(0.0, 1.0),
)
ROADLeast = alias(
    ROAD,
    "ROADLeast",
    "road_least",
    "ROAD, least relevant first: the mean probability once the least relevant pixels are imputed.",
    ends="least",
    bounds=(0.0, 1.0),
)
