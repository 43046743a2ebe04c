"""Maps of pixels and wrappers that compute something else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

import kerascope as ks
from kerascope.perturb.variants import run_variants


@dataclass(frozen=True)
class AnotherForEachPlace(ks.RandomMap):
    """The generator goes on from image to image: a map depends on the place in the batch."""

    def attribute(self, probe: Any, images: Any, target: Any) -> Any:
        answer = super().attribute(probe, images, target)
        return replace(answer, values=np.random.default_rng(self.seed).random(answer.values.shape))


@dataclass(frozen=True)
class SeededByTheImageAlone(ks.RandomMap):
    """The seed is forgotten."""

    def draw(self, image: Any) -> Any:
        return replace(ks.RandomMap(grid=self.grid), seed=1).draw(image)


@dataclass(frozen=True)
class SidesExchanged(ks.CentreGaussian):
    """Height and width are exchanged."""

    def draw(self, image: Any) -> Any:
        return super().draw(image).T


@dataclass(frozen=True)
class EdgesOfTheSum(ks.EdgeMap):
    """Channels are summed before, not after: opposite edges vanish."""

    def draw(self, image: Any) -> Any:
        return super().draw(image.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class WithoutBiases(ks.FullGrad):
    """The image's own term alone."""

    def compute(self, internals: Any) -> Any:
        return super().compute(replace(internals, biases=()))


@dataclass(frozen=True)
class LastBiasesAlone(ks.FullGrad):
    """The biases of the last layers only."""

    def compute(self, internals: Any) -> Any:
        return super().compute(replace(internals, biases=internals.biases[-2:]))


@dataclass(frozen=True)
class WithoutTheGradient(ks.FullGrad):
    """The image times the gradient's sign."""

    def compute(self, internals: Any) -> Any:
        return super().compute(replace(internals, image_gradient=ops.sign(internals.image_gradient)))


@dataclass(frozen=True)
class WholeRegions(ks.XRAI):
    """Regions of one scale alone."""

    def attribute(self, probe: Any, images: Any, target: Any) -> Any:
        return ks.XRAI(self.method, scales=self.scales[-1:]).attribute(probe, images, target)


@dataclass(frozen=True)
class UpsideDownRegions(ks.XRAI):
    """Turned upside down."""

    def attribute(self, probe: Any, images: Any, target: Any) -> Any:
        answer = super().attribute(probe, images, target)
        return replace(answer, values=np.flip(answer.values, -2))


@dataclass(frozen=True)
class NotTurnedBack(ks.Augmented):
    """The maps of mirror images are not mirrored."""

    def attribute(self, probe: Any, images: Any, target: Any) -> Any:
        first = probe.run(None, images, target)

        def variant(number: int) -> Any:
            flip, scale = self.variants[number]
            pixels = first.batch.pixels * np.float32(scale)
            return np.flip(pixels, 2) if flip else pixels

        found = list(run_variants(probe, first, len(self.variants), variant, self.method.attribute))
        mean = np.mean([values for _, _, values in found], axis=0)
        return replace(first, values=mean, layers=found[0][1].layers)


@dataclass(frozen=True)
class SumOfChannels(ks.PrincipalComponent):
    """The sum of the channels, which is the method itself."""

    def _collapse(self, channels: Any) -> Any:
        return ops.sum(channels, axis=-1)


@dataclass(frozen=True)
class AnySign(ks.PrincipalComponent):
    """The sign is that which the eigenvector happens to have."""

    def _collapse(self, channels: Any) -> Any:
        return -super()._collapse(channels)


WRONG = [
    (AnotherForEachPlace, "batch"),
    (SeededByTheImageAlone, "oracle"),
    (SidesExchanged, "shape"),
    (EdgesOfTheSum, "oracle"),
    (WithoutBiases, "oracle"),
    (WithoutBiases, "identities"),
    (LastBiasesAlone, "identities"),
    (WithoutTheGradient, "identities"),
    (WholeRegions, "oracle"),
    (UpsideDownRegions, "planted_evidence"),
    (NotTurnedBack, "oracle"),
    (NotTurnedBack, "identities"),
    (SumOfChannels, "oracle"),
    (AnySign, "oracle"),
    (AnySign, "identities"),
]
