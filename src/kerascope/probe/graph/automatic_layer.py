"""The automatic layer: the last one with places on the way to the score."""

from __future__ import annotations

from collections.abc import Iterable

from kerascope import errors
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import find_sources, head_call
from kerascope.target import Context, Target


def automatic_layer(graph: Graph, target: Target, context: Context) -> LayerCall:
    """The automatic layer for a target: see `find_automatic`.

    Where a target picks places of outputs that are spatial themselves, as in segmentation, a map of a score
    at the score would only show the target's own places: the layer is taken in front of the last ones with
    weights, and of all of them, so that the score depends on it whichever pixels or detections it is made
    of. A function of the outputs is unknown: it may mix all places, and is explained at them.
    """
    sources = find_sources(graph, target, context)
    if target.outputs(context) is None:
        return find_automatic(graph, sources)
    head_calls = [head_call(graph, output.source) for output in graph.outputs]
    # Behind the layer with weights already, where its own activation is the softmax. A unit's own layer is
    # the end of the way.
    ends = {number for call in head_calls if call and _has_weights(call) for number in call.sources}
    ends |= {graph.find_call(layer).number for layer in target.layers}
    behind = [[source] if source in ends else _sources_of_weights(graph, source) for source in sources]
    try:
        return find_automatic(
            graph,
            (
                number
                for numbers in behind
                for number in (graph.common_ancestors(numbers) if len(numbers) > 1 else numbers)
            ),
        )
    except errors.NoSpatialExtentError:
        return find_automatic(graph, sources)


def find_automatic(graph: Graph, sources: Iterable[int]) -> LayerCall:
    """The last call with a spatial size above 1 on the way to the calls `sources`.

    It is taken after activations and merges, at any nesting depth. Where tensors are made between the
    layers, by operators in a `call`, and the way cannot be followed, it is the last such call of all.

    Raises:
        NoSpatialExtentError: there is none.
    """
    reached = graph.upstream(sources)
    usable = [
        call
        for call in graph.calls
        if (reached is None or call.number in reached) and graph.is_explainable(call)
    ]
    usable = [call for call in usable if call.sees_image] or usable
    # A map with the input's own number of axes can be drawn on it; one with others is second best.
    fitting = [
        call
        for call in usable
        if graph.image is None or (call.layout and len(call.layout.spatial) == len(graph.image))
    ]
    for call in reversed(fitting or usable):
        return call
    sizes = ", ".join(f"{graph.name(call)} {call.shape[1:]}" for call in graph.calls[-4:])
    raise errors.NoSpatialExtentError(
        "a class activation map needs a layer whose output has a height and width above 1 on the way to "
        f"the score; this model has none at this input size (its last layers: {sizes}). Use larger "
        "images, or a method that explains the input itself, such as Saliency."
    )


def find_branches(graph: Graph, call: LayerCall, sources: Iterable[int]) -> list[LayerCall]:
    """The last explainable calls of the branches to `sources` that `call` is not on, last first.

    Empty where the way back cannot be followed.

    Args:
        graph: of the model.
        call: the explained call.
        sources: numbers of calls.
    """
    every, own = graph.upstream(sources), graph.upstream([call.number])
    if every is None or own is None:
        return []
    behind = set(own)
    found: list[LayerCall] = []
    for number in sorted(every - own, reverse=True):
        other = graph.calls[number]
        before = graph.upstream([number]) if number not in behind and graph.is_explainable(other) else set()
        if before is None or call.number in before:
            continue
        if before and (other.sees_image or not call.sees_image):
            found.append(other)
        behind |= before
    return found


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
