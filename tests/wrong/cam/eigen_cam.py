"""Principal components with a mistake: the wrong one, the wrong sign, of the wrong table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

import kerascope as ks
from kerascope.method.cam.principal import first_direction


@dataclass(frozen=True)
class EigenCentred(ks.EigenCAM):
    """Centred, though it was not asked for."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return super().weigh(activations - ops.mean(activations, axis=(1, 2), keepdims=True), gradients)


@dataclass(frozen=True)
class EigenSecondComponent(ks.EigenCAM):
    """The second component: what is left when the first is taken off."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        first = first_direction(activations)
        along = ops.sum(activations * first, axis=-1, keepdims=True)
        return super().weigh(activations - along * first, gradients)


@dataclass(frozen=True)
class EigenOfTheBatch(ks.EigenCAM):
    """One direction for all images of the batch."""

    def table(self, activations: Any, gradients: Any) -> Any:
        return activations

    def weigh(self, activations: Any, gradients: Any) -> Any:
        count, height, width, channels = activations.shape
        together = ops.reshape(activations, (1, count * height, width, channels))
        return ops.reshape(super().weigh(together, gradients), activations.shape)


@dataclass(frozen=True)
class EigenOfAnySign(ks.EigenCAM):
    """The sign is whatever came out, here the wrong one."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return -super().weigh(activations, gradients)


@dataclass(frozen=True)
class EigenDirectionOnly(ks.EigenCAM):
    """The left singular vector, without the singular value."""

    def combine(self, channels: Any) -> Any:
        values = super().combine(channels)
        return values / ops.sqrt(ops.sum(ops.square(values), axis=(1, 2), keepdims=True) + 1e-12)


@dataclass(frozen=True)
class EigenGradOfGradients(ks.EigenGradCAM):
    """The gradients alone are projected."""

    def table(self, activations: Any, gradients: Any) -> Any:
        return gradients


@dataclass(frozen=True)
class EigenGradPooled(ks.EigenGradCAM):
    """Gradients are pooled before they are multiplied."""

    def table(self, activations: Any, gradients: Any) -> Any:
        return ops.mean(gradients, axis=(1, 2), keepdims=True) * activations


@dataclass(frozen=True)
class KernelOfTheSum(ks.KPCACAM):
    """The kernel's constants are left out: tanh(x y)."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        grown = activations * activations.shape[-1] ** 0.5
        return super().weigh(grown, gradients)


@dataclass(frozen=True)
class KernelOfAnySign(ks.KPCACAM):
    """The sign is whatever came out, here the wrong one."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return -super().weigh(activations, gradients)


WRONG = [
    (EigenCentred, "oracle"),
    (EigenSecondComponent, "oracle"),
    (EigenOfTheBatch, "oracle"),
    (EigenOfTheBatch, "batch"),
    (EigenOfAnySign, "oracle"),
    (EigenDirectionOnly, "oracle"),
    (EigenGradOfGradients, "oracle"),
    (EigenGradPooled, "oracle"),
    (KernelOfTheSum, "oracle"),
    (KernelOfAnySign, "oracle"),
]
