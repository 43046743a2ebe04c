"""Which call of a shared layer is which: calls are numbered as the model's definition has them.

A functional model runs its nodes by depth, so that a layer applied first to `left` and then to `right` may
run on `right` first, where that branch is longer. Numbers that followed the running order would change when a
layer is added to one branch; those given here do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from kerascope.probe.graph.layers import Place


def number_calls(model: keras.Model, calls: Sequence[tuple[Place, int]]) -> list[int]:
    """For each call, its number among the calls of the same operation, in the order of definition.

    Args:
        model: the outer model.
        calls: places and running numbers, in the order in which the calls ended.
    """
    ends: dict[int, list[int]] = {}
    for number, (place, _) in enumerate(calls):
        ends.setdefault(id(place.operation), []).append(number)
    numbers: list[int | None] = [None] * len(calls)

    def resolve(number: int) -> int:
        """The number of one call, from that of the call of the operation around it."""
        found = numbers[number]
        if found is None:
            place, index = calls[number]
            parent = model if place.parent is None else place.parent.operation
            order = _order(place.operation, parent)
            around = ends.get(id(parent), [])
            rounds = max(len(around), 1)
            found = index
            if len(order) * rounds == len(ends[id(place.operation)]):
                turn, position = divmod(index, len(order))
                outer = resolve(around[turn]) if around else 0
                found = outer * len(order) + order[position]
            numbers[number] = found
        return found

    return [resolve(number) for number in range(len(calls))]


def _order(operation: keras.Operation, parent: keras.Operation) -> list[int]:
    """For each call of an operation within one pass of its parent, its place in the definition."""
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
    """The graph that a model runs; a Sequential one keeps it beside itself."""
    return getattr(operation, "_functional", None) or operation
