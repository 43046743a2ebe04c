"""The probability of what is explained, also of models that return scores."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from keras import ops, tree

from kerascope import errors
from kerascope.probe import Answer, Probe
from kerascope.target import Class, Pinned, Probability, TargetLike
from kerascope.target.base import Context, Forward, Reading
from kerascope.target.wrappers import TargetWrapper
from kerascope.typing import Array


def chance_of(probe: Probe, images: Any, first: Answer) -> Answer:
    """An answer about the probability of what another one is about.

    Where the model squashes nothing, as one that was trained `from_logits`, it is that of a softmax over its
    scores; where these are no classes, the score itself.

    Args:
        probe: of the model.
        images: those of `first`.
        first: about the scores, which pins the target.

    Cost:
        None for a class of a model with a softmax; else 1 forward.
    """
    pinned = first.pinned
    if isinstance(pinned.target, Class) and (first.probabilities == first.probabilities).all():
        return replace(
            first, scores=first.probabilities, pinned=Pinned(Probability(pinned.target), pinned.values)
        )
    for target in (Probability(pinned), Softmax(pinned)):
        try:
            return probe.run(None, images, target)
        except errors.TargetError:
            continue
    return first


@dataclass(frozen=True)
class Softmax(TargetWrapper):
    """A target on the softmax over the scores of a model that squashes none.

    Args:
        target: any target.
    """

    target: TargetLike = None

    def key(self) -> Hashable:
        return ("softmax", self.inside.key())

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        if any(shape[-1] < 2 for shape in context.outputs.values()):
            raise errors.TargetError("a softmax must be over two classes or more; there is one output.")
        return self.inside.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        self.outputs(context)
        return self.inside.arguments(context)

    def read(self, forward: Forward, arguments: Any) -> Reading:
        squashed = tree.map_structure(lambda scores: ops.softmax(scores, axis=-1), forward.scores)
        return self.inside.read(replace(forward, scores=squashed), arguments)

    def describe(self) -> str:
        return f"probability of {self.inside.describe()}"
