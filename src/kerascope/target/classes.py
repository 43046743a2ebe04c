"""Targets that are classes: one class, one by its place among all, and the best few."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.target.indices import check_names, class_indices, one_output, whole_numbers
from kerascope.target.kind import class_count
from kerascope.target.value import Value
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Class(Target):
    r"""The score of a class: $s_n = z_{n, c_n}$ with the pre-softmax scores $z$.

    A model that ends in one sigmoid has two classes, as Keras numbers folders: class 1, which is predicted
    where p > 0.5, with the score $z$ in front of the sigmoid, and class 0 with $-z$.

    Args:
        index: class index, class name, or one of them per image; None for the class with the highest score
            of each image, or for the number of a model that returns a single one of its own, as in
            regression.

    Example:
        >>> import kerascope as ks
        >>> ks.Class(3).describe()
        'class 3'
    """

    index: int | str | Sequence[int | str] | None = None

    linear = True

    @property
    def chooses(self) -> bool:  # type: ignore[override]
        return self.index is None

    def key(self) -> Hashable:
        return ("class", self.index is None)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a class"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        classes = _classes(context)
        if self.index is None:
            return {}
        return {"index": class_indices(self.index, classes, context)}

    def fitted(self, context: Context) -> Target:
        (shape, *others), kind = context.outputs.values(), context.kind
        one = len(shape) <= 2 and class_count(shape, kind) == 1 and kind != "classes"
        if self.index is not None or others or not (one or kind == "regression"):
            return self
        if not one:
            raise errors.TargetError(
                f"a regression has no predicted class; this one returns {shape}; choose one of its numbers "
                'with ks.Value(index), or say with ks.Probe(model, output="classes") that they are scores.'
            )
        return Value()

    def read(self, forward: Forward, arguments: Any) -> Reading:
        columns = forward.columns
        labels = arguments["index"] if "index" in arguments else ops.argmax(columns[1], axis=-1)
        labels = ops.cast(labels, "int32")
        chosen = {"index": labels} if self.index is None else {}
        return _of_classes(columns, labels[:, None], chosen)

    def describe(self) -> str:
        if self.index is None:
            return "predicted class"
        return "given classes" if np.ndim(self.index) else f"class {self.index}"


@dataclass(frozen=True, eq=False)
class LogOdds(Class):
    r"""The log-odds of a class: its score against all others.

    $$s_n = z_{n, c_n} - \log \sum_{j \neq c_n} \exp z_{n, j} = \log \frac{p}{1 - p}$$

    with the pre-softmax scores $z$ and the probability $p$ of the softmax. Unlike the score it falls where
    rivals rise, and unlike the probability its gradient never vanishes. Behind a sigmoid, be it one for two
    classes or one for each label, the score by itself is the log-odds.

    Args:
        index: see `Class`.

    Example:
        >>> import kerascope as ks
        >>> ks.LogOdds(3).describe()
        'log-odds of class 3'
    """

    linear = False

    def key(self) -> Hashable:
        return ("log-odds", super().key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = super().read(forward, arguments)
        scores = forward.columns[1]
        if forward.kind in ("binary", "labels") or scores.shape[1] == 1:
            return reading
        own = ops.cast(ops.arange(scores.shape[1]), "int32")[None] == reading.labels
        rivals = ops.logsumexp(ops.where(own, -1e30, scores), axis=-1, keepdims=True)
        return replace(reading, scores=reading.scores - rivals)

    def describe(self) -> str:
        return f"log-odds of {super().describe()}"


@dataclass(frozen=True, eq=False)
class Rank(Target):
    r"""The class at a place of the ranking of each image: $s_n = z_{n, \sigma_n(r)}$.

    $\sigma_n$ sorts the classes by their pre-softmax scores $z_n$, the highest first; of equal scores, the
    class that is counted first comes first. The predicted class against the runner-up is
    `Contrast(None, Rank(2))`.

    Args:
        place: 1 for the predicted class, 2 for the runner-up, up to the number of classes; or one per image.

    Example:
        >>> import kerascope as ks
        >>> ks.Contrast(None, ks.Rank(2)).describe()
        'predicted class rather than class at place 2'
    """

    place: int | Sequence[int] = 1

    chooses = True
    linear = True

    def key(self) -> Hashable:
        return "rank"

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a class"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        hint = "the predicted class has place 1, the runner-up 2."
        return {"place": whole_numbers(self.place, 1, _classes(context), context, "place", hint)}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        columns = forward.columns
        labels = arguments.get("index")
        if labels is None:
            scores = columns[1]
            order = ops.argsort(-scores, axis=-1)
            labels = ops.take_along_axis(order, ops.cast(arguments["place"], "int32")[:, None] - 1, axis=1)[
                :, 0
            ]
        labels = ops.cast(labels, "int32")
        return _of_classes(columns, labels[:, None], {"index": labels})

    def describe(self) -> str:
        return "class at given places" if np.ndim(self.place) else f"class at place {self.place}"


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
    chooses = True
    linear = True

    def __post_init__(self) -> None:
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise errors.TargetError(f"Top(k) needs a whole number k of at least 1; got {self.k!r}.")

    def key(self) -> Hashable:
        return ("top", self.k)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a class"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        if self.k > (classes := _classes(context)):
            raise errors.TargetError(
                f"Top(k) needs k of at most the number of classes; got k = {self.k} for {classes} classes."
            )
        return {}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        columns = forward.columns
        given = arguments.get("labels")
        labels = ops.top_k(columns[1], self.k, sorted=True)[1] if given is None else given
        labels = ops.cast(labels, "int32")
        return _of_classes(columns, labels, {"labels": labels})

    def describe(self) -> str:
        return f"top {self.k} classes"


def _classes(context: Context) -> int:
    """Number of classes of the one output, checked against the class names."""
    shape = list(context.outputs.values())[one_output(context, "a class")]
    if len(shape) > 2:
        raise errors.TargetError(
            f"a class needs outputs of shape (N, classes); this model returns {shape}; {_instead(shape)}"
        )
    kind, classes = context.kind, class_count(shape, context.kind)
    if classes == 1 and kind != "classes":
        instead = "explain the number itself with target None or ks.Value()"
        raise errors.TargetError(
            f"a class must be one of two or more; this model returns one number, a regression; {instead}."
            if kind == "regression"
            else "a class must be one of two or more; this model returns one number without a sigmoid; say "
            'with ks.Probe(model, output="binary") (--model-output binary) that it is the score of class 1 '
            f"against class 0, or {instead}."
        )
    check_names(classes, context)
    return classes


def _of_classes(columns: tuple[Any, Any], labels: Any, chosen: dict[str, Any]) -> Reading:
    """The scores of classes (N, K)."""
    return Reading(ops.take_along_axis(columns[1], labels, axis=1), labels, 0, chosen=chosen, columns=columns)


def _instead(shape: tuple[int, ...]) -> str:
    """Which target fits outputs of another shape."""
    if len(shape) == 3:
        return (
            "choose a step of a sequence with ks.Step(step, target), a place of a signal with "
            "ks.Region(index, mask), or a detection with ks.Box(box)."
        )
    return (
        "choose the pixels of a segmentation with ks.Region(index, mask), or give a function of the outputs "
        "that returns one number per image."
    )
