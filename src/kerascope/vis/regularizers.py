r"""Regularizers of images. Replaces `vis.regularizers`.

Deviations from keras-vis, which summed raw pixels: both regularizers scale the image to its range,
$(x - \mathrm{low}) / (\mathrm{high} - \mathrm{low})$, and are means, so that a weight means the same for any
size and range. In keras-vis, the total variation of noise on 0 to 255 was 65,000 times larger than on 0 to 1,
and dominated the score. See `ks.LPNorm`, here with zero penalty for the value zero, and `ks.TotalVariation`
for the formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors, maximization
from kerascope.maximization.penalties import Penalty
from kerascope.vis.losses import Loss

PixelRange = tuple[float, float]


class Regularizer(Loss):
    """A loss of the image alone.

    Args:
        img_input: a symbolic input of the model; None for the optimised one.
    """

    def __init__(self, img_input: Any = None) -> None:
        super().__init__()
        self.img = img_input

    def penalty(self, input_range: PixelRange, weight: float) -> Penalty:
        """Return a function from pictures (N, *spatial, C) in [0, 1] to (N,), subtracted from the score.

        Args:
            input_range: least and greatest pixel.
            weight: of the penalty, at least 0.
        """
        raise NotImplementedError(f"{type(self).__name__}.penalty must return a function of the pictures")

    def build_loss(self, input_range: PixelRange = (0, 255)) -> Callable[[Any], Any]:
        """Return the loss as a function of images (N, *spatial, C) in the model's range.

        Args:
            input_range: least and greatest pixel.
        """
        low, high = input_range
        penalty = self.penalty(input_range, 1.0)
        return lambda images: penalty((images - low) / (high - low))


class TotalVariation(Regularizer):
    """The differences between neighbouring pixels; see `ks.TotalVariation`.

    Args:
        img_input: see `Regularizer`.
        beta: 2 gives smooth images, 1 flat patches with sharp edges.
    """

    def __init__(self, img_input: Any = None, beta: float = 2.0) -> None:
        super().__init__(img_input)
        self.name = f"TV({beta}) Loss"
        self.beta = beta

    def penalty(self, input_range: PixelRange, weight: float) -> Penalty:
        return maximization.TotalVariation(weight, self.beta)


class LPNorm(Regularizer):
    """The distance of pixels from zero; see `ks.LPNorm`.

    Args:
        img_input: see `Regularizer`.
        p: the exponent, at least 1; infinity for the greatest distance.
    """

    def __init__(self, img_input: Any = None, p: float = 6.0) -> None:
        super().__init__(img_input)
        if not p >= 1:
            raise errors.ParameterError(f"p of LPNorm must be at least 1; got {p!r}.")
        self.name = f"L-{p} Norm Loss"
        self.p = p

    def penalty(self, input_range: PixelRange, weight: float) -> Penalty:
        low, high = input_range
        rest = float(np.clip((0 - low) / (high - low), 0, 1))
        if np.isinf(self.p):
            return lambda pictures: (
                weight * ops.max(ops.abs(2 * (pictures - rest)), axis=tuple(range(1, len(pictures.shape))))
            )
        return maximization.LPNorm(weight, self.p, rest)
