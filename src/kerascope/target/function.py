"""Targets that are any function of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from keras import ops, tree

from kerascope import errors
from kerascope.target.base import Forward, Reading, Target


@dataclass(frozen=True, eq=False)
class Function(Target):
    """Any function of the model's outputs, before the output activation.

    Args:
        function: takes the outputs in the model's own structure, as backend tensors, and returns one number
            per image, (N,). It is compiled with the model: it should use `keras.ops`, and values that it
            reads from outside are fixed at that time. Each new function object is compiled again: define it
            once, outside loops. N is the number of images in a pass, padding included.
    """

    function: Callable[[Any], Any]

    def key(self) -> Hashable:
        # The compiled program keeps the function alive, so that no other object gets its id.
        return ("function", id(self.function))

    def read(self, forward: Forward, arguments: Any) -> Reading:
        scores = self.function(forward.scores)
        outputs = tree.flatten(forward.outputs)
        batch = forward.count
        shape = tuple(scores.shape) if ops.is_tensor(scores) else None
        if shape not in ((batch,), (batch, 1)):
            raise errors.TargetError(
                f"a target function must return one number per image, a tensor of shape ({batch},); "
                f"got {type(scores).__name__ if shape is None else shape}; reduce the other axes with "
                "keras.ops."
            )
        scores = ops.cast(ops.reshape(scores, (batch, 1)), "float32")
        return Reading(scores, output=0 if len(outputs) == 1 else None)

    def describe(self) -> str:
        return f"function {getattr(self.function, '__name__', repr(self.function))}"
