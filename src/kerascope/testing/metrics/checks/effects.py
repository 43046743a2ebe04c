"""Measuring changes nothing, and says what it lacks."""

from __future__ import annotations

from typing import Any

from kerascope import errors
from kerascope.testing.checks.effects import random_state, snapshot
from kerascope.testing.fixture import expect_error
from kerascope.testing.metrics.fixture import MetricFixture
from kerascope.testing.metrics.registry import check
from kerascope.testing.metrics.scene import without_a_model

WORDS = {"labels": "labels=", "masks": "masks=", "method": "method=", "model": "Keras model"}
"""The word that an error must name, by the missing argument."""


@check(7)
def changes_nothing(fixture: MetricFixture) -> None:
    """Model, images, explanation, masks and labels stay as they were, and may be read-only."""
    scene, explanation = fixture.scene, fixture.explanation
    arrays = {
        "images": scene.images,
        "values": explanation.values,
        "masks": scene.masks,
        "labels": fixture.scene.labels,
    }
    before = {name: bytes(memoryview(_bytes(array))) for name, array in arrays.items()}
    model = snapshot(scene.probe.model)
    writeable = [array for array in (scene.images, explanation.values, scene.masks) if array.flags.writeable]
    for array in writeable:
        array.setflags(write=False)
    try:
        fixture.measure()
    finally:
        for array in writeable:
            array.setflags(write=True)
    after = snapshot(scene.probe.model)
    changed = [name for name in model if after.get(name) != model[name]]
    changed += [name for name, array in arrays.items() if _bytes(array) != before[name]]
    assert not changed, f"measuring changed {', '.join(changed[:5])}"


@check(7)
def leaves_random_state_alone(fixture: MetricFixture) -> None:
    """The global generators of Python and NumPy give what they would have given."""
    before = random_state()
    fixture.measure()
    after = random_state()
    for name, state in before.items():
        assert after[name] == state, f"the global random state of {name} was changed"


@check(8)
def what_is_missing_is_named(fixture: MetricFixture) -> None:
    """What is needed and not given is an EvaluationError that says what to pass."""
    for need in sorted(fixture.metric.needs):
        given = {"probe": without_a_model(fixture.scene)} if need == "model" else {need: None}
        with expect_error(errors.EvaluationError, WORDS[need]):
            fixture.measure(**given)


@check(8)
def what_is_not_needed_is_not_asked_for(fixture: MetricFixture) -> None:
    """Without what it does not say that it needs, the values are the same."""
    spare = {name: None for name in ("labels", "masks", "method") if name not in fixture.metric.needs}
    found = fixture.measure(**spare).values
    assert found.tobytes() == fixture.found.values.tobytes(), f"without {sorted(spare)}, values differ"


def _bytes(one: Any) -> bytes:
    return one.tobytes() if hasattr(one, "tobytes") else repr(one).encode()
