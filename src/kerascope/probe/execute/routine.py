"""A step that its caller repeats: it asks the model about images of its own making, compiled with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope import errors
from kerascope.probe.execute.program import INPUT, REPLACED, Plan, channels_last

Score = Callable[..., tuple[Any, tuple[Any, ...]]]
"""`score(pictures, rows=None) -> (scores (N, K), activations of the layers asked for)`.

`pictures`, channels last, take the place of the explained input, or of what the layer returns that was asked
for so. Where the routine has rows, `rows` (N,) are the images that they belong to.
"""

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
        replaced: path of the layer whose output the step gives, or None for the explained input.
    """

    plan: Plan
    step: Step
    inputs: int
    names: tuple[str, ...]
    replaced: str | None = None

    def __call__(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> dict[str, Any]:
        """One step. The explained input among the tensors stands for the shape of its images only."""
        given, carried = tensors[: self.inputs], tensors[self.inputs :]
        layouts = [self.plan.survey.run(layer).layout for layer in self.plan.layers]

        def score(pictures: Any, rows: Any = None) -> tuple[Any, tuple[Any, ...]]:
            own, numbers = given, arguments
            if rows is not None:
                # What is explained is replaced by the pictures.
                spared = self.plan.explained if self.replaced is None else None
                own = [
                    tensor if number == spared else ops.take(tensor, rows, axis=0)
                    for number, tensor in enumerate(given)
                ]
                numbers = {name: ops.take(value, rows, axis=0) for name, value in arguments.items()}
            scores, (result, *_) = self.plan.score(self._placed(pictures, given), own, numbers, state)
            found = [result.activations[layer] for layer in self.plan.layers]
            return scores, tuple(map(channels_last, found, layouts))

        return self.step(score, dict(zip(self.names, carried, strict=True)))

    def _placed(self, pictures: Any, given: Sequence[Any]) -> dict[str, Any]:
        """Pictures in the layout, the type and the place that they are for."""
        if self.replaced is not None:
            layout = self.plan.survey.run(self.replaced).layout
            return {REPLACED + self.replaced: pictures if layout is None else layout.original(pictures)}
        layout = self.plan.survey.image_layout
        dtype = keras.backend.standardize_dtype(given[self.plan.explained or 0].dtype)
        if dtype.startswith(("int", "uint")):
            pictures = ops.clip(ops.round(pictures), np.iinfo(dtype).min, np.iinfo(dtype).max)
        return {INPUT: ops.cast(pictures if layout is None else layout.original(pictures), dtype)}

    def moving(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """See `Plan.moving`."""
        return self.plan.moving(tensors[: self.inputs])

    def watched(self, moving: Mapping[str, Any]) -> list[str]:
        """See `Program.required_leaves`."""
        return self.plan.watched(moving)

    def depends(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> bool:
        """See `Plan.depends`."""
        return self.plan.depends(tensors[: self.inputs], arguments, state)

    def disconnected(self, name: str) -> errors.DisconnectedError:
        """See `Plan.disconnected`."""
        return self.plan.disconnected(name)
