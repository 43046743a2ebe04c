"""The scales of a network: layers with ever finer grids, and the image itself."""

from __future__ import annotations

import operator
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
    """

    layers: tuple[str | None, ...]
    image: bool


def find_grids(graph: Graph, deepest: LayerCall) -> tuple[LayerCall, ...]:
    """A call for each grid: `deepest`, and of every finer grid on the way to it the last that is rectified.

    Where a grid has a rectified call that every way passes through, it is the last such one, since the others
    see a part of the picture.
    """
    assert deepest.layout is not None
    reached = graph.upstream([deepest.number])
    grids: dict[tuple[int, ...], list[LayerCall]] = {}
    for call in reversed(graph.calls[: deepest.number]):
        if reached is not None and call.number not in reached:
            continue
        if not graph.is_explainable(call) or not (call.sees_image or not deepest.sees_image):
            continue
        if _is_finer(call, deepest) and is_rectified(graph, call):
            assert call.layout is not None
            grids.setdefault(call.layout.spatial, []).append(call)
    found = [deepest]
    for calls in grids.values():
        chosen = next((call for call in calls if _on_every_way(graph, call, deepest)), calls[0])
        if _is_finer(chosen, found[-1]) and chosen.number < found[-1].number:
            found.append(chosen)
    return tuple(found)


def find_scales(graph: Graph, deepest: LayerCall, differentiable: bool) -> Scales:
    """The scales of a network, from a call to the image.

    Args:
        graph: of the model.
        deepest: the call with the coarsest grid.
        differentiable: a gradient can be taken at the explained input.
    """
    # A walk through the whole network, which every explanation would pay for.
    key = ("rectified grids", deepest.number)
    if key not in graph.memo:
        graph.memo[key] = find_grids(graph, deepest)
    calls: tuple[LayerCall, ...] = graph.memo[key]
    grid = calls[-1].layout.spatial  # type: ignore[union-attr]
    image = graph.image
    as_fine = image is not None and len(image) == len(grid) and all(map(operator.ge, image, grid))
    seen = deepest.sees_image and graph.image_layout is not None
    return Scales(tuple(graph.name(call) for call in calls), differentiable and as_fine and seen)


def _on_every_way(graph: Graph, call: LayerCall, deepest: LayerCall) -> bool:
    """Whether the explained input reaches `deepest` through `call` alone."""
    others = graph.upstream([deepest.number], call.number)
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
