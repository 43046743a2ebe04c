"""Explaining changes nothing: not the model, not the images, not any random state; and it repeats."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.testing.fixture import CLOSE, Fixture, assert_close, expect_error
from kerascope.testing.registry import check


@check(2)
def leaves_the_model_alone(fixture: Fixture) -> None:
    """Weights, statistics, seeds, flags, gradients, compiled state and attributes stay as they were."""
    for name in filter(fixture.fits, ("normalised", "hub", "subclassed")):
        tiny = fixture.tiny(name, fresh=True)
        tiny.model.compile(optimizer="sgd", loss="mse")
        tiny.model(tiny.images)
        before = snapshot(tiny.model)
        fixture.for_tiny(tiny)(tiny.model, tiny.images, 1)
        _assert_unchanged(before, snapshot(tiny.model), f"explaining {name}")


@check(2)
def leaves_the_model_alone_on_errors(fixture: Fixture) -> None:
    """The same after a failure: of the images, of the target, of the layer, inside the forward pass."""
    tiny = fixture.tiny("hub", fresh=True)
    tiny.model(tiny.images)
    before = snapshot(tiny.model)
    broken = tiny.images.copy()
    broken[0, 0, 0, 0] = np.nan
    probe = Probe(tiny.model)
    method = fixture.for_tiny(tiny)
    questions: list[tuple[Any, Any, Any, type[Exception]]] = [
        (method, broken, 1, errors.InputError),
        (method, tiny.images, 99, errors.TargetError),
        (method, tiny.images, explode, ExplosionError),
    ]
    if fixture.takes_layer:
        questions.append((fixture.at("no_such_layer"), tiny.images, 1, errors.UnknownLayerError))
        questions.append((fixture.at("head"), tiny.images, 1, errors.NoSpatialExtentError))
    for asked, images, target, expected in questions:
        with expect_error(expected):
            asked(probe, images, target)
        _assert_unchanged(before, snapshot(tiny.model), f"a failure with {expected.__name__}")
    after = method(probe, tiny.images, 1)
    expected_values = fixture.explain("hub", 1).values
    # One is compiled and the other is not, which on some backends sums in another order.
    assert_close(after.values, expected_values, CLOSE, "after failures, the map")


class ExplosionError(Exception):
    """What the exploding target raises."""


def explode(scores: Any) -> Any:
    """A target that fails in the middle of a forward pass."""
    raise ExplosionError


@check(2)
def leaves_the_input_alone(fixture: Fixture) -> None:
    """The images are not written to, and read-only images are taken."""
    tiny = fixture.tiny("functional")
    images = tiny.images.copy()
    fixture.explain("functional", 1, images)
    assert images.tobytes() == tiny.images.tobytes(), "the images were changed"
    images.setflags(write=False)
    found = fixture.explain("functional", 1, images)
    assert found.images is None or not np.shares_memory(found.images, images), (
        "the explanation must keep a copy of the images, not the caller's array"
    )


@check(2)
def leaves_random_state_alone(fixture: Fixture) -> None:
    """The global generators of Python and NumPy give what they would have given.

    Whatever is drawn from those of Keras or a backend makes maps differ, which `deterministic` finds.
    """
    tiny = fixture.tiny("normalised", fresh=True)
    before = random_state()
    fixture.for_tiny(tiny)(tiny.model, tiny.images, 1)
    after = random_state()
    for name, state in before.items():
        assert after[name] == state, f"the global random state of {name} was changed"


def random_state() -> dict[str, object]:
    """What the global generators will give, by whose they are."""
    kind, numbers, position, *gauss = np.random.get_state()  # noqa: NPY002
    return {
        "Python": random.getstate(),
        "NumPy": (kind, np.asarray(numbers).tobytes(), position, *gauss),
    }


@check(12)
def deterministic(fixture: Fixture) -> None:
    """The same question gives the same bits, from the same probe and from a new one, compiled or not."""
    tiny = fixture.tiny("normalised")
    for compiled in (False, True):
        first = fixture.explain("normalised", 1, compiled=compiled)
        again = fixture.explain("normalised", 1, compiled=compiled)
        assert first.values.tobytes() == again.values.tobytes(), "asked twice, the bits differ"
        probe = Probe(tiny.model, compile=None if compiled else False)
        new = fixture.for_tiny(tiny)(probe, tiny.images, 1)
        assert first.values.tobytes() == new.values.tobytes(), "a new probe gives other bits"


def layers_of(model: keras.Model) -> Iterator[tuple[str, keras.Layer]]:
    """The model and every layer that hangs on it as an attribute or in a list of layers, once."""
    waiting: list[tuple[str, keras.Layer]] = [(model.name, model)]
    seen: set[int] = set()
    while waiting:
        path, layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield path, layer
        inner = list(vars(layer).values()) + list(getattr(layer, "layers", ()))
        for value in inner:
            items = value if isinstance(value, list | tuple) else [value]
            waiting += [(f"{path}/{item.name}", item) for item in items if isinstance(item, keras.Layer)]


def snapshot(model: keras.Model) -> dict[str, Any]:
    """Everything of a model that explaining could change, by name."""
    found: dict[str, Any] = {}
    for path, layer in layers_of(model):
        for name, value in vars(layer).items():
            size = len(value) if isinstance(value, dict | list | tuple | set) else None
            found[f"attribute {path}.{name}"] = (id(value), size)
        found[f"trainable {path}"] = layer.trainable
        found[f"call {path}"] = getattr(layer.call, "__func__", layer.call)
    for variable in [*model.variables, *getattr(getattr(model, "optimizer", None), "variables", ())]:
        value = keras.ops.convert_to_numpy(variable.value)
        found[f"variable {variable.path}"] = (value.tobytes(), str(value.dtype), variable.trainable)
        found[f"gradient {variable.path}"] = getattr(variable.value, "grad", None) is not None
    return found


def _assert_unchanged(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    changed = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name, "absent") != after.get(name, "absent")
    )
    assert not changed, f"{what} changed {', '.join(changed[:5])}"
