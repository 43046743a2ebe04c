"""Targets made of other targets: a contrast, one output of several, a probability."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.around import Around
from kerascope.target.base import Context, Forward, Reading, Target, TargetLike
from kerascope.target.coerce import as_target
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Contrast(Target):
    """Why `positive` rather than `negative`: the difference of two scores.

    Args:
        positive: a class, or any target.
        negative: a class, or any target; None is the predicted class.
        strength: factor of `negative`: how much of it is taken off, a finite number. Default 1.

    Raises:
        TargetError: the strength is no finite number.

    Example:
        >>> import kerascope as ks
        >>> ks.Contrast(281, 285).describe()
        'class 281 rather than class 285'
    """

    positive: TargetLike
    negative: TargetLike = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        number = isinstance(self.strength, int | float | np.number) and not isinstance(self.strength, bool)
        if not number or not np.isfinite(self.strength):
            raise errors.TargetError(f"a contrast's strength must be a finite number; got {self.strength!r}.")

    def _parts(self) -> tuple[Target, Target]:
        return as_target(self.positive), as_target(self.negative)

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return any(part.class_axis for part in self._parts())

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(layer for part in self._parts() for layer in part.layers)

    @property
    def chooses(self) -> bool:  # type: ignore[override]
        return any(part.chooses for part in self._parts())

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return all(part.linear for part in self._parts())

    def fitted(self, context: Context) -> Target:
        positive, negative = (part.fitted(context) for part in self._parts())
        return replace(self, positive=positive, negative=negative)

    def key(self) -> Hashable:
        return ("contrast", *(part.key() for part in self._parts()))

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        read = [part.outputs(context) for part in self._parts()]
        return None if None in read else tuple(sorted({place for part in read for place in part or ()}))

    def arguments(self, context: Context) -> dict[str, Array]:
        found = {
            f"{side} {name}": value
            for side, part in zip(("positive", "negative"), self._parts(), strict=True)
            for name, value in part.arguments(context).items()
        }
        return {**found, "strength": np.full(context.count, self.strength, "float32")}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        positive, negative = (
            part.read(forward, _prefixed(arguments, f"{side} "))
            for side, part in zip(("positive", "negative"), self._parts(), strict=True)
        )
        sizes = {positive.scores.shape[1], negative.scores.shape[1]}
        if len(sizes - {1}) > 1:
            raise errors.TargetError(
                f"two targets to contrast must have as many classes, or one of them one; got {sorted(sizes)}."
            )
        scores = positive.scores - arguments["strength"][:, None] * negative.scores
        chosen = {
            f"{side} {name}": value
            for side, part in (("positive", positive), ("negative", negative))
            for name, value in part.chosen.items()
        }
        missing = [part.unmet for part in (positive, negative) if part.unmet is not None]
        unmet = ops.any(ops.stack(missing), axis=0) if missing else None
        # It belongs to no class: it is named in words, and has no probability.
        return Reading(scores, chosen=chosen, unmet=unmet)

    def describe(self) -> str:
        positive, negative = self._parts()
        times = "" if self.strength == 1 else f"{self.strength:g} times "
        return f"{positive.describe()} rather than {times}{negative.describe()}"

    def complaint(self) -> str:
        return " and ".join(dict.fromkeys(part.complaint() for part in self._parts()))


@dataclass(frozen=True, eq=False)
class Output(Around):
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
        return (self._place(list(context.outputs)),)

    def within(self, context: Context) -> Context:
        name = list(context.outputs)[self._place(list(context.outputs))]
        return context.only(name, context.outputs[name], context.layouts.get(name))

    def read(self, forward: Forward, arguments: Any) -> Reading:
        paths = ["/".join(map(str, path)) for path, _ in tree.flatten_with_path(forward.outputs)]
        place = self._place(paths)
        reading = self.inside.read(forward.only(place), arguments)
        return replace(reading, output=place)

    def describe(self) -> str:
        return f"{self.inside.describe()} of output {self.name!r}"

    def complaint(self) -> str:
        return f"in output {self.name!r}, {self.inside.complaint()}"

    def _place(self, names: list[str]) -> int:
        if isinstance(self.name, str) and self.name in names:
            return names.index(self.name)
        if isinstance(self.name, int) and 0 <= self.name < len(names):
            return int(self.name)
        raise errors.TargetError(
            f"an output must be one of {names} or its position; got {self.name!r}; "
            f"{errors.nearest(str(self.name), names)}"
        )


@dataclass(frozen=True, eq=False)
class Probability(Around):
    """A target on the model's final outputs, behind the softmax or sigmoid.

    A probability also moves when the other classes do, so its map mixes evidence for the class with evidence
    against its rivals, and it goes flat where the softmax saturates. Scores are the default for that reason,
    and what is chosen by looking at the outputs, such as the predicted class, is chosen by them: where
    probabilities are saturated, several are 1.

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
        final = target.read(forward.final(), {**arguments, **first.chosen})
        return replace(final, probability=True, chosen=first.chosen, unmet=first.unmet, columns=first.columns)

    def describe(self) -> str:
        return f"probability of {self.inside.describe()}"


def _prefixed(arguments: Any, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in arguments.items() if name.startswith(prefix)}
