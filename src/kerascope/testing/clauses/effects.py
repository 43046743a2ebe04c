"""Explaining changes nothing: not the model, not the images, not any random state; and it repeats."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.testing.bench import CLOSE, Bench, refused, same
from kerascope.testing.clause import clause


@clause(2)
def leaves_the_model_alone(bench: Bench) -> None:
    """Weights, statistics, seeds, flags, gradients, compiled state and attributes stay as they were."""
    for name in filter(bench.fits, ("normalised", "hub", "subclassed")):
        tiny = bench.tiny(name, fresh=True)
        tiny.model.compile(optimizer="sgd", loss="mse")
        tiny.model(tiny.images)
        before = snapshot(tiny.model)
        bench.for_tiny(tiny)(tiny.model, tiny.images, 1)
        _unchanged(before, snapshot(tiny.model), f"explaining {name}")


@clause(2)
def leaves_the_model_alone_on_errors(bench: Bench) -> None:
    """The same after a failure: of the images, of the target, of the layer, inside the forward pass."""
    tiny = bench.tiny("hub", fresh=True)
    tiny.model(tiny.images)
    before = snapshot(tiny.model)
    broken = tiny.images.copy()
    broken[0, 0, 0, 0] = np.nan
    probe = Probe(tiny.model)
    method = bench.for_tiny(tiny)
    questions: list[tuple[Any, Any, Any, type[Exception]]] = [
        (method, broken, 1, errors.InputError),
        (method, tiny.images, 99, errors.TargetError),
        (method, tiny.images, explode, ExplosionError),
    ]
    if bench.takes_layer:
        questions.append((bench.at("no_such_layer"), tiny.images, 1, errors.UnknownLayerError))
        questions.append((bench.at("head"), tiny.images, 1, errors.NoSpatialExtentError))
    for asked, images, target, expected in questions:
        with refused(expected):
            asked(probe, images, target)
        _unchanged(before, snapshot(tiny.model), f"a failure with {expected.__name__}")
    after = method(probe, tiny.images, 1)
    expected_values = bench.explain("hub", 1).values
    # One is compiled and the other is not, which on some backends sums in another order.
    same(after.values, expected_values, CLOSE, "after failures, the map")


class ExplosionError(Exception):
    """What the exploding target raises."""


def explode(scores: Any) -> Any:
    """A target that fails in the middle of a forward pass."""
    raise ExplosionError


@clause(2)
def leaves_the_input_alone(bench: Bench) -> None:
    """The images are not written to, and read-only images are taken."""
    tiny = bench.tiny("functional")
    images = tiny.images.copy()
    bench.explain("functional", 1, images)
    assert images.tobytes() == tiny.images.tobytes(), "the images were changed"
    images.setflags(write=False)
    found = bench.explain("functional", 1, images)
    assert found.images is None or not np.shares_memory(found.images, images), (
        "the explanation must keep a copy of the images, not the caller's array"
    )


@clause(2)
def leaves_random_state_alone(bench: Bench) -> None:
    """The global generators of Python and NumPy give what they would have given.

    Whatever is drawn from those of Keras or a backend makes maps differ, which `deterministic` finds.
    """
    tiny = bench.tiny("normalised", fresh=True)
    before = random_state()
    bench.for_tiny(tiny)(tiny.model, tiny.images, 1)
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


@clause(12)
def deterministic(bench: Bench) -> None:
    """The same question gives the same bits, from the same probe and from a new one, compiled or not."""
    tiny = bench.tiny("normalised")
    for compiled in (False, True):
        first = bench.explain("normalised", 1, compiled=compiled)
        again = bench.explain("normalised", 1, compiled=compiled)
        assert first.values.tobytes() == again.values.tobytes(), "asked twice, the bits differ"
        probe = Probe(tiny.model, compile=None if compiled else False)
        new = bench.for_tiny(tiny)(probe, tiny.images, 1)
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


def _unchanged(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    changed = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name, "absent") != after.get(name, "absent")
    )
    assert not changed, f"{what} changed {', '.join(changed[:5])}"
