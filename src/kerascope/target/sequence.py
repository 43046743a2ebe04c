"""Targets on a sequence: a target on one of its steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import (
    Context,
    Forward,
    Reading,
    TargetLike,
)
from kerascope.target.indices import (
    one_output,
    take_per_image,
    whole_numbers,
)
from kerascope.target.wrappers import TargetWrapper
from kerascope.typing import Array

_PREFIX = "step "
"""Prefix of the arguments and choices of the target on the step."""


@dataclass(frozen=True, eq=False)
class Step(TargetWrapper):
    """A target on one step of a sequence: on the outputs (N, ...) at one step of (N, T, ...).

    Args:
        step: index of the step, from 0, or from -1 backwards; or one per image.
        target: a class or any target on outputs (N, ...); None for the predicted class of that step.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((6, 4)), keras.layers.SimpleRNN(5, return_sequences=True),
        ...     keras.layers.Dense(3, activation="softmax")])
        >>> ks.Saliency()(model, np.ones((2, 6, 4)), ks.Step(-1, 2)).targets.tolist()
        [2, 2]
    """

    step: int | Sequence[int]
    target: TargetLike = None

    def key(self) -> Hashable:
        return ("step", self.inside.key())

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a step"),)

    def within(self, context: Context) -> Context:
        one_output(context, "a step")
        (name, shape), *_ = context.outputs.items()
        if len(shape) < 3:
            raise errors.TargetError(
                f"a step needs outputs of shape (N, steps, ...); this model returns {shape}; use a class or "
                "a value, or let the last recurrent layer return sequences."
            )
        return context.only(name, (shape[0], *shape[2:]))

    def arguments(self, context: Context) -> dict[str, Array]:
        within = self.within(context)
        (_, count, *_), *_ = context.outputs.values()
        hint = "steps are counted from 0, and from -1 backwards."
        steps = whole_numbers(self.step, -count, count - 1, context, "step", hint)
        inner = self.inside.arguments(within)
        return {"step": steps % count} | {_PREFIX + key: value for key, value in inner.items()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        steps = ops.cast(arguments["step"], "int32")
        step = forward.only(0, lambda tensor: take_per_image(tensor, steps))
        inner = {key.removeprefix(_PREFIX): value for key, value in arguments.items() if key != "step"}
        reading = self.inside.read(step, inner)
        columns = reading.columns
        if columns is None and len(step.outputs.shape) <= 2:
            columns = step.columns
        choices = {_PREFIX + key: value for key, value in reading.choices.items()}
        return replace(reading, choices=choices, columns=columns)

    def describe(self) -> str:
        return f"{self.inside.describe()} at {self._name()}"

    def requirement(self) -> str:
        return f"at {self._name()}, {self.inside.requirement()}"

    def _name(self) -> str:
        return "given steps" if np.ndim(self.step) else f"step {self.step}"
