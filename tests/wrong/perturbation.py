"""Masks gone wrong: each is a mistake that some package has made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

import kerascope as ks
from kerascope.perturb import MapMasks, WindowMasks
from kerascope.probe import Answer, AnyProbe


@dataclass(frozen=True)
class WhatIsLeft(ks.Occlusion):
    """The score that is left instead of the drop: evidence is where the map is low."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        return replace(found, values=first.scores.reshape(-1, 1, 1) - found.values)


@dataclass(frozen=True)
class SummedDrops(ks.Occlusion):
    """Drops are summed, not divided by the number of windows on a pixel: the middle outweighs the border."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        assert found.values is not None
        window, starts = self.windows(found.values.shape[1:])
        cover = np.zeros(found.values.shape[1:])
        for top, left in starts.astype(int):
            cover[top : top + window[0], left : left + window[1]] += 1
        return replace(found, values=found.values * cover)


@dataclass(frozen=True)
class Miscounted(ks.Occlusion):
    """It tells of one mask too few."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        assert found.masks is not None
        return replace(found, masks=found.masks - 1)


@dataclass(frozen=True)
class ShiftedWindows(WindowMasks):
    """Windows begin one pixel further."""

    def make(self, codes: Any, own: Any, numpy: Any) -> Any:
        return super().make(codes + 1, own, numpy)


@dataclass(frozen=True)
class OneFurther(ks.Occlusion):
    """Each window is one pixel off."""

    def stream(
        self, probe: AnyProbe, first: Answer, pictures: Any, masks: Any, *rest: Any, **more: Any
    ) -> Any:
        wrong = ShiftedWindows(masks.spatial, masks.window)
        return super().stream(probe, first, pictures, wrong, *rest, **more)


@dataclass(frozen=True)
class NotCentred(ks.RISE):
    """Equation 6 as it stands: the mean score stays in, with the noise of how many masks leave a pixel."""

    def perturb(self, probe: AnyProbe, first: Answer, pictures: Any) -> Answer:
        found = super().perturb(probe, first, pictures)
        return replace(found, values=found.values + first.scores.reshape(-1, 1, 1))


@dataclass(frozen=True)
class OneMaskForAll(ks.RISE):
    """Every mask is drawn from the same seed."""

    def draw_codes(self, numbers: Any, kind: Any) -> Any:
        return super().draw_codes(np.zeros_like(numbers), kind)


@dataclass(frozen=True)
class NeverShifted(ks.RISE):
    """Masks are not shifted: the grid shows."""

    def draw_codes(self, numbers: Any, kind: Any) -> Any:
        codes = super().draw_codes(numbers, kind)
        codes[:, -len(kind.cells) :] = 0
        return codes


@dataclass(frozen=True)
class Unseeded(ks.RISE):
    """Masks come from the global generator."""

    def draw_codes(self, numbers: Any, kind: Any) -> Any:
        codes = super().draw_codes(numbers, kind)
        codes[:, : -len(kind.cells)] = np.random.random(codes[:, : -len(kind.cells)].shape) < 0.5  # noqa: NPY002
        return codes


@dataclass(frozen=True)
class NearestMaps(MapMasks):
    """Maps are not brought to 0 to 1."""

    def make(self, codes: Any, own: Any, numpy: Any) -> Any:
        return super().make(codes, own, numpy) * 0.5


@dataclass(frozen=True)
class HalfMasks(ks.ScoreCAM):
    """Masks end at one half."""

    relu: bool = False

    def stream(
        self, probe: AnyProbe, first: Answer, pictures: Any, masks: Any, *rest: Any, **more: Any
    ) -> Any:
        wrong = NearestMaps(masks.grid, masks.spatial, masks.sigma)
        return super().stream(probe, first, pictures, wrong, *rest, **more)


@dataclass(frozen=True)
class NoBaseline(ks.ScoreCAM):
    """Weights are scores, not increases over the baseline's."""

    relu: bool = False

    def sum_channels(self, first: Answer, channels: Any, weights: Any) -> Any:
        return super().sum_channels(first, channels, weights + first.scores.reshape(len(weights), -1, 1))


@dataclass(frozen=True)
class SoftmaxOfWeights(ks.ScoreCAM):
    """A softmax over the channels by default: what speaks against the class is lost."""

    relu: bool = False
    softmax: bool = True


@dataclass(frozen=True)
class OtherWay(ks.AblationCAM):
    """The score without the channel less the score: what matters is negative."""

    relu: bool = False

    def sum_channels(self, first: Answer, channels: Any, weights: Any) -> Any:
        return super().sum_channels(first, channels, -weights)


@dataclass(frozen=True)
class GradientForAll(ks.AblationCAM):
    """The gradient stands for the ablation, without the activation that is taken away."""

    relu: bool = False

    def _compute_linear(self, internals: Any) -> Any:
        weights = ops.mean(internals.gradients[0], axis=(1, 2), keepdims=True)
        return ops.sum(weights * internals.activations[0], axis=-1)


WRONG = [
    (WhatIsLeft, "planted_evidence"),
    (WhatIsLeft, "oracle"),
    (SummedDrops, "oracle"),
    (Miscounted, "cost"),
    (OneFurther, "oracle"),
    (OneFurther, "identities"),
    (NotCentred, "flat_maps_are_named"),
    (NotCentred, "oracle"),
    (OneMaskForAll, "oracle"),
    (NeverShifted, "oracle"),
    (NeverShifted, "identities"),
    (Unseeded, "deterministic"),
    (HalfMasks, "oracle"),
    (NoBaseline, "oracle"),
    (SoftmaxOfWeights, "oracle"),
    (OtherWay, "oracle"),
    (GradientForAll, "identities"),
]
