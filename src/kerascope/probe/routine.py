"""A step that its caller repeats: it asks the model about images of its own making, compiled with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from kerascope import errors
from kerascope.probe.program import INPUT, Plan, channels_last

Score = Callable[[Any], tuple[Any, tuple[Any, ...]]]
"""`score(images) -> (scores (N, K), activations of the layers asked for)`, images channels last."""

Step = Callable[[Score, Mapping[str, Any]], dict[str, Any]]
"""`step(score, carried) -> results`, in backend tensors."""


@dataclass(frozen=True)
class Routine:
    """A step with the model inside, to be run by `Program`.

    Args:
        plan: whose target gives the scores.
        step: what is repeated.
        inputs: how many of the model's inputs there are; they come first among the tensors.
        names: names of the other tensors, which the step is handed by name.
    """

    plan: Plan
    step: Step
    inputs: int
    names: tuple[str, ...]

    def __call__(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> dict[str, Any]:
        """One step. The explained input among the tensors stands for the shape of its images only."""
        given, carried = tensors[: self.inputs], tensors[self.inputs :]
        layout = self.plan.survey.image_layout
        layouts = [self.plan.survey.run(layer).layout for layer in self.plan.layers]
        explained = given[self.plan.explained or 0]

        def score(images: Any) -> tuple[Any, tuple[Any, ...]]:
            images = images if layout is None else layout.original(images)
            moving = {INPUT: ops.cast(images, explained.dtype)}
            scores, (result, *_) = self.plan.score(moving, given, arguments, state)
            found = [result.activations[layer] for layer in self.plan.layers]
            return scores, tuple(map(channels_last, found, layouts))

        return self.step(score, dict(zip(self.names, carried, strict=True)))

    def moving(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """See `Plan.moving`."""
        return self.plan.moving(tensors[: self.inputs])

    def watched(self, moving: Mapping[str, Any]) -> list[str]:
        """See `Plan.watched`."""
        return self.plan.watched(moving)

    def depends(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> bool:
        """See `Plan.depends`."""
        return self.plan.depends(tensors[: self.inputs], arguments, state)

    def disconnected(self, name: str) -> errors.DisconnectedError:
        """See `Plan.disconnected`."""
        return self.plan.disconnected(name)
