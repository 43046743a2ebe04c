"""Routines: a step that its caller repeats, compiled with the model, on images of its own making."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope import errors
from kerascope.probe.execute.program import Program, channels_last

ScoreFunction = Callable[..., tuple[Any, tuple[Any, ...]]]
"""`score(pictures, rows=None) -> (scores (N, K), activations of the request's layers)`.

`pictures`, channels last, replace the explained input, or the output of the layer to replace. Where the
routine has rows, `rows` (N,) are the images that they belong to.
"""

RoutineStep = Callable[[ScoreFunction, Mapping[str, Any]], dict[str, Any]]
"""`step(score, carried) -> results`, in backend tensors."""

RoutineRunner = Callable[..., dict[str, Any]]
"""`run(carried, count=None) -> results`: a compiled step, see `ProbeEngine.routine`."""


@dataclass(frozen=True)
class Routine:
    """A step with the model inside, run as a `CompiledProgram`.

    Args:
        inputs: number of the model's inputs; they come first among the tensors.
        replaced: path of the layer whose output the step gives, or None for the explained input.
    """

    program: Program
    step: RoutineStep
    inputs: int
    names: tuple[str, ...]
    replaced: str | None = None

    def __call__(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> dict[str, Any]:
        """One step. Of the explained input among the tensors only the shape counts."""
        given, carried = tensors[: self.inputs], tensors[self.inputs :]
        layers = self.program.layers
        layouts = [self.program.calls[layer].layout for layer in layers]

        def score(pictures: Any, rows: Any = None) -> tuple[Any, tuple[Any, ...]]:
            own, numbers = given, arguments
            if rows is not None:
                # The pictures replace the explained input.
                replaced = self.program.explained if self.replaced is None else None
                own = [
                    tensor if index == replaced else ops.take(tensor, rows, axis=0)
                    for index, tensor in enumerate(given)
                ]
                numbers = {name: ops.take(value, rows, axis=0) for name, value in arguments.items()}
            leaves = self._make_leaves(pictures, given)
            scores, model_pass = self.program.score(leaves, own, numbers, state)
            found = [model_pass.forward.activations[layer] for layer in layers]
            return scores, tuple(map(channels_last, found, layouts))

        return self.step(score, dict(zip(self.names, carried, strict=True)))

    def _make_leaves(self, pictures: Any, given: Sequence[Any]) -> dict[str, Any]:
        """Pictures in the layout and type of the tensor that they replace."""
        if self.replaced is not None:
            layout = self.program.calls[self.replaced].layout
            value = pictures if layout is None else layout.original(pictures)
            return {"replaced": {self.replaced: value}}
        layout = self.program.graph.image_layout
        dtype = keras.backend.standardize_dtype(given[self.program.explained or 0].dtype)
        if dtype.startswith(("int", "uint")):
            pictures = ops.clip(ops.round(pictures), np.iinfo(dtype).min, np.iinfo(dtype).max)
        return {"input": ops.cast(pictures if layout is None else layout.original(pictures), dtype)}

    def is_alive(self, result: Mapping[str, Any]) -> Any:
        """See `Program.is_alive`; a step says so by `"alive"` among its results."""
        return result.get("alive")

    def make_leaves(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """See `Program.make_leaves`."""
        return self.program.make_leaves(tensors[: self.inputs])

    def depends(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> bool:
        """See `Program.depends`."""
        return self.program.depends(tensors[: self.inputs], arguments, state)

    def make_error(self, names: Sequence[str]) -> errors.DisconnectedError:
        """See `Program.make_error`."""
        return self.program.make_error(names)
