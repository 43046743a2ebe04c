"""Plain readouts: activations and gradients as they are, without a method's arithmetic."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from keras import ops, tree

from kerascope.probe.execute.program import Internals
from kerascope.target import Forward, Reading, Target


class Everything(Target):
    """The sum of all that a model returns: a target of any model, for requests that need no score."""

    def key(self) -> Hashable:
        return "everything"

    def read(self, forward: Forward, arguments: Any) -> Reading:
        numbers = (ops.sum(ops.cast(tensor, "float32")) for tensor in tree.flatten(forward.scores))
        return Reading(ops.zeros((forward.count, 1)) + sum(numbers))

    def describe(self) -> str:
        return "everything"


def activation(internals: Internals) -> Any:
    """The activation of the one layer."""
    return internals.activations[0]


def gradient(internals: Internals) -> Any:
    """d score / d activation of the one layer."""
    return internals.gradients[0]


def image_gradient(internals: Internals) -> Any:
    """d score / d the explained input."""
    return internals.image_gradient
