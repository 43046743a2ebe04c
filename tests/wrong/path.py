"""Gradients along paths, added up wrongly: each is a mistake that some package has made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import kerascope as ks
from kerascope.method.path.base import Path, PathStep
from kerascope.probe import Answer, AnyProbe


@dataclass(frozen=True)
class WithoutTheImage(ks.InputXGradient):
    """The gradient alone."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return gradient


@dataclass(frozen=True)
class LeftSum(ks.IntegratedGradients):
    """The gradient is asked for where each step begins."""

    def _line(self, start: Any, image: Any) -> Callable[[int], PathStep]:
        way = image - start
        return lambda number: (start + number / self.steps * way, way / self.steps)


@dataclass(frozen=True)
class EndpointMean(ks.IntegratedGradients):
    """The points run from the baseline to the image, both included, all with the same weight."""

    def _line(self, start: Any, image: Any) -> Callable[[int], PathStep]:
        way = image - start
        return lambda number: (start + number / (self.steps - 1) * way, way / self.steps)


@dataclass(frozen=True)
class ShortTrapezoid(ks.IntegratedGradients):
    """A trapezoid of n points whose weights sum to (n - 1) / n."""

    def _line(self, start: Any, image: Any) -> Callable[[int], PathStep]:
        way = image - start
        last = self.steps - 1

        def step(number: int) -> PathStep:
            weight = 0.5 if number in (0, last) else 1.0
            return start + number / last * way, weight * way / self.steps

        return step


@dataclass(frozen=True)
class WithoutTheWay(ks.IntegratedGradients):
    """The mean gradient is not multiplied with the way from the baseline."""

    def _line(self, start: Any, image: Any) -> Callable[[int], PathStep]:
        step = super()._line(start, image)
        return lambda number: (step(number)[0], np.full(image.shape, 1 / self.steps))


@dataclass(frozen=True)
class TimesTheImage(ks.IntegratedGradients):
    """Multiplied with the image, not with the way from the baseline."""

    def _line(self, start: Any, image: Any) -> Callable[[int], PathStep]:
        step = super()._line(start, image)
        return lambda number: (step(number)[0], image / self.steps)


@dataclass(frozen=True)
class PredictedOnTheWay(ks.IntegratedGradients):
    """The class is chosen anew at each point."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return super().attribute(Forgetful(probe), images, target)  # type: ignore[arg-type]


@dataclass(frozen=True)
class BlurBackwards(ks.BlurIntegratedGradients):
    """The steps lead out of focus."""

    def paths(self, pictures: Any) -> Sequence[Path]:
        (path,) = super().paths(pictures)

        def step(number: int) -> PathStep:
            point, way = path.step(number)
            return point, -way

        return [replace(path, step=step)]


@dataclass(frozen=True)
class BlurredColours(ks.BlurIntegratedGradients):
    """The blur runs over rows only."""

    def paths(self, pictures: Any) -> Sequence[Path]:
        class Rows(type(pictures)):  # type: ignore[misc]
            def blur(self, sigma: float) -> Any:
                from scipy.ndimage import gaussian_filter1d

                return gaussian_filter1d(self.pixels, sigma, axis=1) if sigma else self.pixels

        return super().paths(Rows(pictures.pixels, pictures.layout, pictures.dtype, pictures.stated))


@dataclass(frozen=True)
class SteepestFirst(ks.GuidedIntegratedGradients):
    """Those pixels move first that change the score most."""

    def advance(self, gone: Any, distances: Any, slopes: Any, number: int) -> Any:
        return super().advance(gone, distances, -slopes, number)


@dataclass(frozen=True)
class NeverGuided(ks.GuidedIntegratedGradients):
    """The gradient does not lead: a straight path."""

    def advance(self, gone: Any, distances: Any, slopes: Any, number: int) -> Any:
        return np.full_like(gone, number / self.steps)


@dataclass(frozen=True)
class ExpectedAlphas(ks.ExpectedGradients):
    """The random places within the strata are lost."""

    def draws(self) -> Any:
        alphas, numbers = super().draws()
        return np.full_like(alphas, 0.5), numbers


@dataclass(frozen=True)
class ForgottenGap(ks.IntegratedGradients):
    """The completeness gap is not told."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        answer = super().attribute(probe, images, target)
        assert answer.completeness_gap is not None
        return replace(answer, completeness_gap=np.zeros_like(answer.completeness_gap))


class Forgetful:
    """A probe whose answers keep no choices of a target."""

    def __init__(self, probe: Any) -> None:
        self._probe = probe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._probe, name)

    def with_padding(self, count: int) -> Forgetful:
        return Forgetful(self._probe.with_padding(count))

    def run(self, *arguments: Any, **options: Any) -> Answer:
        answer: Answer = self._probe.run(*arguments, **options)
        chosen = getattr(answer.pinned.target, "index", ()) is None
        return replace(answer, pinned=replace(answer.pinned, known={})) if chosen else answer


WRONG = [
    (WithoutTheImage, "oracle"),
    (WithoutTheImage, "identities"),
    (LeftSum, "oracle"),
    (EndpointMean, "oracle"),
    (ShortTrapezoid, "oracle"),
    (ShortTrapezoid, "identities"),
    (WithoutTheWay, "oracle"),
    (WithoutTheWay, "completeness"),
    (TimesTheImage, "identities"),
    (PredictedOnTheWay, "predicted_class"),
    (BlurBackwards, "oracle"),
    (BlurBackwards, "completeness"),
    (BlurredColours, "oracle"),
    (BlurredColours, "identities"),
    (SteepestFirst, "oracle"),
    (NeverGuided, "oracle"),
    (ExpectedAlphas, "oracle"),
    (ForgottenGap, "completeness"),
]
