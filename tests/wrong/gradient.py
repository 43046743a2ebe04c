"""Gradients that compute something else: each is a mistake that some package has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

import kerascope as ks


@dataclass(frozen=True)
class AbsoluteGradient(ks.Saliency):
    """The sign is lost in the values, not in the heat map only."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.abs(gradient)


@dataclass(frozen=True)
class TimesInput(ks.Saliency):
    """Multiplied by the image: that is another method."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return image * gradient


@dataclass(frozen=True)
class ReducedChannels(ks.Saliency):
    """Channels are reduced in the values."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.max(gradient, axis=-1, keepdims=True)


@dataclass(frozen=True)
class MirroredGradient(ks.Saliency):
    """Turned upside down."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.flip(gradient, axis=1)


WRONG = [
    (AbsoluteGradient, "oracle"),
    (TimesInput, "oracle"),
    (TimesInput, "identities"),
    (ReducedChannels, "shape"),
    (MirroredGradient, "oracle"),
    (MirroredGradient, "planted_evidence"),
]
