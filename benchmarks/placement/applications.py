"""What shapes leave open about the networks of keras.applications, and where arithmetic would move cells."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras

import kerascope as ks
from benchmarks.placement.arithmetic import place_by_arithmetic
from kerascope.errors import KerascopeError
from kerascope.placement import Placement
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.placing.doubt import find_doubt

MEASURED = ("InceptionV3", "MobileNetV2", "ResNet50", "Xception")
"""Networks whose cells are measured too, with untrained weights."""

OPEN = {"MobileNetV3Small": 224, "MobileNetV3Large": 224}
"""Sides of images of networks that do not state them."""


def names() -> list[str]:
    """Every network of keras.applications."""
    return [name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)]


def examine(name: str) -> dict[str, Any]:
    """What is known of one network, at its default size and with untrained weights."""
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None)
    probe = ks.Probe(model, placement="stretched")
    blank = probe.blank(OPEN.get(name))
    graph = probe.graph(blank)
    placed = [call for call in graph.calls if call.layout and call.layout.positions > 1 and call.sees_image]
    doubts = [find_doubt(graph, call) for call in placed]
    automatic = graph.find_call(probe.layers(blank).automatic.path)
    found: dict[str, Any] = {
        "layer": graph.name(automatic),
        "size": graph.image[0] if graph.image else 0,
        "cells": automatic.layout.spatial[0] if automatic.layout else 0,
        "doubt": find_doubt(graph, automatic),
        "reason": next(_reasons(graph, automatic), ""),
        "layers": len(placed),
        "plain layers": doubts.count("none"),
        "arithmetic": shift(place_by_arithmetic(graph, automatic)),
    }
    if name in MEASURED:
        placement = ks.Probe(model, placement="measured").placement(blank)
        found["measured"] = None if placement is None else shift(placement)
    return found


def shift(placement: Placement) -> list[float] | None:
    """How far the first and the last centre along the rows lie from the stretched ones, in pixels."""
    own, plain = placement.axes[0], placement.stretch().axes[0]
    return (
        None
        if own is None or plain is None
        else [float(own.centres[end] - plain.centres[end]) for end in (0, -1)]
    )


def _reasons(graph: Graph, call: LayerCall) -> Iterator[str]:
    """The layers on the way whose shapes leave doubt, the first one first, with what they do to the grid."""
    for number in sorted(graph.upstream([call.number]) or ()):
        step = graph.calls[number]
        if step.layout is None or find_doubt(graph, step) == "none":
            continue
        before = [graph.image if source < 0 else graph.calls[source].shape[1:-1] for source in step.sources]
        kind = type(step.layer.operation).__name__
        yield f"`{graph.name(step)}` ({kind}): {_sides(before[0])} to {_sides(step.shape[1:-1])}"


def _sides(sides: tuple[int, ...] | None) -> str:
    return " x ".join(map(str, sides or ()))


def examine_all(known: dict[str, Any]) -> Iterator[str]:
    """Examine what is not known yet; each name when it is known."""
    for name in names():
        if name in known:
            continue
        try:
            known[name] = examine(name)
        except KerascopeError as error:
            print(f"    {name}: {error}", flush=True)
            continue
        keras.utils.clear_session()
        yield name
