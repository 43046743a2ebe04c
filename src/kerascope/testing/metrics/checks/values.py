"""One number per image, from that image alone."""

from __future__ import annotations

import numpy as np

from kerascope.probe import Probe
from kerascope.testing.metrics.fixture import MetricFixture, assert_agree
from kerascope.testing.metrics.registry import check


@check(2)
def one_value_per_image(fixture: MetricFixture) -> None:
    """A float64 per image, one at least of which is finite; curves fit; it says which metric it was."""
    found, count = fixture.found, len(fixture.scene.images)
    assert found.values.shape == (count,), f"values must be of shape {(count,)}; got {found.values.shape}"
    assert found.values.dtype == np.float64, f"values must be float64; got {found.values.dtype}"
    assert np.isfinite(found.values).any(), "no image has a value"
    assert found.metric == fixture.metric.describe(), f"the measurement is said to be of {found.metric!r}"
    assert found.direction == fixture.metric.direction, f"its direction is said to be {found.direction!r}"
    assert (found.places is None) == (found.curves is None), "a curve must have places, and places a curve"
    if found.curves is not None and found.places is not None:
        expected = (count, *found.places.shape)
        assert found.curves.shape == expected, f"curves must be of shape {expected}; got {found.curves.shape}"


@check(2)
def within_bounds(fixture: MetricFixture) -> None:
    """No value lies outside the stated range, whatever the map."""
    low, high = fixture.metric.bounds
    for name in fixture.scene.maps:
        values = fixture.measure(fixture.scene.maps[name]).values
        known = values[np.isfinite(values)]
        assert low is None or (known >= low - 1e-9).all(), f"of {name}: values {values} below {low}"
        assert high is None or (known <= high + 1e-9).all(), f"of {name}: values {values} above {high}"


@check(3)
def image_alone(fixture: MetricFixture) -> None:
    """A value does not depend on the other images, on their order, or on how many fill a pass."""
    whole = fixture.found.values
    assert_agree(fixture.measure(rows=slice(1, 2)).values, whole[1:2], "of one image alone")
    assert_agree(fixture.measure(rows=slice(None, None, -1)).values, whole[::-1], "in another order")
    small = Probe(fixture.scene.probe.model, batch_size=3, compile=False)
    assert_agree(fixture.measure(probe=small).values, whole, "with passes of three images")


@check(4)
def deterministic(fixture: MetricFixture) -> None:
    """The same question gives the same bits."""
    again = fixture.measure().values
    assert again.tobytes() == fixture.found.values.tobytes(), "asked twice, the bits differ"
