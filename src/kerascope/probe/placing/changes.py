"""Running a model on changed patches, and reading what its layers return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope import backend
from kerascope.layout import Layout
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.inputs import InputBatch
from kerascope.probe.intercept.forward import forward
from kerascope.probe.placing.measure import Changes
from kerascope.probe.placing.patches import GROUNDS, PATCHES, find_bounds, make_grounds, make_patches
from kerascope.typing import Array

MOST_ROWS = 12
"""The most pictures in a pass; a third of all."""


@dataclass(frozen=True)
class PatchRun:
    """What it takes to run a model on pictures of its own making.

    Args:
        run_model: the model's forward pass.
        operations: every operation of the model, and the model itself.
        variables: of the model.
        state: their values, as arguments of programs.
        graph: of the model, on images of the explained input's size.
        batch: inputs of which the explained one is replaced, and of the others the first row is used.
        pixels: lowest and highest value of a pixel.
        pass_size: from a number of pictures to how many of them go in a pass.
        compile: compile the passes.
    """

    run_model: Callable[[Any], Any]
    operations: Sequence[keras.Operation]
    variables: Sequence[keras.Variable]
    state: Sequence[Any]
    graph: Graph
    batch: InputBatch
    pixels: tuple[float, float]
    pass_size: Callable[[int], int]
    compile: bool

    @property
    def passes(self) -> int:
        """Number of images that go forward."""
        return GROUNDS + PATCHES + (GROUNDS if self.batch.differentiable else 0)

    def find_changes(self, calls: Sequence[LayerCall]) -> list[Changes]:
        """How layers answer to patches.

        Cost:
            39 forwards of one image, and for each layer 3 backwards.
        """
        layout = self.graph.image_layout
        assert layout is not None
        grounds = make_grounds(layout.spatial, layout.channels)
        whole = np.ones(layout.spatial, bool)
        masks = self._find_seen(calls, grounds, layout) if self.batch.differentiable else [whole] * len(calls)
        seen = [find_bounds(mask) for mask in masks]
        patches = make_patches(grounds, masks)
        found = self._run_layers(calls, np.concatenate([grounds, patches.images]), layout)
        return [
            Changes(patches, part, values[GROUNDS:] - values[np.arange(PATCHES) % GROUNDS])
            for part, values in zip(seen, found, strict=True)
        ]

    def _run_layers(self, calls: Sequence[LayerCall], pictures: Array, layout: Layout) -> list[Array]:
        """What layers return for pictures, float32."""

        def run(tensors: Sequence[Any], state: Sequence[Any]) -> list[Any]:
            activations = self._forward(calls, tensors, state)
            return [ops.cast(activations[str(call.number)], "float32") for call in calls]

        run = backend.current().compile(run) if self.compile else run
        parts: list[list[Array]] = [[] for _ in calls]
        rows = self.pass_size(MOST_ROWS)
        for start in range(0, len(pictures), rows):
            values = run(self._tensors(pictures, start, rows, layout), self.state)
            for part, value in zip(parts, values, strict=True):
                part.append(ops.convert_to_numpy(value))
        return [np.concatenate(part)[: len(pictures)] for part in parts]

    def _find_seen(self, calls: Sequence[LayerCall], grounds: Array, layout: Layout) -> list[Array]:
        """For each layer the pixels that reach it, bool (*spatial,); all, where none seems to."""
        explained = self.batch.explained or 0
        generator = np.random.default_rng(0)
        weights = {
            call.number: ops.convert_to_tensor(generator.standard_normal(call.shape[1:]), "float32")
            for call in calls
        }

        def score(
            leaves: Mapping[str, Any], tensors: Sequence[Any], state: Sequence[Any]
        ) -> tuple[Any, dict[str, Any]]:
            given = list(tensors)
            given[explained] = leaves["input"]
            activations = self._forward(calls, given, state)
            sums = []
            for call in calls:
                values = ops.cast(activations[str(call.number)], "float32") * weights[call.number][None]
                sums.append(ops.sum(ops.reshape(values, (values.shape[0], -1)), axis=1))
            return ops.stack(sums, axis=1), {}

        differentiate = backend.current().value_and_gradients(score)
        if self.compile:
            differentiate = backend.current().compile(differentiate)
        reached = [np.zeros(layout.spatial, bool) for _ in calls]
        rows = self.pass_size(GROUNDS)
        for start in range(0, GROUNDS, rows):
            tensors = self._tensors(grounds, start, rows, layout)
            _, _, gradients = differentiate({"input": tensors[explained]}, tensors, self.state)
            for mask, gradient in zip(reached, gradients, strict=True):
                if gradient["input"] is not None:
                    values = ops.convert_to_numpy(ops.cast(gradient["input"], "float32"))
                    mask |= (layout.channels_last(values, np) != 0).any(axis=(0, -1))
        return [mask if mask.any() else np.ones_like(mask) for mask in reached]

    def _forward(
        self, calls: Sequence[LayerCall], tensors: Sequence[Any], state: Sequence[Any]
    ) -> Mapping[str, Any]:
        taps = {str(call.number): self.graph.find_tap(call) for call in calls}
        heads = (None,) * len(self.graph.outputs)
        inputs = self.batch.to_structure(list(tensors))
        result = forward(self.run_model, self.operations, inputs, self.variables, state, heads, taps, {})
        return result.activations

    def _tensors(self, pictures: Array, start: int, rows: int, layout: Layout) -> list[Any]:
        """The inputs of a pass, of which the last picture is repeated where there are fewer."""
        part = pictures[np.minimum(np.arange(start, start + rows), len(pictures) - 1)]
        low, high = self.pixels
        found = []
        for index, array in enumerate(self.batch.arrays):
            if index == (self.batch.explained or 0):
                scaled = layout.original(part * np.float32(high - low) + np.float32(low), np)
                values = scaled if array.dtype.kind == "f" else np.round(scaled)
            else:
                values = np.repeat(array[:1], rows, axis=0)
            found.append(ops.convert_to_tensor(values.astype(array.dtype)))
        return found
