"""Later class activation maps with a mistake in what they weigh channels by."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from keras import ops

import kerascope as ks
from kerascope.probe import Answer, AnyProbe, Internals
from kerascope.target import Target

SPACE = (1, 2)


def total(values: Any) -> Any:
    """The sum over height and width."""
    return ops.sum(values, axis=SPACE, keepdims=True)


@dataclass(frozen=True)
class CamWithMeanWeights(ks.CAM):
    """Gradients are averaged over space, which is Grad-CAM: too small by h w."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return ops.mean(gradients, axis=SPACE, keepdims=True) * activations


@dataclass(frozen=True)
class CamOfAnyHead(ks.CAM):
    """The head is not looked at."""

    def attribute_with(
        self, compute: Callable[[Internals], Any], key: Hashable, probe: AnyProbe, images: Any, target: Target
    ) -> Answer:
        return super(ks.CAM, self).attribute_with(compute, key, probe, images, target)


@dataclass(frozen=True)
class PlusPlusWithTheMean(ks.GradCAMPlusPlus):
    """The mean of the activations stands where their sum belongs."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        alpha = 1 / (2 + gradients * ops.mean(activations, axis=SPACE, keepdims=True))
        return total(alpha * ops.relu(gradients)) * activations


@dataclass(frozen=True)
class PlusPlusWithoutAlpha(ks.GradCAMPlusPlus):
    """A factor alpha that is divided by itself does nothing."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        alpha = 1 / (2 + gradients * total(activations))
        return total(alpha / alpha * ops.relu(gradients)) * activations


@dataclass(frozen=True)
class PlusPlusNormalised(ks.GradCAMPlusPlus):
    """The factors alpha of a channel are made to sum to 1."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        alpha = 1 / (2 + gradients * total(activations))
        return total(alpha / total(alpha) * ops.relu(gradients)) * activations


@dataclass(frozen=True)
class PlusPlusOfTheExponential(ks.GradCAMPlusPlus):
    """The gradient is that of exp(s)."""

    def channels(self, internals: Internals) -> Any:
        channels = super().channels(internals)
        return channels * ops.reshape(ops.exp(internals.scores), (-1, *[1] * (len(channels.shape) - 1)))


@dataclass(frozen=True)
class PlusPlusWithAllGradients(ks.GradCAMPlusPlus):
    """Negative gradients count as well."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        alpha = 1 / (2 + gradients * total(activations))
        return total(alpha * gradients) * activations


@dataclass(frozen=True)
class HiResOfPositiveGradients(ks.HiResCAM):
    """Negative gradients are dropped, which is LayerCAM."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return ops.relu(gradients) * activations


@dataclass(frozen=True)
class LayerWithoutRectifier(ks.LayerCAM):
    """Negative gradients stay, which is HiResCAM."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return gradients * activations


@dataclass(frozen=True)
class ElementWiseTooLate(ks.ElementWiseCAM):
    """Rectified when channels are summed already, which is HiResCAM."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return gradients * activations


@dataclass(frozen=True)
class XGradNotNormalised(ks.XGradCAM):
    """The weights are not divided by the sum of the activations."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return total(activations * gradients) * activations


@dataclass(frozen=True)
class XGradOverTheMean(ks.XGradCAM):
    """Divided by the mean of the activations, not by their sum."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return super().weigh(activations, gradients) * activations.shape[1] * activations.shape[2]


@dataclass(frozen=True)
class ShapleyOfTheSum(ks.ShapleyCAM):
    """Weights are sums over space, not means."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return total(gradients) * activations


@dataclass(frozen=True)
class ShapleyWithAnUncountedBackward(ks.ShapleyCAM):
    """Says that it costs as much as Grad-CAM."""

    backwards = 1


@dataclass(frozen=True)
class FinerAgainstTheBest(ks.FinerCAM):
    """One look-alike stands for all."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return ks.FinerCAM.attribute(replace(self, similar=1), probe, images, target)


@dataclass(frozen=True)
class FinerIsTheMethod(ks.FinerCAM):
    """The look-alikes are forgotten, so that any target will do."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return self.method.attribute(probe, images, target)


@dataclass(frozen=True)
class FinerWithAStrengthOfItsOwn(ks.FinerCAM):
    """The strength is not handed on."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return (
            super().attribute(probe, images, target)
            if self.strength
            else _strong(self, probe, images, target)
        )


def _strong(method: ks.FinerCAM, probe: AnyProbe, images: Any, target: Any) -> Answer:
    return ks.FinerCAM.attribute(replace(method, strength=1.0), probe, images, target)


WRONG = [
    (CamWithMeanWeights, "oracle"),
    (CamWithMeanWeights, "identities"),
    (CamOfAnyHead, "other_heads"),
    (PlusPlusWithTheMean, "oracle"),
    (PlusPlusWithoutAlpha, "oracle"),
    (PlusPlusNormalised, "oracle"),
    (PlusPlusOfTheExponential, "oracle"),
    (PlusPlusWithAllGradients, "oracle"),
    (HiResOfPositiveGradients, "oracle"),
    (HiResOfPositiveGradients, "identities"),
    (LayerWithoutRectifier, "oracle"),
    (LayerWithoutRectifier, "identities"),
    (ElementWiseTooLate, "oracle"),
    (ElementWiseTooLate, "identities"),
    (XGradNotNormalised, "oracle"),
    (XGradOverTheMean, "oracle"),
    (XGradOverTheMean, "identities"),
    (ShapleyOfTheSum, "oracle"),
    (ShapleyOfTheSum, "identities"),
    (ShapleyWithAnUncountedBackward, "cost"),
    (FinerAgainstTheBest, "oracle"),
    (FinerIsTheMethod, "oracle"),
    (FinerIsTheMethod, "contrasts_and_units"),
    (FinerIsTheMethod, "target_forms"),
    (FinerIsTheMethod, "cost"),
    (FinerWithAStrengthOfItsOwn, "identities"),
]
