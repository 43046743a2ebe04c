"""Total-order Sobol indices: the share of the score's variance that a cell of the image has a part in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from kerascope import errors
from kerascope.method.segments.base import Valuation
from kerascope.method.segments.grid import GridMethod, rounding
from kerascope.perturb.segmentation import SegmentsLike
from kerascope.typing import Array
from kerascope.validation import check_whole

_DIGITS = 8
"""Binary digits of a mask's numbers, as of a picture's; more where there are more designs."""
_MOST_DIGITS = 24
"""Those of a float32."""
_ROWS = 1024
"""Masks scored at a time; of larger designs, one design."""


@dataclass(frozen=True)
class Sobol(GridMethod, name="sobol"):
    r"""Sobol: the share of the score's variance under random fading in which a cell of a grid has a part.

    $$V_i = \frac{\mathbb{E}\big[\mathrm{Var}(s(x \odot M) \mid M_{\sim i})\big]}{\mathrm{Var}(s(x \odot M))}
      \approx \frac{1}{2 n \hat V} \sum_{j=1}^{n} \big(s(x \odot A_j) - s(x \odot C^{(i)}_j)\big)^2$$

    with masks $M$ whose cells are independent and uniform from 0, the baseline, to 1, the image $x$;
    $M_{\sim i}$ is all cells but one. Each of $n$ designs has two such masks, $A_j$ and $B_j$; $C^{(i)}_j$
    is $A_j$ with cell $i$ of $B_j$; $\hat V$ is the variance of the scores under all $A_j$ and $B_j$. An
    interaction counts for each of the cells that take part in it, so that the indices sum to 1 where there
    are none, else to more. They are without a sign: a cell that speaks against the target counts like one
    that speaks for it.

    Args:
        designs: n, a power of two of at least 2; default 32, as in the paper.
        seed: of the masks, a whole number of at least 0; the same masks for every image, on every backend.
        segments: see `GridMethod`; default 121, on square pictures a grid of 11 x 11, as in the paper.

    Returns:
        values float32 (N, *spatial), at least 0, without a unit: 0 for a cell that changes nothing, about 1
        for one that alone decides. Zeros where the score does not change. NaN for a cell of which no design
        gave two finite scores.

    Cost:
        1 forward, and designs x (segments + 2) for each baseline: 1 + 32 x 123 = 3937 on square pictures.
        See `Explanation.masks`. Several targets share them. About masks x segments numbers of memory at
        most, for a part of the designs at a time.

    Source:
        Fel et al., Look at the Variance! Efficient Black-box Explanations with Sobol-based Sensitivity
        Analysis, NeurIPS 2021, section 3, with the estimator of Jansen, Analysis of variance designs for
        model output, 1999. Deviations: the variance is that under B as well as under A. Each cell has the
        first two coordinates of the Sobol sequence for itself, shifted (digit by digit, modulo 2) and in an
        order of its own, instead of two among 242 of the whole sequence: of these, 32 points spread many
        pairs no better than chance does. Where the score is a sum over cells, the error of the map is less
        than a tenth of what it is with the whole sequence. Numbers of a mask are multiples of 1/256, or of
        1/n where there are more designs. Cells are painted as they are, without interpolation.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.Sobol(designs=8, segments=(4, 4))(model, images, target=1)
        >>> found.values.shape, found.masks.tolist()
        ((2, 8, 8), [144, 144])
    """

    designs: int = 32
    seed: int = 0
    segments: SegmentsLike = field(default=121, kw_only=True)

    tags: ClassVar[frozenset[str]] = (GridMethod.tags - {"signed"}) | {"stochastic", "sized"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.designs, "designs", 2)
        if self.designs & (self.designs - 1) or self.designs > 1 << _MOST_DIGITS:
            raise errors.ParameterError(
                f"designs must be a power of two, so that Sobol points are spread evenly, at most "
                f"{1 << _MOST_DIGITS}; got {self.designs!r}."
            )
        check_whole(self.seed, "seed", 0)

    def draw(self, count: int) -> tuple[Array, Array]:
        """The masks A and B, (n, S) each, with numbers of few binary digits from 0 to below 1.

        Of cell i, `default_rng([seed, i])` draws first the two shifts, then the order of the points.
        """
        from scipy.stats import qmc

        power = self.designs.bit_length() - 1
        digits = max(_DIGITS, power)
        plane = qmc.Sobol(2, scramble=False, bits=digits).random_base2(power)
        points = (plane * (1 << digits)).astype("int64")
        pairs = np.empty((2, self.designs, count))
        for cell in range(count):
            generator = np.random.default_rng([self.seed, cell])
            shift = generator.integers(0, 1 << digits, 2)
            pairs[:, :, cell] = (points[generator.permutation(self.designs)] ^ shift).T
        pairs /= 1 << digits
        return pairs[0], pairs[1]

    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """Design by design, so that a run that is interrupted has whole ones."""
        first, second = self.draw(count)
        step = max(1, _ROWS // (count + 2))
        parts: list[Array] = []
        for start in range(0, self.designs, step):
            found = yield self.build_masks(first[start : start + step], second[start : start + step])
            parts.append(found.reshape(-1, count + 2, found.shape[1]))
        return self.indices(np.concatenate(parts))

    def build_masks(self, first: Array, second: Array) -> Array:
        """The masks (m (S + 2), S) of m designs: of each, A, B, and A with each cell in turn from B."""
        designs, count = first.shape
        cells = np.arange(count)
        masks = np.repeat(first[:, None], count + 2, axis=1)
        masks[:, 1] = second
        masks[:, cells + 2, cells] = second
        return masks.reshape(designs * (count + 2), count)

    def indices(self, scores: Array) -> Array:
        """The total-order indices (K, S) from scores (n, S + 2, K); each from designs with known scores."""
        plain = scores[:, :2].reshape(-1, scores.shape[2])
        plain = plain[np.isfinite(plain).all(axis=1)]
        squares = (scores[:, 2:] - scores[:, :1]) ** 2
        known = np.isfinite(squares)
        designs = known.sum(axis=0)
        total = np.where(known, squares, 0.0).sum(axis=0)
        found = np.full(total.shape, np.nan)
        for column in range(scores.shape[2]) if len(plain) > 1 else ():
            if np.ptp(plain[:, column]) <= rounding(plain[:, column]):
                found[:, column] = 0.0
                continue
            scale = 2 * designs[:, column] * plain[:, column].var(ddof=1)
            np.divide(total[:, column], scale, out=found[:, column], where=scale > 0)
        return found.T
