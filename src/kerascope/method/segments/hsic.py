"""HSIC: how far the score depends on whether a cell of the image is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from kerascope.method.segments.base import Valuation
from kerascope.method.segments.grid import GridMethod, rounding
from kerascope.perturb.segmentation import SegmentsLike
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class HSIC(GridMethod, name="hsic"):
    r"""HSIC: the Hilbert-Schmidt independence criterion between a cell's presence and the score.

    $$V_i = \frac{1}{(m - 1)^2} \operatorname{tr}(K_i H L H), \qquad
      (K_i)_{jk} = [M_{ji} = M_{ki}], \quad
      L_{jk} = \exp\Big(-\frac{(s(x \odot M_j) - s(x \odot M_k))^2}{2 \sigma^2}\Big)$$

    with the image $x$, $m$ random masks $M_j$ that leave or remove each cell of a grid, $H = I - 1/m$, and
    the median distance of two scores $\sigma$. Any kind of dependence counts, not only of the mean. It
    is without a sign: a cell that speaks against the target counts like one that speaks for it. For a cell
    that does not matter the estimate is not 0 but, on average, about 1 / m of the greatest value there is.

    Args:
        masks: m, at least 2; default 1500, as in the paper.
        seed: of the masks, a whole number of at least 0; the same masks for every image, on every backend.
        segments: see `GridMethod`; default 49, on square pictures a grid of 7 x 7, as in the paper.

    Returns:
        values float32 (N, *spatial), at least 0 and at most about 1/4, without a unit; the same for any
        multiple of the score. Zeros where the score does not change. NaN where fewer than two masks gave a
        finite score.

    Cost:
        See `PerturbationMethod`. The host holds masks x segments numbers for each image, and, for one image
        and class at a time, a few matrices of masks x masks float64 numbers: 18 MB each with 1500 masks,
        800 MB with 10000.

    Source:
        Novello, Fel and Vigouroux, Making Sense of Dependence: Efficient Black-box Explanations Using
        Dependence Measure, NeurIPS 2022, section 3: binary masks by Latin hypercube, so that every cell is
        left in half of them; the Dirac kernel for cells, where the criterion is twice the quadratic form of
        the centred column of masks in L, so that no K is made. Deviations: the median is over the distances
        between scores that differ by more than rounding, since where most are the same it would be 0. Cells
        are painted as they are, without interpolation.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.HSIC(masks=100, segments=(4, 4))(model, images, target=1).values.shape
        (2, 8, 8)
    """

    masks: int = 1500
    seed: int = 0
    segments: SegmentsLike = field(default=49, kw_only=True)

    tags: ClassVar[frozenset[str]] = (GridMethod.tags - {"signed"}) | {"stochastic"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.masks, "masks", 2)
        check_whole(self.seed, "seed", 0)

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, and one for each mask and baseline."""
        return 1 + self.masks * self.baselines

    def draw(self, count: int) -> Array:
        """The masks, (m, S), 1 for a cell that is left: in half of them, by `default_rng([seed, cell])`."""
        masks = np.empty((self.masks, count))
        for cell in range(count):
            # A Latin hypercube has one point in each m-th part of an axis; it is cut in the middle.
            masks[:, cell] = 2 * np.random.default_rng([self.seed, cell]).permutation(self.masks) < self.masks
        return masks

    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """All masks, and the criterion of those whose scores are known."""
        masks = self.draw(count)
        scores = yield masks
        known = np.isfinite(scores).all(axis=1)
        if known.sum() < 2:
            return np.full((scores.shape[1], count), np.nan)
        return np.stack([self.dependence(masks[known], column) for column in scores[known].T])

    def dependence(self, masks: Array, scores: Array) -> Array:
        """The criterion (S,) of each cell, from masks (m, S) of 0 and 1, and scores (m,)."""
        distances = np.abs(scores[:, None] - scores[None])
        apart = distances[distances > rounding(scores)]
        if not apart.size:
            return np.zeros(masks.shape[1])
        kernel = np.exp(-0.5 * (distances / np.median(apart)) ** 2)
        centred = masks - masks.mean(axis=0)
        # Of zeros and ones, [a = b] is 2 a b + (1 - a - b), and what depends on a or b alone is centred away.
        found = 2 * np.einsum("ms,ms->s", centred, kernel @ centred) / (len(scores) - 1) ** 2
        return np.asarray(np.maximum(found, 0.0))
