"""What every target is, and what it may see of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keras import tree

from kerascope.layout import Layout
from kerascope.target.kind import Kind, columns
from kerascope.typing import Array

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
        kinds: what the numbers of each output are, by name; None where that is not known.
    """

    count: int
    outputs: dict[str, tuple[int, ...]]
    class_names: tuple[str, ...] | None
    layer: Callable[[str], tuple[Layout | None, int]]
    layouts: Mapping[str, Layout | None] = field(default_factory=dict)
    kinds: Mapping[str, Kind | None] = field(default_factory=dict)

    def only(self, name: str, shape: tuple[int, ...], layout: Layout | None = None) -> Context:
        """The same for a model with one output."""
        return replace(self, outputs={name: shape}, layouts={name: layout})

    @property
    def kind(self) -> Kind | None:
        """What the numbers of the only output are."""
        return self.kinds.get(next(iter(self.outputs)))


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
        kinds: for each flattened output, what its numbers are, or None where that is not known.
        logits: the scores, where what the model returns stands in their place: see `final`.
    """

    outputs: Any
    scores: Any
    squashed: tuple[bool, ...]
    activations: dict[str, Any]
    layouts: dict[str, Layout | None]
    count: int
    output_layouts: tuple[Layout | None, ...] = ()
    kinds: tuple[Kind | None, ...] = ()
    logits: Any = None

    def only(self, place: int, taken: Callable[[Any], Any] | None = None) -> Forward:
        """The same for a model that returns one of the outputs.

        Args:
            place: of the output among the flattened ones.
            taken: what is taken of it, of which it is not known how it lies in space; None for all.
        """

        def chosen(structure: Any) -> Any:
            tensor = tree.flatten(structure)[place]
            return tensor if taken is None else taken(tensor)

        return replace(
            self,
            outputs=chosen(self.outputs),
            scores=chosen(self.scores),
            logits=None if self.logits is None else chosen(self.logits),
            squashed=(self.squashed[place],),
            output_layouts=self.output_layouts[place : place + 1] if taken is None else (),
            kinds=self.kinds[place : place + 1],
        )

    def final(self) -> Forward:
        """The same with what the model returns in the place of the scores."""
        return replace(self, scores=self.outputs, logits=self.scores)

    @property
    def layout(self) -> Layout | None:
        """How the only output lies in space."""
        return self.output_layouts[0] if self.output_layouts else None

    @property
    def kind(self) -> Kind | None:
        """What the numbers of the only output are."""
        return self.kinds[0] if self.kinds else None

    @property
    def columns(self) -> tuple[Any, Any]:
        """What the only output holds for each class, and the scores: see `kerascope.target.kind`."""
        before = self.scores if self.logits is None else self.logits
        output, scores = (tree.flatten(structure)[0] for structure in (self.outputs, before))
        output, scores = columns(output, scores, self.kind)
        return output, scores if self.logits is None else output


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
        columns: what the labels are columns of, where that is not the output as it is: pairs of what the
            model returns and the scores in front of it, both (N, ..., K), such as one step of a sequence.
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

    def fitted(self, context: Context) -> Target:
        """What the target stands for with this model: the predicted class of a regression is its number."""
        return self

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
