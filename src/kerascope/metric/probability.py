"""The probability of the explained target, also for models that return scores."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Class, Pinned, Probability, TargetLike
from kerascope.target.base import Context, Forward, Reading
from kerascope.target.wrappers import TargetWrapper
from kerascope.typing import Array


def probability_of(probe: AnyProbe, images: Any, answer: Answer) -> Answer:
    """Return the answer with the probability of the target in place of its score.

    A model without an output activation, such as one trained `from_logits`, gets a softmax over its scores,
    for 1 forward; if the scores are not classes, the answer is returned unchanged.
    """
    pinned = answer.pinned
    if isinstance(pinned.target, Class) and not np.isnan(answer.probabilities).any():
        pinned = Pinned(Probability(pinned.target), pinned.values)
        return replace(answer, scores=answer.probabilities, pinned=pinned)
    for target in (Probability(pinned), Softmax(pinned)):
        try:
            return probe.run(None, images, target)
        except errors.TargetError:
            continue
    return answer


@dataclass(frozen=True)
class Softmax(TargetWrapper):
    """A target on the softmax over the scores of a model without an output activation."""

    target: TargetLike = None

    def key(self) -> Hashable:
        return ("softmax", self.inside.key())

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        if any(shape[-1] < 2 for shape in context.outputs.values()):
            raise errors.TargetError("a softmax must have at least two classes; the model has one output.")
        return self.inside.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        self.outputs(context)
        return self.inside.arguments(context)

    def read(self, forward: Forward, arguments: Any) -> Reading:
        probabilities = tree.map_structure(lambda scores: ops.softmax(scores, axis=-1), forward.scores)
        return self.inside.read(replace(forward, scores=probabilities), arguments)

    def describe(self) -> str:
        return f"probability of {self.inside.describe()}"
