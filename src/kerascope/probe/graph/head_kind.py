"""How a layer's channels reach the score: pooled over space, or flattened."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import keras

from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import find_sources, make_context
from kerascope.probe.graph.pooled_head import pooling_kind, reduces_space
from kerascope.target import Target

HeadKind = Literal["pooled", "flattened", "other"]

_REDUCTIONS = frozenset({"Amax", "Max", "Mean"})
_POOLING = re.compile(r"(Adaptive)?(Average|Max)Pool(ing[123]D)?")


def head_kind(graph: Graph, call: LayerCall, sources: Sequence[int]) -> HeadKind:
    """Whether the ways from a layer to the score meet a global pooling first, or a Flatten.

    Layers in front of it, such as further convolutions, do not matter.

    Returns:
        `"pooled"` where every way meets a mean or a maximum over all places; `"flattened"` where one meets
        a Flatten, or another reshaping of all places to a single vector; `"other"` where neither is
        seen, as with class tokens and recurrent layers, or where the ways cannot be followed.
    """
    flattening, pooled = _find_first(graph, call, sources)
    return "flattened" if flattening is not None else "pooled" if pooled else "other"


def flattening_layers(graph: Graph, layers: Iterable[str], target: Target) -> dict[str, str]:
    """The layers that flatten the places of some layers on a way to the score.

    Returns:
        For each of `layers` that is flattened, the full path of the layer that does so.
    """
    sources = find_sources(graph, target, make_context(graph, graph.batch, None))
    first = {layer: _find_first(graph, graph.find_call(layer), sources)[0] for layer in layers}
    return {layer: graph.name(found) for layer, found in first.items() if found is not None}


def _find_first(graph: Graph, call: LayerCall, sources: Sequence[int]) -> tuple[LayerCall | None, bool]:
    """The first call that flattens the output of `call`, or None; and whether all of it is pooled."""
    start = _producer_of(graph, call.number)
    ends = {_producer_of(graph, number) for number in sources}
    reached = graph.upstream(ends, start)
    if reached is None:
        return None, False
    readers: dict[int, list[int]] = {}
    for number in sorted(reached):
        for before in graph.origins(graph.calls[number]) or ():
            readers.setdefault(before, []).append(number)
    waiting, seen = [start], set[int]()
    flattening: list[int] = []
    pooled = ended = False
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        ended = ended or number in ends
        for reader in readers.get(number, ()):
            if _pools(graph, graph.calls[reader]):
                pooled = True
            elif _flattens(graph, graph.calls[reader]):
                flattening.append(reader)
            else:
                waiting.append(reader)
    return graph.calls[min(flattening)] if flattening else None, pooled and not ended


def _producer_of(graph: Graph, number: int) -> int:
    """The number of the call that made a call's output, where it is known."""
    return graph.calls[number].producer if number >= 0 and graph.calls[number].producer >= 0 else number


def _pools(graph: Graph, call: LayerCall) -> bool:
    """Whether it reduces each channel to one number, over all places."""
    if call.producer != call.number or call.untappable is not None:
        return False
    kind = type(call.layer.operation).__name__
    if pooling_kind(graph, call) is not None or (kind in _REDUCTIONS and reduces_space(graph, call)):
        return True
    before = _single_source(graph, call)
    if before is None or before.layout is None or not _POOLING.fullmatch(kind):
        return False
    left = call.layout.positions if call.layout else 1
    window = getattr(call.layer.operation, "pool_size", before.layout.spatial)
    window = (window,) * len(before.layout.spatial) if isinstance(window, int) else window
    wide = all(size >= side for size, side in zip(window, before.layout.spatial, strict=True))
    return wide and left == 1


def _flattens(graph: Graph, call: LayerCall) -> bool:
    """Whether its last axis holds several places of a picture, or of each frame."""
    before = _single_source(graph, call)
    if before is None or getattr(call.layer.operation, "weights", None):
        return False
    start = 2 if isinstance(call.layer.operation, keras.layers.TimeDistributed) else 1
    given, made = math.prod(before.shape[start:]), math.prod(call.shape[start:])
    channels = before.layout.channels if before.layout else before.shape[-1]
    return channels < given == made == call.shape[-1]


def _single_source(graph: Graph, call: LayerCall) -> LayerCall | None:
    """The one call whose output a call transforms, or None."""
    if (
        call.producer != call.number
        or call.untappable is not None
        or len(call.sources) != 1
        or call.sources[0] < 0
    ):
        return None
    before = graph.calls[call.sources[0]]
    return None if before.untappable is not None else before
