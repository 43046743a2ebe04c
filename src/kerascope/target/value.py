"""Targets that are a number of the output and no class, as in regression."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.target.indices import one_output, whole_numbers
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Value(Target):
    r"""A number that the model returns, as in regression: $s_n = y_{n, i}$.

    Outputs $y$ have shape (N,), (N, 1) or (N, D). The number belongs to no class. As for classes, it is read
    before a final sigmoid; `Probability(Value(0))` is read after it.

    Args:
        index: of the number, from 0; or one per image; None for the only number.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
        >>> image = np.ones((1, 4, 4, 1), "float32")
        >>> bool(ks.Probe(model).scores(image, ks.Value(1)) == model.predict(image, verbose=0)[:, 1])
        True
    """

    index: int | Sequence[int] | None = None

    def key(self) -> Hashable:
        return "value"

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a value"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        shape = list(context.outputs.values())[one_output(context, "a value")]
        if len(shape) > 2:
            raise errors.TargetError(
                f"a value needs outputs of shape (N,), (N, 1) or (N, D); this model returns {shape}; choose "
                "a step of a sequence with ks.Step(step, ks.Value(index)), a region of a map with ks.Region, "
                "or give a function of the outputs that returns one number per image."
            )
        last = shape[1] - 1 if len(shape) == 2 else 0
        if self.index is None and last:
            raise errors.TargetError(
                f"a value needs an index where there are several; this model returns {shape}; use "
                "ks.Value(index)."
            )
        hint, index = "values are counted from 0.", 0 if self.index is None else self.index
        return {"index": whole_numbers(index, 0, last, context, "value's index", hint)}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        index = ops.cast(arguments["index"], "int32")[:, None]
        final, scores = (
            ops.take_along_axis(ops.reshape(tensor, (forward.count, -1)), index, axis=1)
            for tensor in (tree.flatten(forward.outputs)[0], tree.flatten(forward.scores)[0])
        )
        return Reading(ops.cast(scores, "float32"), output=0, columns=(final, scores))

    def describe(self) -> str:
        if self.index is None:
            return "value"
        return "given values" if np.ndim(self.index) else f"value {self.index}"
