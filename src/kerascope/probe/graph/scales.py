"""The scales of a network: layers with ever finer grids, and the image itself."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from kerascope.probe.graph.graph import INPUT, Graph, LayerCall
from kerascope.probe.intercept.rectifier import is_rectifier, rectifies


@dataclass(frozen=True)
class Scales:
    """The layers to explain a network at every scale.

    Args:
        layers: full paths, the deepest first, each on a finer grid than the one before; None is the automatic
            layer.
        image: the explained input is a scale, too: it holds floating-point numbers on a grid as fine.
        branches: how many layers, the first ones, are as deep: branches that stand beside one another.
    """

    layers: tuple[str | None, ...]
    image: bool
    branches: int = 1


def find_grids(graph: Graph, deepest: Sequence[LayerCall]) -> tuple[LayerCall, ...]:
    """A call for each grid finer than `deepest`: of those on the way there the last that is rectified.

    Where a grid has a rectified call that every way passes through, it is the last such one, since the others
    see a part of the picture. In front of several branches there is no other: it would see one branch alone.
    """
    reached = graph.upstream([call.number for call in deepest])
    grids: dict[tuple[int, ...], list[LayerCall]] = {}
    for call in reversed(graph.calls[: min(call.number for call in deepest)]):
        if reached is not None and call.number not in reached:
            continue
        if not graph.is_explainable(call) or not (call.sees_image or not deepest[0].sees_image):
            continue
        if all(_is_finer(call, other) for other in deepest) and is_rectified(graph, call):
            assert call.layout is not None
            grids.setdefault(call.layout.spatial, []).append(call)
    found: list[LayerCall] = []
    for calls in grids.values():
        on_every_way = [call for call in calls if _on_every_way(graph, call, deepest)]
        for chosen in [*on_every_way, *(calls if len(deepest) == 1 else ())][:1]:
            if not found or (_is_finer(chosen, found[-1]) and chosen.number < found[-1].number):
                found.append(chosen)
    return tuple(found)


def find_scales(graph: Graph, deepest: tuple[LayerCall, ...], differentiable: bool) -> Scales:
    """The scales of a network, from a call to the image.

    Args:
        graph: of the model.
        deepest: the call with the coarsest grid, or the calls of several branches.
        differentiable: a gradient can be taken at the explained input.
    """
    # A walk through the whole network, which every explanation would pay for.
    key = ("rectified grids", *(call.number for call in deepest))
    if key not in graph.memo:
        graph.memo[key] = find_grids(graph, deepest)
    calls: tuple[LayerCall, ...] = (*deepest, *graph.memo[key])
    image = graph.image
    as_fine = image is not None and all(
        len(image) == len(call.layout.spatial) and all(map(operator.ge, image, call.layout.spatial))
        for call in (*deepest, calls[-1])
        if call.layout
    )
    seen = deepest[0].sees_image and graph.image_layout is not None
    names = tuple(graph.name(call) for call in calls)
    return Scales(names, differentiable and as_fine and seen, len(deepest))


def _on_every_way(graph: Graph, call: LayerCall, deepest: Sequence[LayerCall]) -> bool:
    """Whether the explained input reaches `deepest` through `call` alone."""
    others = graph.upstream([other.number for other in deepest], call.number)
    if others is None:
        return False
    return not any(INPUT in (graph.origins(graph.calls[number]) or ()) for number in others)


def _is_finer(call: LayerCall, other: LayerCall) -> bool:
    assert call.layout is not None
    assert other.layout is not None
    own, others = call.layout.spatial, other.layout.spatial
    return len(own) == len(others) and all(map(operator.ge, own, others)) and own != others


def is_rectified(graph: Graph, call: LayerCall) -> bool:
    """Whether the output of a call comes out of a rectifier, so that it is near zero where nothing was found.

    Pooling and merging keep that; layers that change nothing at inference make no tensor of their own.
    """
    operation = call.layer.operation
    if isinstance(operation, keras.layers.TimeDistributed):
        operation = operation.layer
    if is_rectifier(operation) or rectifies(operation):
        return True
    before = [graph.calls[source] for source in call.sources if source >= 0]
    if len(before) < len(call.sources):
        return False
    kind = type(operation).__name__.lower()
    if kind == "multiply":
        return any(is_rectified(graph, source) for source in before)
    if kind == "add":  # of a single tensor, and a constant, it is not
        return len(before) > 1 and all(is_rectified(graph, source) for source in before)
    if kind in ("concatenate", "maximum", "average") or "pool" in kind:
        return bool(before) and all(is_rectified(graph, source) for source in before)
    return False
