"""Class activation maps that compute something else: each is a mistake that some package has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

import kerascope as ks


@dataclass(frozen=True)
class SummedWeights(ks.GradCAM):
    """Weights are sums over space, not means: too large by h w."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return ops.sum(gradients, axis=(1, 2), keepdims=True) * activations


@dataclass(frozen=True)
class UnpooledWeights(ks.GradCAM):
    """Gradients weigh place by place: that is HiResCAM."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return gradients * activations


@dataclass(frozen=True)
class LargestWeights(ks.GradCAM):
    """Weights are the largest gradient, not the mean."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return ops.max(gradients, axis=(1, 2), keepdims=True) * activations


@dataclass(frozen=True)
class PositiveWeights(ks.GradCAM):
    """Negative weights are dropped before the sum."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return ops.relu(ops.mean(gradients, axis=(1, 2), keepdims=True)) * activations


@dataclass(frozen=True)
class ScaledGradients(ks.GradCAM):
    """Gradients are divided by their maximum: where all are negative, the map's sign flips."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        largest = ops.max(gradients, axis=(1, 2, 3), keepdims=True)
        return super().weigh(activations, gradients / (largest + 1e-10))


@dataclass(frozen=True)
class MeanOfChannels(ks.GradCAM):
    """The weighted channels are averaged, not summed."""

    def combine(self, channels: Any) -> Any:
        return ops.mean(channels, axis=-1)


@dataclass(frozen=True)
class SwappedAxes(ks.GradCAM):
    """Height and width are exchanged, which a square map would hide."""

    def combine(self, channels: Any) -> Any:
        return ops.transpose(super().combine(channels), (0, 2, 1))


@dataclass(frozen=True)
class ForgottenRectifier(ks.GradCAM):
    """The ReLU is missing."""

    def compute(self, internals: Any) -> Any:
        return self.combine(self.channels(internals))


@dataclass(frozen=True)
class NormalisedOverTheBatch(ks.GradCAM):
    """Maps are divided by the largest value of the whole batch."""

    def combine(self, channels: Any) -> Any:
        values = super().combine(channels)
        return values / ops.max(ops.abs(values))


@dataclass(frozen=True)
class CentredOverTheBatch(ks.GradCAM):
    """The mean map of the batch is taken off each map."""

    def combine(self, channels: Any) -> Any:
        values = super().combine(channels)
        return values - ops.mean(values, axis=0, keepdims=True)


@dataclass(frozen=True)
class WithoutTheTarget(ks.GradCAM):
    """The gradient is not used: channels are averaged."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return activations


WRONG = [
    (SummedWeights, "oracle"),
    (UnpooledWeights, "oracle"),
    (LargestWeights, "oracle"),
    (PositiveWeights, "oracle"),
    (ScaledGradients, "oracle"),
    (MeanOfChannels, "oracle"),
    (MeanOfChannels, "identities"),
    (MeanOfChannels, "golden"),
    (SwappedAxes, "shape"),
    (ForgottenRectifier, "shape"),
    (NormalisedOverTheBatch, "batch"),
    (WithoutTheTarget, "depends_on_the_target"),
    (WithoutTheTarget, "planted_evidence"),
    (SummedWeights, "registered"),
    (WithoutTheTarget, "contrasts_and_units"),
    (CentredOverTheBatch, "inference_mode"),
    (CentredOverTheBatch, "sizes"),
    (ForgottenRectifier, "mixed_precision"),
    (ForgottenRectifier, "several_inputs"),
    (SwappedAxes, "rank"),
    (SwappedAxes, "sequences"),
    (SwappedAxes, "tokens"),
]
