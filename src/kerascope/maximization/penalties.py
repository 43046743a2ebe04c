"""Penalties that keep an image smooth and its values moderate, as means over pictures in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from kerascope.validation import check_fraction, check_number, check_positive

Penalty = Callable[[Any], Any]
"""A function from pictures (N, *spatial, C) in [0, 1] to numbers (N,) that are subtracted from the scores."""

_SMALL = 1e-8
"""Added under a root, whose derivative is infinite at 0."""


@dataclass(frozen=True)
class TotalVariation:
    r"""Total variation: the differences between neighbouring pixels.

    $$w \,\frac{1}{|P|} \sum_{i \in P} \Big(\sum_a (p_{i + e_a} - p_i)^2\Big)^{\beta / 2}$$

    over the pixels $P$ with a neighbour along each axis $a$, and the channels; $p$ in [0, 1]. As a mean over
    a known range, its weight does not depend on size and preprocessing.

    Args:
        weight: $w$, in units of the score; at least 0.
        beta: $\beta$, above 0; 2 gives smooth images, 1 flat patches with sharp edges.

    Source:
        Mahendran and Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015, section
        3. Deviation: range-normalised, and a mean for their sum.

    Example:
        >>> import numpy as np, kerascope as ks
        >>> float(ks.TotalVariation(weight=2)(np.array([[[0.0], [0.5]]], "float32"))[0])
        0.5
    """

    weight: float = 1.0
    beta: float = 2.0

    def __post_init__(self) -> None:
        check_number(self.weight, "weight")
        check_positive(self.beta, "beta")

    def __call__(self, pictures: Any) -> Any:
        """Return the penalty of each picture, (N,)."""
        pictures = ops.convert_to_tensor(pictures)
        spatial = range(1, len(pictures.shape) - 1)
        inner = tuple(
            slice(None, -1) if axis in spatial else slice(None) for axis in range(len(pictures.shape))
        )
        squares = 0
        for axis in spatial:
            after = tuple(slice(1, None) if other == axis else part for other, part in enumerate(inner))
            squares = squares + ops.square(pictures[after] - pictures[inner])
        terms = squares if self.beta == 2 else (squares + _SMALL) ** (self.beta / 2)
        return self.weight * ops.mean(terms, axis=tuple(range(1, len(pictures.shape))))


@dataclass(frozen=True)
class LPNorm:
    r"""Lp norm: the distance of pixels from a resting value.

    $$w \Big(\frac{1}{|P|} \sum_{i \in P} |2 (p_i - r)|^p\Big)^{1/p}$$

    over all pixels and channels; pictures in [0, 1].

    Args:
        weight: $w$, in units of the score; at least 0.
        p: the exponent, at least 1; large ones penalise extreme values most.
        rest: $r$, the value without penalty, from 0 to 1: 0.5 is grey, 0 the black background of MNIST.

    Source:
        Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2013, section 2 (p = 2, rest at
        the mean image). Deviation: range-normalised, and a mean for their sum.

    Example:
        >>> import numpy as np, kerascope as ks
        >>> float(ks.LPNorm(weight=3, p=2)(np.ones((1, 2, 2, 1), "float32"))[0])
        3.0
    """

    weight: float = 1.0
    p: float = 6.0
    rest: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.weight, "weight")
        check_number(self.p, "p", least=1)
        check_fraction(self.rest, "rest")

    def __call__(self, pictures: Any) -> Any:
        """Return the penalty of each picture, (N,)."""
        pictures = ops.convert_to_tensor(pictures)
        powers = ops.abs(2 * (pictures - self.rest)) ** self.p
        mean = ops.mean(powers, axis=tuple(range(1, len(pictures.shape))))
        return self.weight * ops.where(mean > 0, ops.maximum(mean, 1e-30) ** (1 / self.p), 0.0)
