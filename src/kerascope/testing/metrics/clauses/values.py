"""One number per image, from that image alone."""

from __future__ import annotations

import numpy as np

from kerascope.probe import Probe
from kerascope.testing.metrics.bench import MetricBench, agree
from kerascope.testing.metrics.clause import clause


@clause(2)
def one_value_per_image(bench: MetricBench) -> None:
    """A float64 per image, one at least of which is finite; curves fit; it says which metric it was."""
    found, count = bench.found, len(bench.scene.images)
    assert found.values.shape == (count,), f"values must be of shape {(count,)}; got {found.values.shape}"
    assert found.values.dtype == np.float64, f"values must be float64; got {found.values.dtype}"
    assert np.isfinite(found.values).any(), "no image has a value"
    assert found.metric == bench.metric.describe(), f"the measurement is said to be of {found.metric!r}"
    assert found.direction == bench.metric.direction, f"its direction is said to be {found.direction!r}"
    assert (found.places is None) == (found.curves is None), "a curve must have places, and places a curve"
    if found.curves is not None and found.places is not None:
        expected = (count, *found.places.shape)
        assert found.curves.shape == expected, f"curves must be of shape {expected}; got {found.curves.shape}"


@clause(2)
def within_bounds(bench: MetricBench) -> None:
    """No value lies outside of what is said to be possible, whatever the map."""
    low, high = bench.metric.bounds
    for name in bench.scene.maps:
        values = bench.measure(bench.scene.maps[name]).values
        known = values[np.isfinite(values)]
        assert low is None or (known >= low - 1e-9).all(), f"of {name}: values {values} below {low}"
        assert high is None or (known <= high + 1e-9).all(), f"of {name}: values {values} above {high}"


@clause(3)
def image_alone(bench: MetricBench) -> None:
    """A value does not depend on the images beside it, on their order, or on how many fill a pass."""
    whole = bench.found.values
    agree(bench.measure(rows=slice(1, 2)).values, whole[1:2], "of one image alone")
    agree(bench.measure(rows=slice(None, None, -1)).values, whole[::-1], "in another order")
    small = Probe(bench.scene.probe.model, batch_size=3, compile=False)
    agree(bench.measure(probe=small).values, whole, "with passes of three images")


@clause(4)
def deterministic(bench: MetricBench) -> None:
    """The same question gives the same bits."""
    again = bench.measure().values
    assert again.tobytes() == bench.found.values.tobytes(), "asked twice, the bits differ"
