"""Numbers of the calls of a shared layer, in the order of the model's definition.

A functional model runs its nodes by depth, so that a layer applied first to `left` and then to `right` may
run on `right` first, where that branch is longer. Numbers that followed the running order would change when a
layer is added to one branch; those given here do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from kerascope.probe.layer_ref import LayerRef


def number_calls(model: keras.Model, calls: Sequence[tuple[LayerRef, int]]) -> list[int]:
    """For each call, its number among the calls of the same operation, in the order of definition.

    Args:
        model: the outer model.
        calls: layers and the indices of their calls, in the order in which the calls ended.
    """
    ends: dict[int, list[int]] = {}
    for number, (layer, _) in enumerate(calls):
        ends.setdefault(id(layer.operation), []).append(number)
    numbers: list[int | None] = [None] * len(calls)

    def resolve(number: int) -> int:
        """The number of one call, from the number of the call around it."""
        found = numbers[number]
        if found is None:
            layer, index = calls[number]
            parent = model if layer.parent is None else layer.parent.operation
            order = _order(layer.operation, parent)
            around = ends.get(id(parent), [])
            rounds = max(len(around), 1)
            found = index
            if len(order) * rounds == len(ends[id(layer.operation)]):
                turn, position = divmod(index, len(order))
                outer = resolve(around[turn]) if around else 0
                found = outer * len(order) + order[position]
            numbers[number] = found
        return found

    return [resolve(number) for number in range(len(calls))]


def _order(operation: keras.Operation, parent: keras.Operation) -> list[int]:
    """For each call of an operation within one pass of its parent, its position in the definition."""
    by_depth = getattr(_graph(parent), "_nodes_by_depth", {})
    running = [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if node.operation is operation
    ]
    defined = sorted(running, key=operation._inbound_nodes.index)
    return [defined.index(node) for node in running] or [0]


def _graph(operation: keras.Operation) -> keras.Operation:
    """The functional graph that a model runs; a Sequential one has it as an attribute."""
    return getattr(operation, "_functional", None) or operation
