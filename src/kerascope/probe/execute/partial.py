"""A cut through a model behind one layer, so that the part behind it can run alone."""

from __future__ import annotations

from dataclasses import dataclass

from kerascope.probe.execute.request import CheckedRequest
from kerascope.probe.graph.graph import LayerCall
from kerascope.probe.graph.pooled_head import pooling_behind


@dataclass(frozen=True)
class Cut:
    """A layer whose output can be replaced.

    Args:
        layer: full path of the layer of the request.
        path: full path of the layer to replace: the same, or the global pooling behind it.
        pooling: `"mean"` or `"max"` where that is a global pooling, else None.
        call: its call.
        skippable: the calls that need not run where its output is given. Empty where the layer lies within a
            skip connection, is followed by operations that cannot be traced, or has tokens around its
            grid: then the whole model runs, and the scores are the same.
    """

    layer: str
    path: str
    pooling: str | None
    call: LayerCall
    skippable: tuple[LayerCall, ...]


def find_cut(checked: CheckedRequest, pooled: bool = False) -> Cut:
    """The cut behind the one layer of a request.

    Args:
        checked: the request.
        pooled: where a global pooling alone reads the layer, cut behind that.
    """
    graph, layer = checked.graph, checked.layers[0]
    named = graph.find_call(layer)
    call, pooling = graph.find_tap(named), None
    extra = call.layout.prefix + call.layout.suffix if call.layout else 0
    if pooled and not extra and (found := pooling_behind(graph, call, checked.sources)) is not None:
        named = call = found[0]
        pooling = found[1]
    skippable: tuple[LayerCall, ...] = ()
    if not extra:
        numbers = graph.find_skippable(call, checked.sources)
        skippable = tuple(graph.calls[number] for number in sorted(numbers))
    return Cut(layer, graph.name(named), pooling, call, skippable)
