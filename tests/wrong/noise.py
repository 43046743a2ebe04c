"""Noisy copies gone wrong: each is a mistake that some package has made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import kerascope as ks
from kerascope.probe import Answer, AnyProbe
from tests.wrong.path import Forgetful


@dataclass(frozen=True)
class NoiseNeverUsed(ks.SmoothGrad):
    """The noise is drawn and forgotten."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return replace(self, sigma=0.0)._asked(probe, images, target)

    def _asked(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class AbsoluteSigma(ks.SmoothGrad):
    """Sigma is in the model's units, whatever range an image has."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        share = self.sigma / max(float(np.ptp(image)) for image in images)
        return ks.SmoothGrad(self.method, self.samples, share, self.seed).attribute(probe, images, target)


@dataclass(frozen=True)
class RangeOfTheBatch(ks.SmoothGrad):
    """Sigma is a share of the range of the whole batch."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        parts = []
        right = ks.SmoothGrad(self.method, self.samples, self.sigma, self.seed).attribute(
            probe, images, target
        )
        for place in range(len(images)):
            sigma = self.sigma * float(np.ptp(images) / np.ptp(images[place]))
            noisy = ks.SmoothGrad(self.method, self.samples, sigma, self.seed)
            parts.append(noisy.attribute(probe, images, target).values[place])  # type: ignore[index]
        return replace(right, values=np.stack(parts))


@dataclass(frozen=True)
class MeanOfAbsolutes(ks.SmoothGrad):
    """Signs are dropped before the mean."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        absolute = replace(self, method=ks.Saliency(gradients="absolute"))
        return ks.SmoothGrad.attribute(absolute, probe, images, target)


@dataclass(frozen=True)
class PredictedUnderNoise(ks.SmoothGrad):
    """The class is chosen anew on each copy."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return super().attribute(Forgetful(probe), images, target)  # type: ignore[arg-type]


@dataclass(frozen=True)
class UnbiasedVariance(ks.VarGrad):
    """Divided by one less than the number of copies."""

    def summarize(self, count: int, mean: Any, squares: Any) -> Any:
        return squares / max(count - 1, 1)


@dataclass(frozen=True)
class StandardDeviation(ks.VarGrad):
    """The root of the variance."""

    def summarize(self, count: int, mean: Any, squares: Any) -> Any:
        return np.sqrt(squares / count)


@dataclass(frozen=True)
class SquareOfTheMean(ks.SquareGrad):
    """The mean is squared, not the values."""

    def summarize(self, count: int, mean: Any, squares: Any) -> Any:
        return mean**2


WRONG = [
    (NoiseNeverUsed, "oracle"),
    (AbsoluteSigma, "identities"),
    (RangeOfTheBatch, "batch"),
    (MeanOfAbsolutes, "oracle"),
    (PredictedUnderNoise, "predicted_class"),
    (UnbiasedVariance, "oracle"),
    (StandardDeviation, "oracle"),
    (SquareOfTheMean, "oracle"),
    (SquareOfTheMean, "identities"),
]
