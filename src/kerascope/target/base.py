"""The target interface: what it may read of a model, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from keras import ops, tree

from kerascope.layout import Layout
from kerascope.typing import Array

TargetLike = Any
"""None, an integer, integers, a class name, a `Target`, or a callable: what `as_target` takes."""

OutputKind = Literal["classes", "labels", "binary", "regression"]
"""How to read the numbers of an output.

`"classes"`: a score for each of K classes, of which one is right, as before a softmax. `"labels"`: a score
for each of K labels, each a question of its own, as before K sigmoids. `"binary"`: one score z for two
classes, 1 where z > 0, else 0, as before one sigmoid. `"regression"`: numbers that belong to no class.
"""
OUTPUT_KINDS: tuple[OutputKind, ...] = get_args(OutputKind)


def class_count(shape: Sequence[int], kind: OutputKind | None) -> int:
    """Return the number of classes of an output."""
    if kind == "binary":
        return 2
    return shape[-1] if len(shape) > 1 else 1


def class_columns(output: Any, scores: Any, kind: OutputKind | None) -> tuple[Any, Any]:
    """Return the output and its scores with one column per class, both (N, ..., K) float32.

    A single score z for two classes becomes -z and z. Probabilities of binary outputs and of labels are
    sigmoids of the scores. An output (N,) is read as (N, 1).
    """
    output, scores = (_with_channels(ops.cast(tensor, "float32")) for tensor in (output, scores))
    if kind == "binary":
        scores = ops.concatenate([-scores, scores], axis=-1)
    return (ops.sigmoid(scores) if kind in ("binary", "labels") else output), scores


def _with_channels(tensor: Any) -> Any:
    return tensor if len(tensor.shape) > 1 else tensor[:, None]


@dataclass(frozen=True)
class Context:
    """The model and batch that a target is checked against.

    Args:
        count: number of images.
        outputs: shape of each flattened output of the model, batch first, by name.
        class_names: names of the classes, or None.
        layer: returns the layout and the number of channels of the layer at a path; raises a `LayerError` if
            there is no such layer.
        layouts: layout of each output with spatial axes, by name.
        kinds: kind of each output, by name; None if unknown.
    """

    count: int
    outputs: dict[str, tuple[int, ...]]
    class_names: tuple[str, ...] | None
    layer: Callable[[str], tuple[Layout | None, int]]
    layouts: Mapping[str, Layout | None] = field(default_factory=dict)
    kinds: Mapping[str, OutputKind | None] = field(default_factory=dict)

    def only(self, name: str, shape: tuple[int, ...], layout: Layout | None = None) -> Context:
        """Return the context of a model that has only this output."""
        return replace(self, outputs={name: shape}, layouts={name: layout})

    @property
    def kind(self) -> OutputKind | None:
        """The kind of the only output."""
        return self.kinds.get(next(iter(self.outputs)))


@dataclass(frozen=True)
class Forward:
    """The tensors of one forward pass.

    Args:
        outputs: the outputs of the model, in its own structure.
        scores: the same structure, before the output activation.
        squashed: for each flattened output, whether it has an output activation, so that it holds
            probabilities.
        activations: the output of each tapped layer, as the layer returned it.
        layouts: the layout of each of these activations.
        count: number of images in the pass, padding included.
        output_layouts: the layout of each flattened output, or None without spatial axes.
        kinds: the kind of each flattened output, or None if unknown.
        logits: the scores, where `scores` holds the outputs instead: see `final`.
    """

    outputs: Any
    scores: Any
    squashed: tuple[bool, ...]
    activations: dict[str, Any]
    layouts: dict[str, Layout | None]
    count: int
    output_layouts: tuple[Layout | None, ...] = ()
    kinds: tuple[OutputKind | None, ...] = ()
    logits: Any = None

    def only(self, index: int, transform: Callable[[Any], Any] | None = None) -> Forward:
        """Return the forward pass of a model with only one flattened output, or its `transform`."""

        def select(structure: Any) -> Any:
            tensor = tree.flatten(structure)[index]
            return tensor if transform is None else transform(tensor)

        return replace(
            self,
            outputs=select(self.outputs),
            scores=select(self.scores),
            logits=None if self.logits is None else select(self.logits),
            squashed=(self.squashed[index],),
            output_layouts=self.output_layouts[index : index + 1] if transform is None else (),
            kinds=self.kinds[index : index + 1],
        )

    def final(self) -> Forward:
        """Return the same forward pass with the outputs as scores, and the scores as logits."""
        return replace(self, scores=self.outputs, logits=self.scores)

    @property
    def layout(self) -> Layout | None:
        """The layout of the only output."""
        return self.output_layouts[0] if self.output_layouts else None

    @property
    def kind(self) -> OutputKind | None:
        """The kind of the only output."""
        return self.kinds[0] if self.kinds else None

    @property
    def columns(self) -> tuple[Any, Any]:
        """The only output and its scores, with one column per class: see `class_columns`."""
        before = self.scores if self.logits is None else self.logits
        output, scores = (tree.flatten(structure)[0] for structure in (self.outputs, before))
        output, scores = class_columns(output, scores, self.kind)
        return output, scores if self.logits is None else output


@dataclass(frozen=True)
class Reading:
    """The scores that a target reads from one forward pass.

    Args:
        scores: (N, K) the explained numbers.
        labels: (N, K) their classes, or None if they belong to no class.
        output: index of the flattened output they come from, or None if they come from no single output.
        probability: the scores are meant to be probabilities.
        choices: what the target chose from each image's own outputs, (N, ...) by name, such as the predicted
            class. Passed to `read` as arguments, they replace the choice: see `Pinned`.
        undefined: (N,) True for images on which the target does not exist, or None; see `Target.requirement`.
        columns: the output and its scores that the labels index, both (N, ..., K), if these differ from the
            output as it is, such as one step of a sequence.
    """

    scores: Any
    labels: Any = None
    output: int | None = None
    probability: bool = False
    choices: Mapping[str, Any] = field(default_factory=dict)
    undefined: Any = None
    columns: tuple[Any, Any] | None = None


class Target(ABC):
    """A number that is explained.

    Attributes:
        class_axis: results have an axis for the classes after the axis for the images.
        layers: paths of the layers whose activations the target reads.
        chooses: the target depends on a choice from each image's own outputs, such as the predicted class.
        linear: once the choices are fixed, the target is a sum of scores with fixed factors.
    """

    class_axis: bool = False
    layers: tuple[str, ...] = ()
    chooses: bool = False
    linear: bool = False

    def resolve(self, context: Context) -> Target:
        """Return the target for this model: for a regression, the predicted class is its number."""
        return self

    @abstractmethod
    def key(self) -> Hashable:
        """Return all that a compiled program depends on, except the numbers in `arguments`."""

    def arguments(self, context: Context) -> dict[str, Array]:
        """Return arrays with one row per image, which `read` receives."""
        return {}

    @abstractmethod
    def read(self, forward: Forward, arguments: Any) -> Reading:
        """Return the scores of one forward pass, as backend tensors."""

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        """Return the indices of the flattened outputs that are read; None for all of them."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """Return a short description of the target."""

    def requirement(self) -> str:
        """Return what must hold, and what to do otherwise, for images with `Reading.undefined`."""
        return f"{self.describe()} must exist"
