"""Measuring changes nothing, and says what it lacks."""

from __future__ import annotations

from typing import Any

from kerascope import errors
from kerascope.testing.bench import refused
from kerascope.testing.clauses.effects import random_state, snapshot
from kerascope.testing.metrics.bench import MetricBench
from kerascope.testing.metrics.clause import clause
from kerascope.testing.metrics.scene import without_a_model

WORDS = {"labels": "labels=", "masks": "masks=", "method": "method=", "model": "Keras model"}
"""What an error must name, by what is missing."""


@clause(7)
def changes_nothing(bench: MetricBench) -> None:
    """Model, images, explanation, masks and labels stay as they were, and may be read-only."""
    scene, explanation = bench.scene, bench.explanation
    arrays = {
        "images": scene.images,
        "values": explanation.values,
        "masks": scene.masks,
        "labels": bench.scene.labels,
    }
    before = {name: bytes(memoryview(_bytes(one))) for name, one in arrays.items()}
    model = snapshot(scene.probe.model)
    writeable = [one for one in (scene.images, explanation.values, scene.masks) if one.flags.writeable]
    for one in writeable:
        one.setflags(write=False)
    try:
        bench.measure()
    finally:
        for one in writeable:
            one.setflags(write=True)
    after = snapshot(scene.probe.model)
    changed = [name for name in model if after.get(name) != model[name]]
    changed += [name for name, one in arrays.items() if _bytes(one) != before[name]]
    assert not changed, f"measuring changed {', '.join(changed[:5])}"


@clause(7)
def leaves_random_state_alone(bench: MetricBench) -> None:
    """The global generators of Python and NumPy give what they would have given."""
    before = random_state()
    bench.measure()
    after = random_state()
    for name, state in before.items():
        assert after[name] == state, f"the global random state of {name} was changed"


@clause(8)
def what_is_missing_is_named(bench: MetricBench) -> None:
    """What is needed and not given is an EvaluationError that says what to hand over."""
    for need in sorted(bench.metric.needs):
        given = {"probe": without_a_model(bench.scene)} if need == "model" else {need: None}
        with refused(errors.EvaluationError, WORDS[need]):
            bench.measure(**given)


@clause(8)
def what_is_not_needed_is_not_asked_for(bench: MetricBench) -> None:
    """Without what it does not say that it needs, the values are the same."""
    spare = {name: None for name in ("labels", "masks", "method") if name not in bench.metric.needs}
    found = bench.measure(**spare).values
    assert found.tobytes() == bench.found.values.tobytes(), f"without {sorted(spare)}, values differ"


def _bytes(one: Any) -> bytes:
    return one.tobytes() if hasattr(one, "tobytes") else repr(one).encode()
