"""Targets that contrast classes: one against another, and the nearest rivals of a class."""

from __future__ import annotations

from collections.abc import Hashable
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
from kerascope.target.wrappers import TargetWrapper
from kerascope.typing import Array
from kerascope.validation import check_whole, is_number


@dataclass(frozen=True, eq=False)
class Contrast(Target):
    """The difference of two scores: why `positive` rather than `negative`.

    Args:
        positive: a class, or any target.
        negative: a class, or any target; None is the predicted class.
        strength: factor of `negative`, a finite number. Default 1.

    Raises:
        ParameterError: `strength` is not a finite number.

    Example:
        >>> import kerascope as ks
        >>> ks.Contrast(281, 285).describe()
        'class 281 rather than class 285'
    """

    positive: TargetLike
    negative: TargetLike = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not is_number(self.strength):
            raise errors.ParameterError(f"strength must be a finite number; got {self.strength!r}.")

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

    def resolve(self, context: Context) -> Target:
        positive, negative = (part.resolve(context) for part in self._parts())
        return replace(self, positive=positive, negative=negative)

    def key(self) -> Hashable:
        return ("contrast", *(part.key() for part in self._parts()))

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        outputs = [part.outputs(context) for part in self._parts()]
        return None if None in outputs else tuple(sorted({index for part in outputs for index in part or ()}))

    def arguments(self, context: Context) -> dict[str, Array]:
        arguments = {
            f"{side} {name}": value
            for side, part in zip(("positive", "negative"), self._parts(), strict=True)
            for name, value in part.arguments(context).items()
        }
        return {**arguments, "strength": np.full(context.count, self.strength, "float32")}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        positive, negative = (
            part.read(forward, _select_prefix(arguments, f"{side} "))
            for side, part in zip(("positive", "negative"), self._parts(), strict=True)
        )
        sizes = {positive.scores.shape[1], negative.scores.shape[1]}
        if len(sizes - {1}) > 1:
            raise errors.TargetError(
                f"a contrast needs two targets with the same number of classes, or one with one class; got "
                f"{sorted(sizes)}."
            )
        scores = positive.scores - arguments["strength"][:, None] * negative.scores
        choices = {
            f"{side} {name}": value
            for side, part in (("positive", positive), ("negative", negative))
            for name, value in part.choices.items()
        }
        masks = [part.undefined for part in (positive, negative) if part.undefined is not None]
        undefined = ops.any(ops.stack(masks), axis=0) if masks else None
        # A difference belongs to no class: it has a description, and no probability.
        return Reading(scores, choices=choices, undefined=undefined)

    def describe(self) -> str:
        positive, negative = self._parts()
        times = "" if self.strength == 1 else f"{self.strength:g} times "
        return f"{positive.describe()} rather than {times}{negative.describe()}"

    def requirement(self) -> str:
        return " and ".join(dict.fromkeys(part.requirement() for part in self._parts()))


@dataclass(frozen=True, eq=False)
class Rivals(TargetWrapper):
    r"""The mean score of the `k` other classes with the scores nearest to the score of a class.

    $$s_n = \frac1k \sum_{d \in D_n} z_{n, d}, \qquad
      D_n = \text{the } k \text{ classes } d \ne c_n \text{ with the smallest } |z_{n, d} - z_{n, c_n}|$$

    with the pre-softmax scores $z$. `Contrast(c, Rivals(k, c))` explains why this class and not similar ones.

    Args:
        k: number of rivals, at least 1; all other classes if there are fewer.
        target: a class or `Top`, possibly on an output or after the softmax; None for the predicted class.

    Example:
        >>> import kerascope as ks
        >>> ks.Rivals(3, 281).describe()
        '3 rivals of class 281'
    """

    k: int = 3
    target: TargetLike = None

    chooses = True

    def __post_init__(self) -> None:
        check_whole(self.k, "k")

    def key(self) -> Hashable:
        return ("rivals", self.k, self.inside.key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = self.inside.read(forward, arguments)
        if reading.labels is None or reading.output is None:
            raise errors.TargetError(
                f"rivals need a target that is a class; got {self.inside.describe()!r}, which belongs to no "
                "class; give a class index or name, None or ks.Top(k)."
            )
        outputs, scores = reading.columns or (
            tree.flatten(structure)[reading.output] for structure in (forward.outputs, forward.scores)
        )
        scores = ops.cast(outputs if reading.probability else scores, "float32")
        if len(scores.shape) != 2 or scores.shape[1] < 2:
            raise errors.TargetError(
                f"rivals need a model with several classes; this model returns {tuple(scores.shape)}."
            )
        rivals = arguments["rivals"] if "rivals" in arguments else self._nearest(scores, reading.labels)
        rivals = ops.cast(rivals, "int32")
        rival_scores = ops.take_along_axis(scores[:, None], rivals, axis=2)
        return Reading(
            ops.mean(rival_scores, axis=-1),
            output=reading.output,
            probability=reading.probability,
            choices={**reading.choices, "rivals": rivals},
            undefined=reading.undefined,
        )

    def _nearest(self, scores: Any, labels: Any) -> Any:
        """Return the classes (N, K, k) with the scores nearest to those of each label."""
        own = ops.take_along_axis(scores, labels, axis=1)[:, :, None]
        others = ops.cast(ops.arange(scores.shape[1]), "int32")[None, None] != labels[:, :, None]
        nearness = ops.where(others, -ops.abs(scores[:, None] - own), -float("inf"))
        return ops.top_k(nearness, min(self.k, scores.shape[1] - 1), sorted=True)[1]

    def describe(self) -> str:
        return f"{self.k} rivals of {self.inside.describe()}"


def _select_prefix(arguments: Any, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in arguments.items() if name.startswith(prefix)}
