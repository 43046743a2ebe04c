"""A method is a value, its docstring says everything, and its explanations tell where they come from."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import keras
import numpy as np

from kerascope.explanation import Explanation, load
from kerascope.method import Method, methods
from kerascope.testing.fixture import Fixture
from kerascope.testing.registry import check
from kerascope.testing.value_checks import (
    check_docstring,
    check_example,
    check_frozen_value,
    check_parameters,
)

SECTIONS = ("Args", "Returns", "Raises", "Cost", "Source", "Example")


@check(1)
def is_a_value(fixture: Fixture) -> None:
    """A frozen dataclass: eval(repr(m)) == m, equal ones hash equal, it pickles, it has a name."""
    method = fixture.method
    assert isinstance(method, Method), f"a method must be a kerascope Method; got {fixture.type}"
    check_frozen_value(method, _names(fixture))
    assert isinstance(method.tags, frozenset), "tags must be a frozenset"
    spaces = method.tags & {"layer", "input", "pixels"}
    assert spaces, f"tags must say 'layer', 'input' or 'pixels'; got {set(method.tags)}"


def _names(fixture: Fixture) -> dict[str, type[Method]]:
    """What a method's repr may name: itself, and methods that it may be made of."""
    return {method.__name__: method for method in (*methods().values(), fixture.type)}


@check(1)
def bad_parameters(fixture: Fixture) -> None:
    """A value that a parameter cannot have raises a ParameterError that names the parameter."""
    check_parameters(fixture.method)


@check(1)
def registered(fixture: Fixture) -> None:
    """A name means one method: the registry, where it knows the name, gives this class."""
    known = methods().get(fixture.type.name, fixture.type)
    assert known is fixture.type, f"the name {fixture.type.name!r} is taken by {known}"


@check(18)
def documented(fixture: Fixture) -> None:
    """The docstring has a line, a formula and the sections, in the order of the house style."""
    check_docstring(fixture.type, SECTIONS, frozenset(), r"\$\$|=")


@check(18)
def example_runs(fixture: Fixture) -> None:
    """The example in the docstring runs and gives what it shows."""
    check_example(fixture.type)


@check(1)
def provenance(fixture: Fixture) -> None:
    """An explanation names method, layer, target, scores, probabilities, input and versions."""
    tiny = fixture.tiny("softmax_head")
    found = fixture.explain("softmax_head", 1)
    names = _names(fixture)
    assert eval(found.method, names) == fixture.method, f"method says {found.method!r}"
    layer = tiny.layer if fixture.takes_layer else None
    assert found.layer == layer, f"layer must be {layer!r}; got {found.layer!r}"
    assert found.signed == fixture.method.signed, "signed must be what the method says"
    assert found.targets.tolist() == [1, 1, 1], f"targets must be 1; got {found.targets}"
    outputs = keras.ops.convert_to_numpy(tiny.model(tiny.images, training=False))
    assert found.predictions is not None, "predictions must be given for a classifier"
    assert found.predictions.tolist() == list(tiny.targets or ()), "predictions must be the argmax"
    assert np.allclose(found.probabilities, outputs[:, 1], atol=1e-6), "probabilities are off"
    logits = keras.ops.convert_to_numpy(fixture.tiny("linear_head").model(tiny.images))
    assert np.allclose(found.scores, logits[:, 1], atol=1e-6), "scores must be pre-softmax scores"
    assert found.images is not None, "the explanation must keep the images"
    assert np.array_equal(found.images, tiny.images), "images must be as they were given"
    assert found.input_size == tiny.images.shape[1:3], f"input_size is {found.input_size}"
    assert {"kerascope", "keras", "backend"} <= set(found.versions), "versions are missing"
    assert not found.warnings, f"nothing is to be warned about; got {found.warnings}"


@check(1)
def saves_and_loads(fixture: Fixture) -> None:
    """An explanation comes back from a file bit by bit."""
    found = fixture.explain("functional", 1)
    with tempfile.TemporaryDirectory() as folder:
        again = load(found.save(Path(folder) / "saved.npz"))
    for field in dataclasses.fields(Explanation):
        before, after = getattr(found, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype, f"{field.name} changed its dtype"
            assert after.tobytes() == before.tobytes(), f"{field.name} changed"
        else:
            assert after == before, f"{field.name} changed from {before!r} to {after!r}"
