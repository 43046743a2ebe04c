"""The automatic layer: the last one with places on the way to the score, and what stands beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from kerascope import errors
from kerascope.layout import TOKENS
from kerascope.probe.graph.graph import CONNECTIONS, Graph, LayerCall
from kerascope.probe.graph.head import find_sources, head_call
from kerascope.probe.graph.pooled_head import pooling_kind
from kerascope.target import Context, Target

Measure = Callable[[Sequence[LayerCall]], Collection[int]]
"""From calls to the numbers of those that the explained score depends on."""
_MOST_MEASURED = 64
"""Targets whose measured automatic layers are kept."""


@dataclass(frozen=True)
class Automatic:
    """The automatic layer, and the branches that meet its own only where there are no places any more.

    Args:
        call: the layer.
        beside: the last explainable call of each other branch, the last first.
        sure: the graph alone says that the score depends on all of them.
    """

    call: LayerCall
    beside: tuple[LayerCall, ...] = ()
    sure: bool = True

    @property
    def branches(self) -> tuple[LayerCall, ...]:
        """The layer, and of those beside it the ones whose maps can be added to its own.

        The same inputs lead to them, and their grids have as many axes.
        """
        return (self.call, *(other for other in self.beside if _lies_on_the_same_picture(other, self.call)))


def automatic_layer(
    graph: Graph, target: Target, context: Context, measure: Measure | None = None
) -> Automatic:
    """The automatic layer for a target: see `find_automatic`.

    Where a target picks places of outputs that are spatial themselves, as in segmentation, a map of a score
    at the score would only show the target's own places: the layer is taken in front of the last ones with
    weights, and of all of them, so that the score depends on it whichever pixels or detections it is made
    of. A function of the outputs is unknown: it may mix all places, and is explained at them.
    """
    sources = tuple(find_sources(graph, target, context))
    # A walk through the whole network, which every explanation would pay for.
    key = ("automatic", sources, target.outputs(context) is None, target.layers)
    if key not in graph.memo:
        graph.memo[key] = _automatic_layer(graph, target, context, sources, None)
    found: Automatic = graph.memo[key]
    if found.sure or measure is None:
        return found
    measured: dict[Hashable, tuple[Target, Automatic]] = graph.memo.setdefault(
        "measured automatic layers", {}
    )
    # A target's key may be the id of a function, which no other has while the target is kept.
    if (target.key(), sources) not in measured:
        while len(measured) >= _MOST_MEASURED:
            del measured[next(iter(measured))]
        found = _automatic_layer(
            graph, target, context, sources, _measure_once(graph, target, sources, measure)
        )
        measured[target.key(), sources] = target, found
    return measured[target.key(), sources][1]


def _measure_once(graph: Graph, target: Target, sources: tuple[int, ...], measure: Measure) -> Measure:
    """A measurement that is kept with the graph, also where other layers turn out to have places."""

    def ask(calls: Sequence[LayerCall]) -> Collection[int]:
        known: dict[Hashable, tuple[Target, Collection[int]]] = graph.memo.setdefault(CONNECTIONS, {})
        if (target.key(), sources) not in known:
            while len(known) >= _MOST_MEASURED:
                del known[next(iter(known))]
            known[target.key(), sources] = target, measure(calls)
        return known[target.key(), sources][1]

    return ask


def _automatic_layer(
    graph: Graph, target: Target, context: Context, sources: tuple[int, ...], measure: Measure | None
) -> Automatic:
    if target.outputs(context) is None:
        return find_automatic(graph, sources, measure=measure)
    head_calls = [head_call(graph, output.source) for output in graph.outputs]
    # Behind the layer with weights already, where its own activation is the softmax. A unit's own layer is
    # the end of the way.
    ends = {number for call in head_calls if call and _has_weights(call) for number in call.sources}
    ends |= {graph.find_call(layer).number for layer in target.layers}
    behind = [[source] if source in ends else _sources_of_weights(graph, source) for source in sources]
    before = [
        number
        for numbers in behind
        for number in (graph.common_ancestors(numbers) if len(numbers) > 1 else numbers)
    ]
    try:
        return find_automatic(graph, before, sources, measure)
    except errors.NoSpatialExtentError:
        return find_automatic(graph, sources, measure=measure)


def find_automatic(
    graph: Graph,
    before: Iterable[int],
    sources: Iterable[int] | None = None,
    measure: Measure | None = None,
) -> Automatic:
    """The last call with a spatial size above 1 on the way to the calls `before`, and what is beside it.

    It is taken after activations and merges, at any nesting depth; in front of an attention's projections.
    Where tensors are made between the layers, by operators in a `call`, and the way cannot be followed, it
    is the last such call of all that the score depends on, which `measure` tells.

    Args:
        graph: of the model.
        before: numbers of calls.
        sources: numbers of the calls that the score is made from, to which branches lead; None for the same.
        measure: asked once, where the graph is not sure that the score depends on what was found; or None.

    Raises:
        NoSpatialExtentError: there is none.
    """
    before = tuple(before)
    sources = before if sources is None else tuple(sources)
    reached = graph.upstream(before)
    calls = [
        call
        for call in graph.calls
        if (reached is None or call.number in reached) and graph.is_explainable(call)
    ]
    found = _take_last(graph, calls, sources)
    certain = graph.find_certain((*before, *sources))
    if certain.issuperset(call.number for call in (found.call, *found.beside)):
        return found
    if measure is not None:
        connected = measure(list(filter(graph.is_explainable, graph.calls)))
        if remaining := [call for call in calls if call.number in connected]:
            found = _take_last(graph, remaining, sources, connected)
        else:
            found = Automatic(found.call)
    return replace(found, sure=False)


def _take_last(
    graph: Graph, calls: Sequence[LayerCall], sources: Sequence[int], connected: Collection[int] | None = None
) -> Automatic:
    """The last call of some, and what is beside it, of the calls `connected`; None for all."""
    usable = [call for call in calls if not is_projection(graph, call)] or calls
    usable = [call for call in usable if call.sees_image] or usable
    # A map with the input's own number of axes can be drawn on it; one with others is second best.
    fitting = [
        call
        for call in usable
        if graph.image is None or (call.layout and len(call.layout.spatial) == len(graph.image))
    ]
    for call in reversed(fitting or usable):
        return Automatic(call, tuple(_find_branches(graph, call, sources, connected)))
    sizes = ", ".join(f"{graph.name(call)} {call.shape[1:]}" for call in graph.calls[-4:])
    if placeless := [graph.name(call) for call in graph.calls if graph.has_no_places(call)]:
        sizes += f"; the positions of {placeless[-1]!r} were found to be no places of the image"
    raise errors.NoSpatialExtentError(
        "a class activation map needs a layer whose output has a height and width above 1 on the way to "
        f"the score; this model has none at this input size (its last layers: {sizes}). Use larger "
        "images, or a method that explains the input itself, such as Saliency."
    )


def _find_branches(
    graph: Graph, call: LayerCall, sources: Iterable[int], connected: Collection[int] | None
) -> list[LayerCall]:
    """The last explainable calls of the branches to `sources` that `call` is not on, last first.

    Where the way back from the sources cannot be followed, these may be any calls. Empty where the way back
    from `call` cannot be followed.
    """
    every, own = graph.upstream(sources), graph.upstream([call.number])
    if own is None:
        return []
    every = {other.number for other in graph.calls} if every is None else every
    behind = set(own)
    found: list[LayerCall] = []
    for number in sorted(every - own, reverse=True):
        other = graph.calls[number]
        usable = number not in behind and (connected is None or number in connected)
        usable = usable and graph.is_explainable(other) and not is_projection(graph, other)
        before = graph.upstream([number]) if usable else set()
        if before is None or call.number in before:
            continue
        if before and (other.sees_image or not call.sees_image):
            found.append(other)
        behind |= before
    return found


def is_projection(graph: Graph, call: LayerCall) -> bool:
    """Whether a call looks like a projection of tokens for an attention: to queries, keys or values.

    It has a matrix of weights for each token by itself, and stands beside another such call on the same
    tensor, or is one of three on what the layer around them was given, or is as wide as several of its
    input. What comes of it mixes places, so that values there say little: of keys they are hundreds of times
    smaller than in front. Where a call that is none looks like one, as half of a gated pair does, the tensor
    in front is as good, since only a matrix lies between.
    """
    if call.layout is None or call.layout.kind != TOKENS or not _is_matrix(call):
        return False
    before, width = call.layer.operation.kernel.shape[-2:]
    if width > before and width % before == 0 and not _feeds_layer(graph, call):
        return True
    around = graph.find_around(call)
    given = set() if around is None else set(around.given)
    inside = () if around is None else graph.calls[around.start : around.number]
    of_three = given.issuperset(call.given) and (
        sum(given.issuperset(other.given) and _is_matrix(other) for other in inside) >= 3
    )
    return of_three or any(
        other.given == call.given and other.layer is not call.layer and _is_matrix(other)
        for other in graph.calls
    )


def _is_matrix(call: LayerCall) -> bool:
    """Whether it multiplies each vector of a sequence by one matrix of weights."""
    shape = tuple(getattr(getattr(call.layer.operation, "kernel", None), "shape", ()))
    if len(call.shape) != 3 or len(shape) < 2:
        return False
    return math.prod(shape[:-2]) == 1 and bool(shape[-1] == call.shape[-1])


def _feeds_layer(graph: Graph, call: LayerCall) -> bool:
    """Whether a layer with weights, or a pooling, reads a call's tensor as it is."""
    return any(
        _has_weights(other) or pooling_kind(graph, other) is not None
        for other in graph.calls[call.number + 1 :]
        if call.number in other.sources
    )


def _lies_on_the_same_picture(call: LayerCall, other: LayerCall) -> bool:
    assert call.layout is not None
    assert other.layout is not None
    return call.inputs == other.inputs and len(call.layout.spatial) == len(other.layout.spatial)


def _has_weights(call: LayerCall) -> bool:
    return bool(getattr(call.layer.operation, "weights", None))


def _sources_of_weights(graph: Graph, source: int) -> list[int]:
    """Inputs of the last layers with weights on the way to a spatial call; a call without axes as it is."""
    if source < 0 or (layout := graph.calls[source].layout) is None or layout.positions < 2:
        return [source]
    call = graph.calls[source]
    if _has_weights(call):
        return list(call.sources)
    return [number for before in call.sources for number in _sources_of_weights(graph, before)]
