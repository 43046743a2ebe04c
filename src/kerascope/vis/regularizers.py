r"""What keeps an image moderate and smooth. Stands for `vis.regularizers`.

Deviations from keras-vis, which added up raw pixels: both regularizers look at the image as part of its
range, $(x - \mathrm{low}) / (\mathrm{high} - \mathrm{low})$, and are means, so that a weight means the same
for any size and range. keras-vis's total variation of noise on 0 to 255 was 65,000 times that on 0 to 1,
and drowned the score. The formulas are those of `ks.LPNorm`, with the value zero as the one that costs
nothing, and `ks.TotalVariation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors, maximization
from kerascope.maximization.penalties import Penalty
from kerascope.vis.losses import Loss

Range = tuple[float, float]


class Regularizer(Loss):
    """A loss of the image alone.

    Args:
        img_input: the model's input that it looks at; None for the one that is optimised.
    """

    def __init__(self, img_input: Any = None) -> None:
        super().__init__()
        self.img = img_input

    def penalty(self, input_range: Range, weight: float) -> Penalty:
        """What is taken off the score, from pictures (N, *spatial, C) in [0, 1] to (N,).

        Args:
            input_range: least and greatest pixel.
            weight: of it, at least 0.
        """
        raise NotImplementedError(f"{type(self).__name__}.penalty must return a function of the pictures")

    def build_loss(self, input_range: Range = (0, 255)) -> Callable[[Any], Any]:
        """The loss as a function of images (N, *spatial, C) in the model's own range.

        Args:
            input_range: least and greatest pixel.
        """
        low, high = input_range
        penalty = self.penalty(input_range, 1.0)
        return lambda images: penalty((images - low) / (high - low))


class TotalVariation(Regularizer):
    """How much neighbouring pixels differ; see `ks.TotalVariation`.

    Args:
        img_input: see `Regularizer`.
        beta: 2 gives smooth images, 1 flat patches with sharp edges.
    """

    def __init__(self, img_input: Any = None, beta: float = 2.0) -> None:
        super().__init__(img_input)
        self.name = f"TV({beta}) Loss"
        self.beta = beta

    def penalty(self, input_range: Range, weight: float) -> Penalty:
        return maximization.TotalVariation(weight, self.beta)


class LPNorm(Regularizer):
    """How far pixels lie from zero; see `ks.LPNorm`.

    Args:
        img_input: see `Regularizer`.
        p: the exponent, at least 1; infinity looks at the farthest pixel alone.
    """

    def __init__(self, img_input: Any = None, p: float = 6.0) -> None:
        super().__init__(img_input)
        if not p >= 1:
            raise errors.ParameterError(f"p of LPNorm must be at least 1; got {p!r}.")
        self.name = f"L-{p} Norm Loss"
        self.p = p

    def penalty(self, input_range: Range, weight: float) -> Penalty:
        low, high = input_range
        rest = float(np.clip((0 - low) / (high - low), 0, 1))
        if np.isinf(self.p):
            return lambda pictures: (
                weight * ops.max(ops.abs(2 * (pictures - rest)), axis=tuple(range(1, len(pictures.shape))))
            )
        return maximization.LPNorm(weight, self.p, rest)
