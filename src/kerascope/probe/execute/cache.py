"""The cache of a model's graphs and compiled programs, which is emptied when the model changes."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from kerascope import errors
from kerascope.layout import Layout
from kerascope.placement import Placement
from kerascope.probe.execute.compiled import CompiledProgram
from kerascope.probe.execute.program import Program
from kerascope.probe.execute.routine import Routine
from kerascope.probe.fingerprint import Fingerprint
from kerascope.probe.graph.dead_tokens import find_dead_tokens
from kerascope.probe.graph.graph import Graph
from kerascope.probe.graph.handwritten_softmax import find_opaque, measure_heads
from kerascope.probe.graph.head import OutputHead
from kerascope.probe.graph.output_kind import OutputSpec, find_possible_probabilities, with_kinds
from kerascope.probe.graph.trace import trace_graph
from kerascope.probe.inputs import InputBatch, input_specs

LIMIT = 64
"""Number of compiled programs in the cache of a probe; the least recently used one goes first."""


class ProgramCache:
    """Graphs by the shape of the images, and programs by the request.

    Args:
        compile: compile the programs.
        counts: `counts["trace"]` goes up with each trace.
    """

    def __init__(self, compile: bool, counts: dict[str, int]) -> None:
        self._compile = compile
        self._counts = counts
        self._fingerprint: Fingerprint | None = None
        self._graphs: dict[Hashable, Graph] = {}
        self._bare_graphs: dict[Hashable, Graph] = {}
        self._measured: dict[Hashable, dict[int, OutputHead]] = {}
        self._places: dict[Hashable, dict[int, tuple[Layout, Placement]]] = {}
        self._programs: OrderedDict[Hashable, CompiledProgram] = OrderedDict()

    def refresh(self, model: keras.Model) -> None:
        """Empty the cache of a model that has changed since."""
        fingerprint = Fingerprint(model)
        if fingerprint != self._fingerprint:
            for cache in (self._graphs, self._bare_graphs, self._measured, self._places, self._programs):
                cache.clear()
            self._fingerprint = fingerprint

    def graph(
        self,
        model: keras.Model,
        run_model: Callable[[Any], Any],
        batch: InputBatch,
        size: int,
        spec: OutputSpec,
    ) -> Graph:
        """The graph of the model on images like those of a batch, `size` at a time."""
        # Compiling the model with another loss may change the kinds of its outputs.
        loss = getattr(model, "loss", None) or spec.loss
        key = (batch.signature, batch.explained, size, repr(spec), repr(loss))
        if key not in self._graphs:
            for cache in (self._graphs, self._bare_graphs, self._measured, self._places):
                if len(cache) >= LIMIT:
                    cache.clear()
            tensors = [ops.convert_to_tensor(part) for part in batch.chunk(0, size)]
            bare_key = key[:3]
            if bare_key not in self._bare_graphs:
                # Around the whole trace: tensors that are made in it, such as a seed, must not outlive it.
                with keras.StatelessScope():
                    graph = trace_graph(
                        _blame_model(run_model, batch), model, batch.to_structure(tensors), batch.explained
                    )
                graph = replace(graph, opaque=find_opaque(graph))
                dead_tokens = _find_dead_tokens(model, run_model, graph, batch, tensors)
                self._bare_graphs[bare_key] = replace(graph, dead_tokens=dead_tokens)
            graph = self._bare_graphs[bare_key]
            probabilities = tuple(sorted(find_possible_probabilities(graph, replace(spec, label=None), loss)))
            measured_key = (batch.signature, batch.explained, probabilities)
            if measured_key not in self._measured:
                self._measured[measured_key] = _measure_heads(
                    model, run_model, graph, batch, tensors, probabilities
                )
            measured = self._measured[measured_key]
            graph = replace(graph, measured=measured, opaque=graph.opaque - measured.keys())
            self._graphs[key] = with_kinds(graph, spec, loss)
        places = self._places.get((batch.signature, batch.explained), {})
        if places.keys() != self._graphs[key].placements.keys():
            self._graphs[key] = self._graphs[key].with_places(places)
        return self._graphs[key]

    def add_places(self, batch: InputBatch, found: Mapping[int, tuple[Layout, Placement]]) -> None:
        """Keep where the cells of layers lie on images like those of a batch: see `Graph.placements`."""
        self._places.setdefault((batch.signature, batch.explained), {}).update(found)

    def program(self, key: Hashable, make: Callable[[], Program | Routine]) -> CompiledProgram:
        """The compiled program of a key; `make` gives the program where it is new."""
        if key not in self._programs:
            self._programs[key] = CompiledProgram(make(), self._compile, self._counts)
            while len(self._programs) > LIMIT:
                self._programs.popitem(last=False)
        self._programs.move_to_end(key)
        return self._programs[key]


def _blame_model(run_model: Callable[[Any], Any], batch: InputBatch) -> Callable[[Any], Any]:
    """The model's forward pass, whose own exceptions become an `InputError`."""

    def run(inputs: Any) -> Any:
        try:
            return run_model(inputs)
        except errors.KerascopeError:
            raise
        except Exception as error:
            shapes = [array.shape for array in batch.arrays]
            raise errors.InputError(
                f"the model must run on these images, of shape {shapes}; it failed with "
                f"{type(error).__name__}: {error}; try model(images[:1]) by itself."
            ) from error

    return run


def _measure_heads(
    model: keras.Model,
    run_model: Callable[[Any], Any],
    graph: Graph,
    batch: InputBatch,
    tensors: Sequence[Any],
    probabilities: Collection[int],
) -> dict[int, OutputHead]:
    """Measure heads on four images: see `kerascope.probe.graph.handwritten_softmax`."""
    if _takes_any_batch(model):
        tensors = [ops.repeat(tensor[:1], 4, axis=0) for tensor in tensors]
    operations = [model, *(layer.operation for layer in graph.layers)]
    with contextlib.suppress(Exception), keras.StatelessScope():
        return measure_heads(run_model, operations, graph, batch.to_structure(tensors), probabilities)
    return {}


def _find_dead_tokens(
    model: keras.Model,
    run_model: Callable[[Any], Any],
    graph: Graph,
    batch: InputBatch,
    tensors: Sequence[Any],
) -> frozenset[int]:
    """See `kerascope.probe.graph.dead_tokens`; on one image, where the model takes any number."""
    if _takes_any_batch(model):
        tensors = [tensor[:1] for tensor in tensors]
    operations = [model, *(layer.operation for layer in graph.layers)]
    try:
        with keras.StatelessScope():
            return find_dead_tokens(run_model, operations, graph, batch.to_structure(tensors))
    except Exception:  # noqa: BLE001 (a model without a gradient has scores all the same)
        return frozenset()


def _takes_any_batch(model: keras.Model) -> bool:
    specs = input_specs(model)
    return specs is None or specs[0].shape[0] is None
