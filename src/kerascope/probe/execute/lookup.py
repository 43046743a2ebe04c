"""Look-ups of a probe: facts about the model, its layers and outputs, without explaining anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kerascope.placement import Placement
from kerascope.probe.execute.partial import Cut, find_cut
from kerascope.probe.execute.placing import ProbePlacing
from kerascope.probe.execute.randomize import RandomizedLayer, randomize_layers
from kerascope.probe.execute.request import (
    CheckedRequest,
    Request,
    check_request,
    find_input,
    note_inputs,
    resolve_target,
)
from kerascope.probe.graph.graph import LayerCall
from kerascope.probe.graph.output_kind import Remark
from kerascope.probe.graph.scales import Scales, find_scales
from kerascope.probe.input_range import pixel_range, preprocessing_layer
from kerascope.probe.inputs import InputBatch, check_inputs
from kerascope.target import Target, TargetLike, as_target


class ProbeLookup(ProbePlacing):
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
        self, images: Any, target: TargetLike, layers: Sequence[str | None], spatial: bool = True
    ) -> list[LayerCall]:
        """The calls of layers, checked.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None is the automatic layer.
            spatial: check that these layers have a height and width.

        Cost:
            None: the model is run without data.
        """
        checked = self._check_request(images, target, Request(tuple(layers), spatial))
        return [checked.graph.find_call(layer) for layer in checked.layers]

    def notes(self, images: Any, target: TargetLike, layers: Sequence[str | None]) -> tuple[str, ...]:
        """Notes about layers, such as that other branches have layers of equal standing.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None is the automatic layer.

        Cost:
            None: the model is run without data.
        """
        return self._check_request(images, target, Request(tuple(layers))).notes

    def resolve_target(self, batch: InputBatch, target: Target) -> tuple[Target, tuple[Remark, ...]]:
        """The target as it applies to the model, and the warnings and notes about the outputs it reads."""
        with self._lock:
            graph = self._replace(_refreshes=False)._graph(batch, self._size(batch.count))
        return resolve_target(graph, target, self.class_names)

    def scales(self, images: Any, target: TargetLike = None, layer: str | None = None) -> Scales:
        """The layers to explain the model at every scale, from a deep layer to the image.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layer: path of the deepest layer; None for the automatic one.

        Cost:
            None: the model is run without data.
        """
        checked = self._check_request(images, target, Request((layer,), spatial=True))
        while True:
            deepest = checked.graph.find_call(checked.layers[0])
            found = find_scales(checked.graph, deepest, checked.batch.differentiable)
            # The finer layers are placed together; where one is misread, others may be the finer ones.
            placed = self._check_request(images, target, Request(found.layers))
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
            None: the model is run without data.
        """
        return find_cut(self._check_request(images, target, Request((layer,), spatial=True)), pooled)

    def _check_request(self, images: Any, target: TargetLike, request: Request) -> CheckedRequest:
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            return self._check(batch, self._size(batch.count), as_target(target), request)

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
            None where shapes leave no doubt, else once for each layer and size of images 36 forwards and 3
            backwards of one image.
        """
        checked = self._check_request(images, target, Request((layer,)))
        return checked.graph.placement(checked.graph.find_call(checked.layers[0]))

    def _check(self, batch: InputBatch, size: int, target: Target, request: Request) -> CheckedRequest:
        """The checked request, of which the cells of every layer are placed.

        A layer whose positions turn out to be no places gives way to another automatic one.
        """
        while True:
            checked = self._check_once(batch, size, target, request)
            if not (calls := self._unplaced(checked)):
                return checked
            self._place(checked, calls)

    def _check_once(self, batch: InputBatch, size: int, target: Target, request: Request) -> CheckedRequest:
        graph, names = self._graph(batch, size), self.class_names
        if batch.explained is not None or not request.layers:
            return check_request(request, graph, batch, target, names)
        # The layers may say which of several inputs is explained.
        first = check_request(Request(request.layers), graph, batch, target, names)
        explained = find_input(graph, first.layers)
        if explained is None:
            return note_inputs(check_request(request, graph, batch, target, names))
        batch = replace(batch, explained=explained)
        request = replace(request, layers=first.layers)
        checked = check_request(request, self._graph(batch, size), batch, target, names)
        return replace(checked, notes=(*first.notes, *checked.notes))
