"""Targets that wrap another target: an output, a probability, the opposite, one column, fixed choices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.base import (
    Context,
    Forward,
    Reading,
    Target,
    TargetLike,
)
from kerascope.target.conversion import as_target
from kerascope.typing import Array


class TargetWrapper(Target):
    """A target that wraps another one, whose class axis and layers it shares."""

    target: TargetLike

    @property
    def inside(self) -> Target:
        """The wrapped target."""
        return as_target(self.target)

    def resolve(self, context: Context) -> Target:
        return replace(self, target=self.inside.resolve(self.within(context)))  # type: ignore[type-var]

    def within(self, context: Context) -> Context:
        """Return the context of the wrapped target."""
        return context

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        return self.inside.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        return self.inside.arguments(self.within(context))

    def requirement(self) -> str:
        return self.inside.requirement()

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return self.inside.class_axis

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.inside.layers

    @property
    def chooses(self) -> bool:  # type: ignore[override]
        return self.inside.chooses


@dataclass(frozen=True, eq=False)
class Output(TargetWrapper):
    """A target on one output of a model that has several.

    Args:
        name: key or position of the output.
        target: a class or any target on that output; None for its predicted class.

    Example:
        >>> import kerascope as ks
        >>> ks.Output("colour", 2).describe()
        "class 2 of output 'colour'"
    """

    name: str | int
    target: TargetLike = None

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.inside.linear

    def key(self) -> Hashable:
        return ("output", self.name, self.inside.key())

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (self._index(list(context.outputs)),)

    def within(self, context: Context) -> Context:
        name = list(context.outputs)[self._index(list(context.outputs))]
        return context.only(name, context.outputs[name], context.layouts.get(name))

    def read(self, forward: Forward, arguments: Any) -> Reading:
        paths = ["/".join(map(str, path)) for path, _ in tree.flatten_with_path(forward.outputs)]
        index = self._index(paths)
        return replace(self.inside.read(forward.only(index), arguments), output=index)

    def describe(self) -> str:
        return f"{self.inside.describe()} of output {self.name!r}"

    def requirement(self) -> str:
        return f"in output {self.name!r}, {self.inside.requirement()}"

    def _index(self, names: list[str]) -> int:
        if isinstance(self.name, str) and self.name in names:
            return names.index(self.name)
        if isinstance(self.name, int) and 0 <= self.name < len(names):
            return int(self.name)
        raise errors.TargetError(
            f"an output must be one of {names} or its position; got {self.name!r}; "
            f"{errors.nearest(str(self.name), names)}"
        )


@dataclass(frozen=True, eq=False)
class Probability(TargetWrapper):
    """A target on the model's final outputs, after the softmax or sigmoid.

    A probability also changes with the scores of other classes, so its map mixes evidence for the class with
    evidence against its rivals, and it is flat where the softmax saturates. Scores are therefore the default,
    and choices such as the predicted class are made by scores: several saturated probabilities may be 1.

    Args:
        target: a class or any target; None for the predicted class.

    Example:
        >>> import kerascope as ks
        >>> ks.Probability(2).describe()
        'probability of class 2'
    """

    target: TargetLike = None

    def key(self) -> Hashable:
        return ("probability", self.inside.key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        target = self.inside
        first = target.read(forward, arguments)
        final = target.read(forward.final(), {**arguments, **first.choices})
        return replace(
            final, probability=True, choices=first.choices, undefined=first.undefined, columns=first.columns
        )

    def describe(self) -> str:
        return f"probability of {self.inside.describe()}"


@dataclass(frozen=True, eq=False)
class Opposite(TargetWrapper):
    """The opposite of a target, $-s_n$: what a lower value or a smaller score depends on.

    It belongs to no class. The opposite of class 1 of a model with one sigmoid is class 0.

    Args:
        target: a class, a value, a function or any target.

    Example:
        >>> import kerascope as ks
        >>> ks.Opposite(ks.Value(0)).describe()
        'opposite of value 0'
    """

    target: TargetLike

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.inside.linear

    def key(self) -> Hashable:
        return ("opposite", self.inside.key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = self.inside.read(forward, arguments)
        return replace(reading, scores=-reading.scores, labels=None)

    def describe(self) -> str:
        return f"opposite of {self.inside.describe()}"


_COLUMN = "column"


@dataclass(frozen=True, eq=False)
class ClassColumn(Target):
    """One column of a target's class axis, so that its gradient can be computed by itself.

    The index is an argument of the compiled program, which all columns share.
    """

    target: Target
    index: int

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.target.layers

    def key(self) -> Hashable:
        return ("column", self.target.key())

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        return self.target.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        own = np.full((context.count, 1), self.index, "int32")
        return {**self.target.arguments(context), _COLUMN: own}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        inner = {name: value for name, value in arguments.items() if name != _COLUMN}
        reading = self.target.read(forward, inner)

        def select(rows: Any) -> Any:
            return None if rows is None else ops.take_along_axis(rows, arguments[_COLUMN], axis=1)

        return replace(reading, scores=select(reading.scores), labels=select(reading.labels))

    def describe(self) -> str:
        return f"number {self.index} of {self.target.describe()}"

    def requirement(self) -> str:
        return self.target.requirement()


@dataclass(frozen=True, eq=False)
class Pinned(TargetWrapper):
    """A target with fixed arguments and choices, so that it explains the same number of every variant.

    The predicted class of an image may change when noise is added, or half way to black. A method that runs
    such variants pins the target on the images themselves.
    """

    target: Target
    values: Mapping[str, Array]

    chooses = False

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.target.linear

    def tile(self, times: int) -> Pinned:
        """Return the target for the batch repeated a number of times, as `numpy.tile`."""
        return Pinned(
            self.target,
            {name: np.tile(rows, (times, *[1] * (rows.ndim - 1))) for name, rows in self.values.items()},
        )

    def take(self, images: Array) -> Pinned:
        """Return the target for some of the images, by their indices."""
        return Pinned(self.target, {name: rows[images] for name, rows in self.values.items()})

    def key(self) -> Hashable:
        return ("pinned", self.target.key(), tuple(sorted(self.values)))

    def arguments(self, context: Context) -> dict[str, Array]:
        for rows in self.values.values():
            if len(rows) != context.count:
                raise errors.TargetError(
                    f"a pinned target must have one row for each of the {context.count} images; got "
                    f"{len(rows)}; pin it on these images."
                )
        return dict(self.values)

    def read(self, forward: Forward, arguments: Any) -> Reading:
        # The target exists on the images themselves; on a variant it may not.
        return replace(self.target.read(forward, arguments), undefined=None)

    def describe(self) -> str:
        return self.target.describe()
