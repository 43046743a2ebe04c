"""A target on one step of a sequence that the model returns."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.around import Around
from kerascope.target.base import Context, Forward, Reading, TargetLike
from kerascope.target.indices import one_output, taken, whole_numbers
from kerascope.typing import Array

_INSIDE = "of the step: "
"""In front of the names of what belongs to the target on the step."""


@dataclass(frozen=True, eq=False)
class Step(Around):
    """A target on one step of a sequence: of outputs (N, T, ...) those of one t, as if there were no others.

    Args:
        step: which step, counted from 0, or from -1 backwards; or one per image.
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
                f"a step needs outputs of shape (N, steps, ...); this model returns {shape}; ask for a class "
                "or a value, or let the last recurrent layer return sequences."
            )
        return context.only(name, (shape[0], *shape[2:]))

    def arguments(self, context: Context) -> dict[str, Array]:
        within = self.within(context)
        (_, count, *_), *_ = context.outputs.values()
        hint = "steps are counted from 0, and from -1 backwards."
        steps = whole_numbers(self.step, -count, count - 1, context, "step", hint)
        inner = self.inside.arguments(within)
        return {"step": steps % count} | {_INSIDE + key: value for key, value in inner.items()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        steps = ops.cast(arguments["step"], "int32")
        single = forward.only(0, lambda tensor: taken(tensor, steps))
        given = {key.removeprefix(_INSIDE): value for key, value in arguments.items() if key != "step"}
        reading = self.inside.read(single, given)
        columns = reading.columns
        if columns is None and len(single.outputs.shape) <= 2:
            columns = single.columns
        chosen = {_INSIDE + key: value for key, value in reading.chosen.items()}
        return replace(reading, chosen=chosen, columns=columns)

    def describe(self) -> str:
        named = "given steps" if np.ndim(self.step) else f"step {self.step}"
        return f"{self.inside.describe()} at {named}"

    def complaint(self) -> str:
        named = "given steps" if np.ndim(self.step) else f"step {self.step}"
        return f"at {named}, {self.inside.complaint()}"
