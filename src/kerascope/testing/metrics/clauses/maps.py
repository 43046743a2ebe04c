"""What a map must not do, and what of it may change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kerascope.testing.metrics.bench import MetricBench, agree
from kerascope.testing.metrics.clause import clause
from kerascope.typing import Array


def _one_changed(bench: MetricBench, value: float) -> Array:
    values = bench.explanation.values.copy()
    values[1] = value
    return values


@clause(5)
def constant_maps(bench: MetricBench) -> None:
    """A map that is the same everywhere has no value, and is told of; other images keep theirs."""
    _shows_nothing(bench, 0.25)


@clause(5)
def maps_that_are_not_finite(bench: MetricBench) -> None:
    """A map of NaN or infinity has no value, and is told of; other images keep theirs."""
    _shows_nothing(bench, np.nan)
    _shows_nothing(bench, np.inf)


def _shows_nothing(bench: MetricBench, value: float) -> None:
    found = bench.measure(replace(bench.explanation, values=_one_changed(bench, value)))
    assert np.isnan(found.values[1]), f"a map of {value} must have no value; it has {found.values[1]}"
    told = [text for text in found.warnings if "1 of 4 are constant, nearly so or not finite" in text]
    assert told, f"a map of {value} must be told of; warnings are {found.warnings}"
    others = [0, 2, 3]
    agree(found.values[others], bench.found.values[others], f"of images beside a map of {value}")


@clause(6, unless="invariant_none")
def scale_does_not_count(bench: MetricBench) -> None:
    """Maps times eight have the same values."""
    agree(bench.changed(eightfold).values, bench.found.values, "of maps times eight")


@clause(6, needs="invariant_order")
def order_alone_counts(bench: MetricBench) -> None:
    """The cubes of maps, whose pixels are in the same order, have the same values."""
    agree(bench.changed(cubed).values, bench.found.values, "of the cubes of maps")


@clause(6, needs="invariant_none")
def scale_counts(bench: MetricBench) -> None:
    """A metric that says that the scale counts gives maps times eight other values."""
    found, before = bench.changed(eightfold).values, bench.found.values
    moved = np.abs(found - before) > 1e-3 * np.abs(before)
    assert moved[np.isfinite(before)].all(), f"maps times eight have the values {found}, as before: {before}"


def eightfold(values: Array) -> Array:
    """Exact in binary."""
    return 8 * values


def cubed(values: Array) -> Array:
    """Increasing."""
    return values**3
