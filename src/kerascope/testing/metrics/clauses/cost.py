"""What a metric asks of the model is what it says."""

from __future__ import annotations

from kerascope.testing.metrics.bench import MetricBench
from kerascope.testing.metrics.clause import clause

SHARED = 2
"""Forwards that all metrics share: one that pins the target, and one for the probability."""


@clause(9)
def cost(bench: MetricBench) -> None:
    """Forwards per image are those declared, with those of the explanations, and what all metrics share."""
    scene, one = bench.scene, bench.metric
    before = scene.probe.forward_count
    bench.measure()
    spent = (scene.probe.forward_count - before) / len(scene.images)
    declared = one.forwards + one.explanations * scene.method.forwards
    # One that pins the target is always there. A number of segments is about what was asked for.
    assert 2 / 3 * declared + 1 <= spent <= declared + SHARED, (
        f"declared are {one.forwards} forwards and {one.explanations} explanations, {declared} forwards here; "
        f"spent were {spent}"
    )
