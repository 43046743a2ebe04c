"""Targets that are classes: one class, and the best few."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.base import Array, Context, Forward, Reading, Target


@dataclass(frozen=True, eq=False)
class Class(Target):
    r"""The score of a class: $s_n = z_{n, c_n}$ with the pre-softmax scores $z$.

    Args:
        index: class index, class name, or one of them per image; None for the class with the highest score
            of each image.

    Example:
        >>> import kerascope as ks
        >>> ks.Class(3).describe()
        'class 3'
    """

    index: int | str | Sequence[int | str] | None = None

    def key(self) -> Hashable:
        return ("class", self.index is None)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (_one_output(context),)

    def arguments(self, context: Context) -> dict[str, Array]:
        classes = _classes(context)
        if self.index is None:
            return {}
        several = not isinstance(self.index, str) and np.ndim(self.index) > 0
        values = list(self.index) if several else [self.index]  # type: ignore[arg-type]
        if several and len(values) != context.count:
            raise errors.TargetError(
                f"a target per image must have one entry for each of the {context.count} images; got "
                f"{len(values)}; give one class for all, or as many as images."
            )
        indices = [_class_index(value, classes, context.class_names) for value in values]
        return {"index": np.broadcast_to(np.asarray(indices, "int32"), (context.count,)).copy()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        scores = _scores(forward)
        labels = arguments["index"] if "index" in arguments else ops.argmax(scores, axis=-1)
        labels = ops.cast(labels, "int32")
        chosen = {"index": labels} if self.index is None else {}
        labels = labels[:, None]
        return Reading(ops.take_along_axis(scores, labels, axis=1), labels, 0, chosen=chosen)

    def describe(self) -> str:
        if self.index is None:
            return "predicted class"
        return "given classes" if np.ndim(self.index) else f"class {self.index}"


@dataclass(frozen=True, eq=False)
class LogOdds(Class):
    r"""The log-odds of a class: its score against all others.

    $$s_n = z_{n, c_n} - \log \sum_{j \neq c_n} \exp z_{n, j} = \log \frac{p}{1 - p}$$

    with the pre-softmax scores $z$ and the probability $p$ of the softmax. Unlike the score it falls where
    rivals rise, and unlike the probability its gradient never vanishes.

    Args:
        index: see `Class`.

    Example:
        >>> import kerascope as ks
        >>> ks.LogOdds(3).describe()
        'log-odds of class 3'
    """

    def key(self) -> Hashable:
        return ("log-odds", super().key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = super().read(forward, arguments)
        scores = _scores(forward)
        if scores.shape[1] == 1:
            return reading
        own = ops.cast(ops.arange(scores.shape[1]), "int32")[None] == reading.labels
        rivals = ops.logsumexp(ops.where(own, -1e30, scores), axis=-1, keepdims=True)
        return replace(reading, scores=reading.scores - rivals)

    def describe(self) -> str:
        return f"log-odds of {super().describe()}"


@dataclass(frozen=True)
class Top(Target):
    """The `k` classes with the highest scores, from one forward pass; results carry a class axis.

    Args:
        k: how many, from 1 to the number of classes.

    Example:
        >>> import kerascope as ks
        >>> ks.Top(5).describe()
        'top 5 classes'
    """

    k: int = 5

    class_axis = True

    def __post_init__(self) -> None:
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise errors.TargetError(f"Top(k) needs a whole number k of at least 1; got {self.k!r}.")

    def key(self) -> Hashable:
        return ("top", self.k)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (_one_output(context),)

    def arguments(self, context: Context) -> dict[str, Array]:
        if self.k > (classes := _classes(context)):
            raise errors.TargetError(
                f"Top(k) needs k of at most the number of classes; got k = {self.k} for {classes} classes."
            )
        return {}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        scores = _scores(forward)
        labels = arguments["labels"] if "labels" in arguments else ops.top_k(scores, self.k, sorted=True)[1]
        labels = ops.cast(labels, "int32")
        scores = ops.take_along_axis(scores, labels, axis=1)
        return Reading(scores, labels, 0, chosen={"labels": labels})

    def describe(self) -> str:
        return f"top {self.k} classes"


def _one_output(context: Context) -> int:
    if len(context.outputs) != 1:
        names = list(context.outputs)
        raise errors.TargetError(
            f"a class needs a model with one output; this one has {len(names)}: {names}; choose one with "
            f"ks.Output({names[0]!r}, target), or give a function of the outputs."
        )
    return 0


def _classes(context: Context) -> int:
    """Number of classes of the one output, checked against the class names."""
    shape = list(context.outputs.values())[_one_output(context)]
    if len(shape) > 2:
        raise errors.TargetError(
            f"a class needs outputs of shape (N, classes); this model returns {shape}; give a function of "
            "the outputs that returns one number per image."
        )
    classes = shape[1] if len(shape) == 2 else 1
    names = context.class_names
    if names is not None and len(names) != classes:
        raise errors.TargetError(
            f"there must be one class name per class; got {len(names)} names for {classes} classes."
        )
    return classes


def _class_index(value: Any, classes: int, names: tuple[str, ...] | None) -> int:
    if isinstance(value, str):
        if names is None:
            raise errors.TargetError(
                f"a class name needs the names of the classes; got {value!r} without any; make the probe "
                "with ks.Probe(model, class_names=[...])."
            )
        if value not in names:
            raise errors.UnknownClassError(
                f"a class name must be one of the {len(names)} names of the probe; got {value!r}; "
                f"{errors.nearest(value, names)}"
            )
        if names.count(value) > 1:
            raise errors.TargetError(
                f"a class name must be unique; {value!r} names {names.count(value)} classes; give the index."
            )
        return names.index(value)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise errors.TargetError(
            f"a class must be a whole number or a name; got {value!r} ({type(value).__name__})."
        )
    if not 0 <= value < classes:
        hint = "; with a single output, explain class 0" if classes == 1 else ""
        raise errors.TargetError(
            f"a class index must be from 0 to {classes - 1}; got {value}; classes are counted from 0{hint}."
        )
    return int(value)


def _scores(forward: Forward) -> Any:
    """The scores as (N, classes), in float32."""
    scores = ops.cast(tree.flatten(forward.scores)[0], "float32")
    return scores if len(scores.shape) == 2 else scores[:, None]
