"""ROAD: remove and debias, with holes that are filled from around them, so that their shape tells little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.metric.faithfulness.imputation import impute
from kerascope.metric.faithfulness.random_subsets import check_shares
from kerascope.metric.statistics import ranks
from kerascope.typing import Array
from kerascope.validation import check_number, check_whole


@dataclass(frozen=True)
class ROADMetric(Metric):
    """The family: the probability once a share of the pixels is imputed, in the order of relevance.

    Args:
        shares: of the pixels that are removed, between 0 and 1 each; default 0.1 to 0.9.
        noise: standard deviation of what is added in holes, as a share of the range of pixels, at least 0;
            default 0.01.
        seed: of the noise, and of the order among pixels of the same relevance.
    """

    shares: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    noise: float = 0.01
    seed: int = 0

    group: ClassVar[str] = "faithfulness"
    invariant: ClassVar[Invariance | None] = "order"

    def __post_init__(self) -> None:
        check_whole(self.seed, "seed", 0)
        check_shares(self.shares)
        check_number(self.noise, "noise")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for each share."""
        return len(self.shares)

    def curves(self, item: EvalItem, most: bool) -> Array:
        """Return the probability at each share of removed pixels, (N, shares), from either end."""
        key = ("road", self.shares, self.noise, self.seed, most)
        return item.compute_once(key, lambda: self._compute_curves(item, most))

    def to_measurement(self, curves: Array) -> Measurement:
        """Return the mean over the shares, with the curves."""
        return Measurement(curves.mean(axis=1), places=np.asarray(self.shares), curves=curves)

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


@dataclass(frozen=True)
class ROADMost(ROADMetric, name="road_most"):
    r"""ROAD, most relevant first: the mean probability once the most relevant pixels are imputed.

    $$\frac{1}{|\mathcal{S}|} \sum_{q \in \mathcal{S}} p(\tilde x_q)$$

    with the image $\tilde x_q$ whose share $q$ of most relevant pixels is replaced by the weighted mean of
    their neighbours (1/6 beside, 1/12 across a corner; all solved at once) and a little noise.

    Args:
        shares: of the pixels that are removed; default 0.1 to 0.9.
        noise: standard deviation of the noise, as a share of the range of pixels; default 0.01.
        seed: of the noise, and of the order among pixels of the same relevance.

    Returns:
        values (N,), 0 to 1, lower is better. Curves (N, shares). The order of pixels alone counts.

    Raises:
        EvaluationError: the images have no height and width.

    Cost:
        1 forward for each share, 9, which `ROAD` shares; and on the host an exact solution of the equations
        for each.

    Source:
        Rong et al., A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022,
        sections 4.2 and 4.3. Deviation: the probability of each image instead of the accuracy over all.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ROADMost.direction
        'lower'
    """

    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def measure(self, item: EvalItem) -> Measurement:
        """The mean probability."""
        return self.to_measurement(self.curves(item, most=True))


@dataclass(frozen=True)
class ROADLeast(ROADMetric, name="road_least"):
    r"""ROAD, least relevant first: the mean probability once the least relevant pixels are imputed.

    As `ROADMost`, from the other end of the order.

    Args:
        shares: of the pixels that are removed; default 0.1 to 0.9.
        noise: standard deviation of the noise, as a share of the range of pixels; default 0.01.
        seed: of the noise, and of the order among pixels of the same relevance.

    Returns:
        values (N,), 0 to 1, higher is better. Curves (N, shares).

    Raises:
        EvaluationError: the images have no height and width.

    Cost:
        1 forward for each share, 9, which `ROAD` shares.

    Source:
        Rong et al., ICML 2022, sections 4.2 and 4.3, with the deviation of `ROADMost`.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ROADLeast.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def measure(self, item: EvalItem) -> Measurement:
        """The mean probability."""
        return self.to_measurement(self.curves(item, most=False))


@dataclass(frozen=True)
class ROAD(ROADMetric, name="road"):
    r"""ROAD, combined: half of what keeping the relevant pixels is worth over keeping the others.

    $$\tfrac12\,(\mathrm{ROADLeast} - \mathrm{ROADMost})$$

    Args:
        shares: of the pixels that are removed; default 0.1 to 0.9.
        noise: standard deviation of the noise, as a share of the range of pixels; default 0.01.
        seed: of the noise, and of the order among pixels of the same relevance.

    Returns:
        values (N,), -0.5 to 0.5, higher is better; about 0 for a map that knows nothing. Curves (N, shares).

    Raises:
        EvaluationError: the images have no height and width.

    Cost:
        2 forwards for each share, 18, which `ROADMost` and `ROADLeast` share.

    Source:
        Rong et al., ICML 2022; combined as in the pytorch-grad-cam tutorial on ROAD (Gildenblat, 2022).

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ROAD().forwards
        18
    """

    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (-0.5, 0.5)

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return 2 * len(self.shares)

    def measure(self, item: EvalItem) -> Measurement:
        """Half the difference of both curves."""
        return self.to_measurement((self.curves(item, most=False) - self.curves(item, most=True)) / 2)
