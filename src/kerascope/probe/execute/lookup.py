"""Look-ups of a probe: facts about the model, its layers and outputs, without explaining anything."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras import ops

from kerascope import errors
from kerascope.layout import Layout
from kerascope.placement import Placement, stretch
from kerascope.probe.execute.partial import Cut, find_cut
from kerascope.probe.execute.program import Internals, Program
from kerascope.probe.execute.randomize import RandomizedLayer, randomize_layers
from kerascope.probe.execute.request import (
    CheckedRequest,
    Request,
    check_request,
    find_input,
    note_inputs,
    resolve_target,
)
from kerascope.probe.execute.state import ProbeState
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.output_kind import Remark
from kerascope.probe.graph.scales import Scales, find_scales
from kerascope.probe.input_range import pixel_range, preprocessing_layer
from kerascope.probe.inputs import InputBatch, check_inputs, pad_rows
from kerascope.probe.placing.changes import PatchRun
from kerascope.probe.placing.doubt import find_doubt
from kerascope.probe.placing.measure import guess_layout, place
from kerascope.target import Target, TargetLike, as_target
from kerascope.typing import Array


class ProbeLookup(ProbeState):
    """A probe that checks requests, and looks layers and targets up: see `Probe`."""

    def pixel_range(self, images: Any) -> tuple[float, float] | None:
        """The range of pixels that the model states: see `kerascope.probe.input_range`."""
        return pixel_range(self.graph(images))

    def preprocessing_layer(self, images: Any) -> str | None:
        """The last layer of the model's own preprocessing: see `kerascope.probe.input_range`."""
        return preprocessing_layer(self.graph(images))

    def randomize(self, images: Any, seed: int) -> list[RandomizedLayer]:
        """Random weights for the layers of the model, from the output: see `RandomizedLayer`.

        Args:
            images: (N, ...) as the model takes them.
            seed: of the values.
        """
        return randomize_layers(self.model, self.graph(images), seed)

    def resolve_layers(
        self,
        images: Any,
        target: TargetLike,
        layers: Sequence[str | None],
        spatial: bool = True,
        every_branch: bool = False,
    ) -> list[LayerCall]:
        """The calls of layers, checked.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None is the automatic layer.
            spatial: check that these layers have a height and width.
            every_branch: the automatic layer is each of its branches: see `Automatic.branches`.

        Cost:
            None, but to find where cells look: see `placement`.
        """
        checked = self._check_request(images, target, Request(tuple(layers), spatial), every_branch)
        return [checked.graph.find_call(layer) for layer in checked.layers]

    def notes(
        self, images: Any, target: TargetLike, layers: Sequence[str | None], every_branch: bool = False
    ) -> tuple[str, ...]:
        """Notes about layers, such as that other branches have layers of equal standing.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None is the automatic layer.
            every_branch: as in `resolve_layers`.

        Cost:
            None, but to find where cells look: see `placement`.
        """
        checked = self._check_request(images, target, Request(tuple(layers)), every_branch)
        if len(checked.layers) == len(layers):
            return checked.notes
        request = Request(checked.layers, branches=len(checked.layers))
        return self._check_request(images, target, request).notes

    def resolve_target(self, batch: InputBatch, target: Target) -> tuple[Target, tuple[Remark, ...]]:
        """The target as it applies to the model, and the warnings and notes about the outputs it reads."""
        with self._lock:
            graph = self._replace(_refreshes=False)._graph(batch, self._size(batch.count))
        return resolve_target(graph, target, self.class_names)

    def branches(self, images: Any, target: TargetLike = None) -> Scales:
        """The automatic layer, or the layers of all branches that meet only behind their pooling.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.

        Cost:
            None, but to find where cells look: see `placement`.
        """
        checked = self._check_request(images, target, Request((None,), spatial=True), every_branch=True)
        return Scales(checked.layers, image=False, branches=len(checked.layers))

    def scales(self, images: Any, target: TargetLike = None, layer: str | None = None) -> Scales:
        """The layers to explain the model at every scale, from a deep layer to the image.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layer: path of the deepest layer; None for the automatic one, or the branches: see `branches`.

        Cost:
            None, but to find where cells look: see `placement`.
        """
        checked = self._check_request(images, target, Request((layer,), spatial=True), every_branch=True)
        while True:
            deepest = tuple(map(checked.graph.find_call, checked.layers))
            found = find_scales(checked.graph, deepest, checked.batch.differentiable)
            # The finer layers are placed together; where one is misread, others may be the finer ones.
            placed = self._check_request(images, target, Request(found.layers, branches=found.branches))
            if placed.graph.placements == checked.graph.placements:
                return found
            checked = replace(placed, layers=checked.layers)

    def find_cut(self, images: Any, target: Target, layer: str | None, pooled: bool = False) -> Cut:
        """The cut behind a layer, to run the part of the model behind it alone.

        Args:
            images: (N, ...) as the model takes them.
            target: the explained target.
            layer: path of the layer; None for the automatic one.
            pooled: where a global pooling alone reads the layer, cut behind that.

        Cost:
            None, but to find where cells look: see `placement`.
        """
        return find_cut(self._check_request(images, target, Request((layer,), spatial=True)), pooled)

    def placement(self, images: Any, layer: str | None = None, target: TargetLike = None) -> Placement | None:
        """Where the cells of a layer lie on the image: see `kerascope.placement`.

        Args:
            images: (N, ...) as the model takes them; only their shape counts.
            layer: path of the layer; None for the automatic one for `target`.
            target: see `kerascope.target`.

        Returns:
            The placement; None where the layer's output or the image has no spatial axes. Its `obstacle` says
            why there is no picture where positions are no places.

        Cost:
            None where shapes leave no doubt, else once for each layer and size of images 39 forwards and 3
            backwards of one image.
        """
        checked = self._check_request(images, target, Request((layer,)))
        return checked.graph.placement(checked.graph.find_call(checked.layers[0]))

    def _check_request(
        self, images: Any, target: TargetLike, request: Request, every_branch: bool = False
    ) -> CheckedRequest:
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            return self._check(batch, self._size(batch.count), as_target(target), request, every_branch)

    def _check(
        self, batch: InputBatch, size: int, target: Target, request: Request, every_branch: bool = False
    ) -> CheckedRequest:
        """The checked request, of which the cells of every layer are placed.

        A layer whose positions turn out to be no places gives way to another automatic one.
        """
        while True:
            try:
                checked, failure = self._check_once(batch, size, target, request, every_branch), None
            except errors.NoSpatialExtentError as error:
                # A layer that is named may have places all the same, which its shape does not show.
                if not any(request.layers):
                    raise
                checked = self._check_once(batch, size, target, replace(request, spatial=False))
                failure = error
            if calls := self._calls_to_place(checked):
                self._place(checked, calls)
            elif failure is not None:
                raise failure
            else:
                return checked

    def _check_once(
        self, batch: InputBatch, size: int, target: Target, request: Request, every_branch: bool = False
    ) -> CheckedRequest:
        graph = self._graph(batch, size)

        def check(request: Request, graph: Graph, batch: InputBatch) -> CheckedRequest:
            connected = functools.partial(self._find_connected, graph, batch, size)
            return check_request(request, graph, batch, target, self.class_names, connected, every_branch)

        if batch.explained is not None or not request.layers:
            return check(request, graph, batch)
        # The layers may say which of several inputs is explained.
        first = check(Request(request.layers, branches=request.branches), graph, batch)
        explained = find_input(graph, first.layers)
        if explained is None:
            return note_inputs(check(request, graph, batch))
        batch = replace(batch, explained=explained)
        # Anew: of this input, layers may be known to have no places.
        checked = check(request, self._graph(batch, size), batch)
        return replace(checked, notes=tuple(dict.fromkeys((*first.notes, *checked.notes))))

    @property
    def placement_count(self) -> int:
        """Number of images that went forward to find where cells look; `forward_count` is without them."""
        return self._counts["placement"]

    def _calls_to_place(self, checked: CheckedRequest) -> list[LayerCall]:
        """The calls of a request whose cells must be measured and have not been."""
        graph, batch = checked.graph, checked.batch
        if self.placing == "stretched" or graph.image_layout is None or batch.explained is None:
            return []
        names = (*checked.layers, *checked.target.layers)
        # A walk through the calls, which every explanation would pay for.
        key = ("calls to place", names, self.placing)
        if key in graph.memo:
            return []
        makers = {graph.maker(call): graph.calls[graph.maker(call)] for call in map(graph.find_call, names)}
        found = [
            call
            for number, call in makers.items()
            if number not in graph.placements
            and (call.layout is not None or len(call.shape) == 3)
            and math.prod(call.shape[1:-1]) > 1
            and call.dtype.startswith(("float", "bfloat"))
            and call.sees_image
            and call.untappable is None
            and (self.placing == "measured" or find_doubt(graph, call) != "none")
        ]
        if not found:
            graph.memo[key] = True
        return found

    def _place(self, checked: CheckedRequest, calls: Sequence[LayerCall]) -> None:
        """Measure where the cells of some calls lie, and keep it."""
        graph, batch = checked.graph, checked.batch
        assert batch.explained is not None
        variables = self._variables()
        whole_numbers = batch.arrays[batch.explained].dtype.kind != "f"
        run = PatchRun(
            self._run_model,
            self._operations(),
            variables,
            self._backend.state(variables),
            graph,
            batch,
            pixel_range(graph) or (0.0, 255.0 if whole_numbers else 1.0),
            self.pass_size,
            self.compile and self._backend.compiles,
        )
        try:
            changes = run.find_changes(calls)
        except (errors.KerascopeError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 (a model that refuses noise has scores of images all the same)
            kind = type(error).__name__
            note = f"where its cells look could not be measured: the model raised {kind} on pictures of noise"
            found = {call.number: _stretch(call, graph.image or (), note) for call in calls}
        else:
            found = {
                call.number: place(graph, call, change, find_doubt(graph, call))
                for call, change in zip(calls, changes, strict=True)
            }
        self._counts["placement"] += run.passes
        self._cache.add_places(batch, found)

    def _find_connected(
        self,
        graph: Graph,
        batch: InputBatch,
        size: int,
        target: Target,
        arguments: Mapping[str, Array],
        calls: Sequence[LayerCall],
    ) -> Collection[int]:
        """Numbers of those of some calls that a score depends on; all, where that cannot be asked."""
        at = {graph.name(call): call for call in calls}
        checked = CheckedRequest(graph, batch, target, arguments, Request(tuple(at)), tuple(at))
        leaves = {"layers": {name: ops.zeros((), call.dtype) for name, call in at.items()}}
        tensors = [ops.convert_to_tensor(part) for part in batch.chunk(0, size)]
        given = {name: ops.convert_to_tensor(pad_rows(array, 0, size)) for name, array in arguments.items()}
        state = self._state(self._variables())
        try:
            with self._forbid_training(state):
                names = self._make_program(checked).find_connected(leaves, tensors, given, state)
        except errors.BusyModelError:
            raise
        except Exception:  # noqa: BLE001 (a model without a gradient has scores and layers all the same)
            return {call.number for call in calls}
        return {call.number for name, call in at.items() if name in names}

    def _make_program(
        self,
        checked: CheckedRequest,
        compute: Callable[[Internals], Any] | None = None,
        skippable: Sequence[LayerCall] = (),
    ) -> Program:
        return Program(
            run_model=self._run_model,
            operations=self._operations,
            variables=self._variables,
            graph=checked.graph,
            structure=checked.batch.structure,
            explained=checked.batch.explained,
            target=checked.target,
            request=checked.request,
            layers=checked.layers,
            calls={layer: checked.graph.find_call(layer) for layer in checked.layers},
            biases=checked.biases,
            compute=compute,
            skippable=tuple(skippable),
        )


def _stretch(call: LayerCall, image: tuple[int, ...], note: str) -> tuple[Layout, Placement]:
    layout = guess_layout(call)
    return layout, replace(stretch(layout.spatial, image), note=note)
