"""What a metric asks of the model is what it says."""

from __future__ import annotations

from kerascope.testing.metrics.fixture import MetricFixture
from kerascope.testing.metrics.registry import check

SHARED = 2
"""Forwards that all metrics share: one that pins the target, and one for the probability."""


@check(9)
def cost(fixture: MetricFixture) -> None:
    """Forwards per image are those declared, with those of the explanations, and what all metrics share."""
    scene, one = fixture.scene, fixture.metric
    _ = fixture.found  # so that everything has been traced
    before, traces = scene.probe.forward_count, scene.probe.trace_count
    fixture.measure()
    assert scene.probe.trace_count == traces, "measured again, something is traced anew"
    spent = (scene.probe.forward_count - before) / len(scene.images)
    declared = one.forwards + one.explanations * scene.method.forwards
    # One that pins the target is always there. A number of segments is about what was asked for.
    assert 2 / 3 * declared + 1 <= spent <= declared + SHARED, (
        f"declared are {one.forwards} forwards and {one.explanations} explanations, {declared} forwards "
        f"here; spent were {spent}"
    )
