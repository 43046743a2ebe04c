"""What a map must not do, and what of it may change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kerascope.testing.metrics.fixture import MetricFixture, assert_agree
from kerascope.testing.metrics.registry import check
from kerascope.typing import Array


def _change_one_pixel(fixture: MetricFixture, value: float) -> Array:
    values = fixture.explanation.values.copy()
    values[1] = value
    return values


@check(5)
def constant_maps(fixture: MetricFixture) -> None:
    """A map that is the same everywhere has no value, and a warning says so; other images keep theirs."""
    _shows_nothing(fixture, 0.25)


@check(5)
def maps_that_are_not_finite(fixture: MetricFixture) -> None:
    """A map of NaN or infinity has no value, and a warning says so; other images keep theirs."""
    _shows_nothing(fixture, np.nan)
    _shows_nothing(fixture, np.inf)


def _shows_nothing(fixture: MetricFixture, value: float) -> None:
    found = fixture.measure(replace(fixture.explanation, values=_change_one_pixel(fixture, value)))
    assert np.isnan(found.values[1]), f"a map of {value} must have no value; it has {found.values[1]}"
    stored = [text for text in found.warnings if "1 of 4 are constant, nearly so or not finite" in text]
    assert stored, f"a map of {value} must be warned of; warnings are {found.warnings}"
    others = [0, 2, 3]
    assert_agree(found.values[others], fixture.found.values[others], f"of images next to a map of {value}")


@check(6, unless="invariant_none")
def scale_does_not_count(fixture: MetricFixture) -> None:
    """Maps times eight have the same values."""
    assert_agree(fixture.measure_changed(eightfold).values, fixture.found.values, "of maps times eight")


@check(6, needs="invariant_order")
def order_alone_counts(fixture: MetricFixture) -> None:
    """The cubes of maps, whose pixels are in the same order, have the same values."""
    assert_agree(fixture.measure_changed(cube).values, fixture.found.values, "of the cubes of maps")


@check(6, needs="invariant_none")
def scale_counts(fixture: MetricFixture) -> None:
    """A metric that says that the scale counts gives maps times eight other values."""
    found, before = fixture.measure_changed(eightfold).values, fixture.found.values
    moved = np.abs(found - before) > 1e-3 * np.abs(before)
    assert moved[np.isfinite(before)].all(), f"maps times eight have the values {found}, as before: {before}"


def eightfold(values: Array) -> Array:
    """Exact in binary."""
    return 8 * values


def cube(values: Array) -> Array:
    """Increasing."""
    return values**3
