"""The base class of class activation maps whose weights come from scores, without gradients."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.method.cam.base import check_layer
from kerascope.method.masks.base import PerturbationMethod
from kerascope.probe import Answer
from kerascope.typing import Array
from kerascope.validation import check_flag


@dataclass(frozen=True)
class GradientFreeCAM(PerturbationMethod):
    """Base class: a layer's channels, weighted by scores with and without them.

    Args:
        layer: path of the layer, as in `ClassActivationMap`; None for the automatic one.
        relu: keep positive relevance only, before any resizing; False gives the signed map.

    Raises:
        LayerError: the layer does not exist, cannot be read, or has no spatial extent.
        ModelError: a black box has no layers.
    """

    layer: str | None = None
    relu: bool = True

    tags: ClassVar[frozenset[str]] = frozenset({"layer", "masks", "sized", "rounded"})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_layer(self.layer)
        check_flag(self.relu, "relu")

    @property
    def signed(self) -> bool:
        """Without the ReLU, values can be negative."""
        return not self.relu

    def sum_channels(self, first: Answer, channels: Array, weights: Array) -> Array:
        """The maps of channels (N, h, w, C) under weights (N, K, C); those with weight NaN are left out."""
        weights = np.where(np.isfinite(weights).any(axis=-1, keepdims=True), np.nan_to_num(weights), np.nan)
        flat = channels.reshape(len(channels), -1, channels.shape[-1]).astype("float64")
        maps = np.einsum("npc,nkc->nkp", flat, weights)
        maps = np.maximum(maps, 0) if self.relu else maps
        return np.asarray(maps.reshape(*first.scores.shape, *channels.shape[1:-1]))

    @abstractmethod
    def perturb(self, *arguments: Any) -> Answer:
        """See `PerturbationMethod.perturb`."""


def channels_of(first: Answer) -> Array:
    """The activations of an answer, (N, h, w, C), which are the same for every class."""
    assert first.values is not None
    return first.values if first.scores.ndim == 1 else first.values[:, 0]
