"""Targets that are classes: a class, its log-odds, a class by rank, and the top k classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import Context, Forward, Reading, Target, class_count
from kerascope.target.indices import check_names, class_indices, one_output, whole_numbers
from kerascope.target.value import Value
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True, eq=False)
class Class(Target):
    r"""The score of a class: $s_n = z_{n, c_n}$ with the pre-softmax scores $z$.

    A model that ends in one sigmoid has two classes, as Keras numbers folders: class 1, predicted where
    p > 0.5, with the score $z$ before the sigmoid, and class 0 with $-z$.

    Args:
        index: class index or name, or one per image; None for the class with the highest score of each image,
            or for the number that a model with a single output returns, as in regression.

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

    def resolve(self, context: Context) -> Target:
        (shape, *others), kind = context.outputs.values(), context.kind
        single = len(shape) <= 2 and class_count(shape, kind) == 1 and kind != "classes"
        if self.index is not None or others or not (single or kind == "regression"):
            return self
        if not single:
            raise errors.TargetError(
                f"a regression has no predicted class; this model returns {shape}; choose one of its numbers "
                'with ks.Value(index), or declare them class scores with ks.Probe(model, output="classes").'
            )
        return Value()

    def read(self, forward: Forward, arguments: Any) -> Reading:
        columns = forward.columns
        labels = arguments["index"] if "index" in arguments else ops.argmax(columns[1], axis=-1)
        labels = ops.cast(labels, "int32")
        choices = {"index": labels} if self.index is None else {}
        return _read_classes(columns, labels[:, None], choices)

    def describe(self) -> str:
        if self.index is None:
            return "predicted class"
        return "given classes" if np.ndim(self.index) else f"class {self.index}"


@dataclass(frozen=True, eq=False)
class LogOdds(Class):
    r"""The log-odds of a class: its score against all others.

    $$s_n = z_{n, c_n} - \log \sum_{j \neq c_n} \exp z_{n, j} = \log \frac{p}{1 - p}$$

    with the pre-softmax scores $z$ and the softmax probability $p$. Unlike the score, it falls when rivals
    rise; unlike the probability, its gradient never vanishes. With sigmoids, one for two classes or one per
    label, the score is already the log-odds.

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
    r"""The class at a rank of each image: $s_n = z_{n, \sigma_n(r)}$.

    $\sigma_n$ sorts the classes by their pre-softmax scores $z_n$, the highest first; equal scores keep the
    order of the classes. `Contrast(None, Rank(2))` is the predicted class against the runner-up.

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
        return _read_classes(columns, labels[:, None], {"index": labels})

    def describe(self) -> str:
        return "class at given places" if np.ndim(self.place) else f"class at place {self.place}"


@dataclass(frozen=True)
class Top(Target):
    """The `k` classes with the highest scores, from one forward pass; results carry a class axis.

    Args:
        k: number of classes, from 1 to all.

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
        check_whole(self.k, "k")

    def key(self) -> Hashable:
        return ("top", self.k)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a class"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        if self.k > (classes := _classes(context)):
            raise errors.TargetError(f"k must be at most the number of classes, {classes}; got {self.k}.")
        return {}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        columns = forward.columns
        labels = arguments.get("labels")
        if labels is None:
            labels = ops.top_k(columns[1], self.k, sorted=True)[1]
        labels = ops.cast(labels, "int32")
        return _read_classes(columns, labels, {"labels": labels})

    def describe(self) -> str:
        return f"top {self.k} classes"


def _classes(context: Context) -> int:
    """Return the number of classes of the only output, checked against the class names."""
    shape = list(context.outputs.values())[one_output(context, "a class")]
    if len(shape) > 2:
        raise errors.TargetError(
            f"a class needs outputs of shape (N, classes); this model returns {shape}; {_suggest(shape)}"
        )
    kind, classes = context.kind, class_count(shape, context.kind)
    if classes == 1 and kind != "classes":
        instead = "explain the number itself with target None or ks.Value()"
        raise errors.TargetError(
            f"a class must be one of two or more; this model returns one number, a regression; {instead}."
            if kind == "regression"
            else "a class must be one of two or more; this model returns one number without a sigmoid; "
            'declare it the score of class 1 against class 0 with ks.Probe(model, output="binary") (--model-'
            f"output binary), or {instead}."
        )
    check_names(classes, context)
    return classes


def _read_classes(columns: tuple[Any, Any], labels: Any, choices: dict[str, Any]) -> Reading:
    """Return the scores of classes (N, K)."""
    return Reading(
        ops.take_along_axis(columns[1], labels, axis=1), labels, 0, choices=choices, columns=columns
    )


def _suggest(shape: tuple[int, ...]) -> str:
    """Return the targets that fit outputs of another shape."""
    if len(shape) == 3:
        return (
            "choose a step of a sequence with ks.Step(step, target), a part of a signal with "
            "ks.Region(index, mask), or a detection with ks.Box(box)."
        )
    return (
        "choose the pixels of a segmentation with ks.Region(index, mask), or give a function of the outputs "
        "that returns one number per image."
    )
