"""The same maps under several placements, and how much of each lies on what it is about."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import kerascope as ks
from benchmarks.one_pass.questions import Questions
from benchmarks.placement.arithmetic import place_by_arithmetic
from benchmarks.placement.shifts import is_shift, scan
from kerascope.metric.localisation import EnergyPointingGame
from kerascope.placement import CHOICES, Placement
from kerascope.typing import Array

FORWARDS = 39


def compare(questions: Questions) -> dict[str, Any]:
    """For each method and placement the measures of every image, and where the cells of the layer lie."""
    targets = list(map(int, questions.targets))
    probes = {choice: ks.Probe(questions.model, placement=choice) for choice in CHOICES}
    explanations = {
        choice: ks.HiResCAM()(probe, questions.images, targets) for choice, probe in probes.items()
    }
    graph = probes["stretched"].graph(questions.images)
    layer = explanations["stretched"].layer
    assert layer is not None
    arithmetic = place_by_arithmetic(graph, graph.find_call(layer))
    measured = explanations["measured"]
    maps = {
        "HiResCAM|stretched": measured.heatmaps(placement="stretched"),
        "HiResCAM|arithmetic": replace(measured, placement=arithmetic).heatmaps(),
        "HiResCAM|measured": measured.heatmaps(),
        "HiResCAM|auto": explanations["auto"].heatmaps(),
    }
    for choice, probe in probes.items():
        maps[f"Auto|{choice}"] = ks.Auto()(probe, questions.images, targets).heatmaps()
    kinds = {
        "arithmetic": arithmetic,
        **{choice: explanation.placement for choice, explanation in explanations.items()},
    }
    return {
        "measures": {name: score(heatmaps, questions) for name, heatmaps in maps.items()},
        "chance": [float(mask.mean()) for mask in questions.masks],
        "groups": number_pictures(questions.images),
        "layer": layer,
        "shifts": scan(measured, arithmetic.stretch(), questions) if is_shift(arithmetic) else None,
        "places": {name: describe(placement) for name, placement in kinds.items() if placement is not None},
        "cost": {
            **time_placement(questions, layer),
            "passes of auto": probes["auto"].placement_count,
            "passes of measured": probes["measured"].placement_count,
        },
    }


def number_pictures(images: Array) -> list[int]:
    """A number for each image, the same for the same picture."""
    known: dict[bytes, int] = {}
    return [known.setdefault(image.tobytes(), len(known)) for image in images]


def score(heatmaps: Array, questions: Questions) -> dict[str, list[float]]:
    """Each measure of each image. A blank map is a miss."""
    found = {
        "energy": _score(EnergyPointingGame().score_map, heatmaps, questions.masks),
        "pointing": _score(ks.metric.PointingGame().score_map, heatmaps, questions.masks),
        "within 1 px": _score(ks.metric.PointingGame(tolerance=1).score_map, heatmaps, questions.masks),
    }
    if questions.tiles is not None:
        found["focus"] = _score(EnergyPointingGame().score_map, heatmaps, questions.tiles)
    return found


def _score(score_map: Callable[[Array, Array], float], heatmaps: Array, masks: Array) -> list[float]:
    return [
        score_map(heatmap, mask) if heatmap.max() > max(0.0, heatmap.min()) else 0.0
        for heatmap, mask in zip(heatmaps, masks, strict=True)
    ]


def describe(placement: Placement) -> dict[str, Any]:
    """First centre, last centre and step along each axis, in pixels, and what is seen."""
    axes = [axis for axis in placement.axes if axis is not None]
    return {
        "cells": [axis.cells for axis in axes],
        "first": [float(axis.centres[0]) for axis in axes],
        "last": [float(axis.centres[-1]) for axis in axes],
        "seen": placement.seen or [(0, side) for side in placement.size],
        "size": placement.size,
        "trust": placement.trust,
        "note": placement.note,
    }


def time_placement(questions: Questions, layer: str) -> dict[str, float]:
    """Seconds that placing one layer takes, and as many forwards, each with its compilation and without."""
    images = np.resize(questions.images, (FORWARDS, *questions.images.shape[1:]))
    probe = ks.Probe(questions.model, placement="measured", batch_size=12)
    probe.graph(images)
    seconds = {}
    for name, run in (
        ("placing", lambda: probe.placement(images, layer)),
        ("forwards, first", lambda: probe.scores(images, 0)),
        ("forwards", lambda: probe.scores(images, 0)),
    ):
        start = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - start
    return seconds
