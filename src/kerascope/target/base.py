"""What every target is, and what it may see of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kerascope.layout import Layout

Array = np.ndarray[Any, Any]
TargetLike = Any
"""None, an integer, integers, a class name, a `Target`, or a callable: what `as_target` takes."""


@dataclass(frozen=True)
class Context:
    """What a target may know when it checks itself against a model and a batch.

    Args:
        count: number of images.
        outputs: shape of each of the model's flattened outputs, batch first, by name.
        class_names: names of the classes, or None.
        layer: looks a layer path up, for its layout and its number of channels; raises a `LayerError` where
            there is none.
        layouts: how those of the outputs lie in space that have spatial axes, by name.
    """

    count: int
    outputs: dict[str, tuple[int, ...]]
    class_names: tuple[str, ...] | None
    layer: Callable[[str], tuple[Layout | None, int]]
    layouts: Mapping[str, Layout | None] = field(default_factory=dict)

    def only(self, name: str, shape: tuple[int, ...], layout: Layout | None = None) -> Context:
        """The same for a model with one output."""
        return replace(self, outputs={name: shape}, layouts={name: layout})


@dataclass(frozen=True)
class Forward:
    """What a forward pass gave.

    Args:
        outputs: what the model returns, in its own structure.
        scores: the same structure, with the pre-softmax score wherever the model squashes one.
        squashed: for each flattened output, whether it was squashed, so that it holds probabilities.
        activations: the output of each tapped layer, as the layer returned it.
        layouts: how each of these lies in space.
        count: number of images in the pass, padding included.
        output_layouts: for each flattened output, how it lies in space, or None without spatial axes.
    """

    outputs: Any
    scores: Any
    squashed: tuple[bool, ...]
    activations: dict[str, Any]
    layouts: dict[str, Layout | None]
    count: int
    output_layouts: tuple[Layout | None, ...] = ()

    def only(self, output: Any, scores: Any, squashed: bool, layout: Layout | None = None) -> Forward:
        """The same for a model with one output."""
        return replace(self, outputs=output, scores=scores, squashed=(squashed,), output_layouts=(layout,))

    @property
    def layout(self) -> Layout | None:
        """How the only output lies in space."""
        return self.output_layouts[0] if self.output_layouts else None


@dataclass(frozen=True)
class Reading:
    """What a target read from one forward pass.

    Args:
        scores: (N, K) the explained numbers.
        labels: (N, K) the classes they belong to, or None where they belong to none.
        output: position of the flattened output they come from, or None where it is not one output.
        probability: a probability was asked for on purpose.
        chosen: what was chosen by looking at this image's own outputs, (N, ...) by name, such as the
            predicted class. Handed back among the arguments, it is taken as it is: see `Pinned`.
        unmet: (N,) where the image has nothing of the kind that was asked for, or None; see
            `Target.complaint`.
        columns: what the labels are columns of, where that is not a whole output: pairs of what the model
            returns and the scores in front of it, both (N, ..., K), such as one step of a sequence.
    """

    scores: Any
    labels: Any = None
    output: int | None = None
    probability: bool = False
    chosen: Mapping[str, Any] = field(default_factory=dict)
    unmet: Any = None
    columns: tuple[Any, Any] | None = None


class Target(ABC):
    """The number that is explained.

    Attributes:
        class_axis: results carry an axis for the classes after the one for images.
        layers: paths of the layers whose activations the target reads.
        chooses: what is explained is chosen by looking at each image's own outputs, as the predicted class.
        linear: with its choices made, it is a sum of scores with fixed factors.
    """

    class_axis: bool = False
    layers: tuple[str, ...] = ()
    chooses: bool = False
    linear: bool = False

    @abstractmethod
    def key(self) -> Hashable:
        """What a compiled program depends on: everything but the numbers in `arguments`."""

    def arguments(self, context: Context) -> dict[str, Array]:
        """Arrays with one row per image, handed to `read`.

        Raises:
            TargetError: the target does not fit the model or the number of images.
        """
        return {}

    @abstractmethod
    def read(self, forward: Forward, arguments: Any) -> Reading:
        """The scores, in backend tensors, from one forward pass."""

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        """Positions of the flattened outputs that are read; None for all of them."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """What is explained, in a few words."""

    def complaint(self) -> str:
        """What must hold, and what to do, where `Reading.unmet` says that it does not."""
        return f"{self.describe()} must exist"
