"""Requests: which tensors to compute of a model, and the check that a target and layers fit it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from kerascope import errors
from kerascope.placement import Placement, combine_finest, stretch
from kerascope.probe.graph.automatic_layer import Automatic, automatic_layer
from kerascope.probe.graph.bias import Biases, find_biases
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import find_sources, heads, make_context
from kerascope.probe.graph.output_kind import UNDETERMINED, Remark
from kerascope.probe.inputs import InputBatch
from kerascope.rule import Rule
from kerascope.target import Target
from kerascope.typing import Array


@dataclass(frozen=True)
class Request:
    """Which tensors to compute of a model. It is hashable, and part of the key of its compiled program.

    Args:
        layers: paths of the layers to read; None is the automatic layer.
        spatial: check that these layers have a height and width.
        gradients: differentiate at these layers.
        image_gradient: differentiate at the explained input.
        rule: gradient of rectifiers; None for their own.
        hvp: at these layers, the product of the layer's block of the Hessian with its activations.
        biases: differentiate at every constant that the model adds; see `kerascope.probe.graph.bias`.
        branches: how many of the layers, the first ones, stand beside one another: each shows a part of the
            score, and their maps add up.
    """

    layers: tuple[str | None, ...] = ()
    spatial: bool = False
    gradients: bool = False
    image_gradient: bool = False
    rule: Rule | None = None
    hvp: bool = False
    biases: bool = False
    branches: int = 1


FindConnected = Callable[[Target, Mapping[str, Array], Sequence[LayerCall]], Collection[int]]
"""From a target, its arguments and calls to the numbers of those that the target's score depends on."""


@dataclass(frozen=True)
class CheckedRequest:
    """A request and a target that fit the model and the images.

    Args:
        graph: of the model.
        batch: the checked inputs.
        target: the explained target.
        arguments: the target's, one row per image.
        request: with full paths of layers.
        layers: these paths.
        biases: every constant of the model, where the request differentiates at them, or None.
        notes: notes about the layers, for the explanation.
    """

    graph: Graph
    batch: InputBatch
    target: Target
    arguments: Mapping[str, Array]
    request: Request = Request()
    layers: tuple[str, ...] = ()
    biases: Biases | None = None
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[int, ...]:
        """Numbers of the calls that the explained score is made from."""
        context = make_context(self.graph, self.batch.count, None)
        return tuple(find_sources(self.graph, self.target, context))

    @property
    def placement(self) -> Placement | None:
        """Where values on the grid of its layers, the finest of several, or on pixels lie on the image."""
        if self.graph.image is None:
            return None
        if not self.layers:
            return stretch(self.graph.image, self.graph.image)
        key = ("placement of layers", self.layers)
        if key not in self.graph.memo:
            found = [self.graph.placement(self.graph.find_call(layer)) for layer in self.layers]
            known = [placement for placement in found if placement is not None]
            self.graph.memo[key] = combine_finest(known) if len(known) == len(found) else None
        placement: Placement | None = self.graph.memo[key]
        return placement

    @property
    def key(self) -> tuple[Hashable, ...]:
        """The key of its program, but for the method's arithmetic and the size of a pass."""
        return (
            self.target.key(),
            self.request,
            self.graph.kinds,
            heads(self.graph),
            self.graph.label,
            self.batch.signature,
            self.batch.explained,
        )


def check_request(
    request: Request,
    graph: Graph,
    batch: InputBatch,
    target: Target,
    class_names: tuple[str, ...] | None,
    find_connected: FindConnected,
    every_branch: bool = False,
) -> CheckedRequest:
    """Check that a request and a target fit a model and images.

    Args:
        request: the request.
        graph: of the model.
        batch: the checked inputs.
        target: the explained target.
        class_names: names of the classes, or None.
        find_connected: measures what the score depends on.
        every_branch: the automatic layer is each of its branches: see `Automatic.branches`.

    Raises:
        TargetError: the target does not fit the model or the images.
        LayerError: a layer does not exist, or cannot be used.
        InputError: there is no gradient at the input.
    """
    context = make_context(graph, batch.count, class_names)
    target = target.resolve(context)
    arguments = target.arguments(context)
    find = functools.partial(
        automatic_layer, graph, target, context, functools.partial(find_connected, target, arguments)
    )
    layers = []
    for layer in request.layers:
        if layer is not None:
            calls: tuple[LayerCall, ...] = (graph.find_call(layer),)
        else:
            automatic = find()
            calls = automatic.branches if every_branch else (automatic.call,)
        for call in calls:
            if request.gradients:
                _check_differentiable_layer(graph, call)
            if request.spatial:
                _check_spatial(graph, call, layer)
            layers.append(graph.name(call))
    if request.image_gradient:
        _ = batch.pixels  # raises where there is none to differentiate at
    biases = find_biases(graph) if request.biases else None
    notes = () if biases is None else biases.notes
    return CheckedRequest(
        graph,
        batch,
        target,
        arguments,
        replace(request, layers=tuple(layers), spatial=False),
        tuple(layers),
        biases,
        (*notes, *(_branch_notes(layers, request.branches, _name_automatic(graph, find)) if layers else ())),
    )


def find_input(graph: Graph, layers: Sequence[str]) -> int | None:
    """Position of the only input that leads to layers; None where several do.

    Args:
        graph: of the model.
        layers: full paths.
    """
    leading = frozenset[int]().union(*(graph.find_call(layer).inputs for layer in layers))
    return next(iter(leading)) if len(leading) == 1 else None


def note_inputs(checked: CheckedRequest) -> CheckedRequest:
    """The request with the note that its map cannot be drawn, since several inputs lead to its layers."""
    names = checked.batch.names
    note = (
        f"several inputs, {', '.join(map(repr, names))}, lead to {' and '.join(map(repr, checked.layers))}; "
        f"choose the one to draw the map on: ks.Probe(model, input={names[0]!r})"
    )
    return replace(checked, notes=(*checked.notes, note))


def resolve_target(
    graph: Graph, target: Target, class_names: tuple[str, ...] | None
) -> tuple[Target, tuple[Remark, ...]]:
    """The target as it applies to a model, and the warnings and notes about the outputs that it reads."""
    context = make_context(graph, graph.batch, class_names)
    resolved = target.resolve(context)
    read = resolved.outputs(context)
    remarks = [graph.remarks[output] for output in (range(len(graph.outputs)) if read is None else read)]
    # A target that names one number of the model needs no note that it is one.
    known = resolved.key() == target.key()
    return resolved, tuple(
        remark for remark in remarks if remark is not None and not (known and remark is UNDETERMINED)
    )


def _branch_notes(layers: Sequence[str], branches: int, automatic: Sequence[str]) -> list[str]:
    """What a map shows of several branches that meet only behind their pooling.

    Args:
        layers: full paths of the layers that are read.
        branches: how many of them, the first ones, are branches: see `Request`.
        automatic: the automatic layer, and the layers beside it.
    """
    notes = []
    if branches > 1:
        added = " and ".join(map(repr, layers[:branches]))
        notes.append(
            f"the map adds up {branches} branches of equal standing, {added}; layer= takes one of them"
        )
    missing = [name for name in automatic if name not in layers]
    if missing and automatic[0] in layers:
        shown = ", ".join(map(repr, missing[:3])) + (", ..." if len(missing) > 3 else "")
        notes.append(
            f"{automatic[0]!r} is one of {len(automatic)} branches of equal standing: the map does not show "
            f"what goes through {shown}; choose another one with layer="
        )
    return notes


def _name_automatic(graph: Graph, find: Callable[[], Automatic]) -> list[str]:
    """Full paths of the automatic layer and of those beside it; none where there is none."""
    try:
        found = find()
    except errors.NoSpatialExtentError:
        return []
    return [graph.name(call) for call in (found.call, *found.beside)]


def _check_differentiable_layer(graph: Graph, call: LayerCall) -> None:
    if not call.dtype.startswith(("float", "bfloat")):
        raise errors.UntappableLayerError(
            "a layer must return floating-point numbers to have a gradient; "
            f"{graph.name(call)!r} returns {call.dtype}; choose a layer behind it."
        )


def _check_spatial(graph: Graph, call: LayerCall, layer: str | None) -> None:
    if call.layout is None or call.layout.positions < 2:
        usable = [graph.name(other) for other in graph.calls if graph.is_explainable(other)]
        raise errors.NoSpatialExtentError(
            f"a class activation map needs a layer with a height and width above 1; {layer!r} "
            f"returns {call.shape}; choose one before pooling or flattening, such as "
            f"{usable[-1] if usable else 'none here'!r}."
        )
