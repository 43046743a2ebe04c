"""A method is a value, its docstring says everything, and its explanations tell where they come from."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import io
import pickle
import re
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation, load
from kerascope.method import Method, methods
from kerascope.testing.bench import Bench, refused
from kerascope.testing.clause import clause

SECTIONS = ("Args", "Returns", "Raises", "Cost", "Source", "Example")


@clause(1)
def is_a_value(bench: Bench) -> None:
    """A frozen dataclass: eval(repr(m)) == m, equal ones hash equal, it pickles, it has a name."""
    method = bench.method
    assert isinstance(method, Method), f"a method must be a kerascope Method; got {bench.type}"
    assert dataclasses.is_dataclass(method), "a method must be a dataclass"
    assert "__dataclass_params__" in vars(bench.type), (
        f"{bench.type.__name__} must itself be decorated with @dataclass(frozen=True)"
    )
    assert vars(bench.type)["__dataclass_params__"].frozen, "a method must be frozen"
    for field in dataclasses.fields(method):
        try:
            setattr(method, field.name, getattr(method, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} could be set: a method must be frozen")
    names = _names(bench)
    assert eval(repr(method), names) == method, f"eval(repr(m)) must equal m; repr is {method!r}"
    twin = dataclasses.replace(method)
    assert twin == method, "methods with equal parameters must be equal"
    assert hash(twin) == hash(method), "equal methods must hash equal"
    assert pickle.loads(pickle.dumps(method)) == method, "a method must survive pickling"
    assert isinstance(method.name, str), "name must be a str"
    assert method.name, "a method must have a name: class MyMethod(..., name='my_method')"
    assert isinstance(method.tags, frozenset), "tags must be a frozenset"
    spaces = method.tags & {"layer", "input", "pixels"}
    assert spaces, f"tags must say 'layer', 'input' or 'pixels'; got {set(method.tags)}"


def _names(bench: Bench) -> dict[str, type[Method]]:
    """What a method's repr may name: itself, and methods that it may be made of."""
    return {method.__name__: method for method in (*methods().values(), bench.type)}


@clause(1)
def bad_parameters(bench: Bench) -> None:
    """A value that a parameter cannot have raises a ParameterError that names the parameter."""
    for field in dataclasses.fields(bench.method):
        if not field.init:
            continue
        with refused(errors.ParameterError, field.name):
            dataclasses.replace(bench.method, **{field.name: Nonsense()})


class Nonsense:
    """Something that no parameter can be."""

    def __repr__(self) -> str:
        return "<nonsense>"


@clause(1)
def registered(bench: Bench) -> None:
    """A name stands for one method: the registry, where it knows the name, gives this class."""
    known = methods().get(bench.type.name, bench.type)
    assert known is bench.type, f"the name {bench.type.name!r} is taken by {known}"


@clause(18)
def documented(bench: Bench) -> None:
    """The docstring has a line, a formula and the sections, in the order of the house style."""
    text = inspect.cleandoc(vars(bench.type).get("__doc__") or "")
    assert text, "a method must have a docstring"
    first, *rest = text.split("\n")
    assert first.endswith("."), "the docstring must start with one line that ends with a full stop"
    assert not rest or not rest[0], "a blank line must follow the first line of the docstring"
    parameters = {field.name for field in dataclasses.fields(bench.method) if field.init}
    inherited = parameters & {name for base in bench.type.__mro__[1:] for name in _described(base)}
    wanted = [name for name in SECTIONS if name != "Args" or parameters - inherited or "\nArgs:" in text]
    found = re.findall(rf"^({'|'.join(SECTIONS)}):$", text, flags=re.MULTILINE)
    assert found == wanted, f"the docstring must have the sections {wanted}, in order; got {found}"
    before = text.split(f"\n{wanted[0]}:")[0]
    assert "$$" in before or "=" in before, "the formula must come before the first section"
    source = text.split("\nSource:")[1].split("\nExample:")[0]
    assert re.search(r"(19|20)\d\d", source), "Source must cite the paper with its year"
    missing = sorted(parameters - inherited - _described(bench.type))
    assert not missing, f"Args must describe {missing}"


def _described(method: type) -> set[str]:
    """The parameters that a class's own docstring describes; one of a family is described once, there."""
    text = inspect.cleandoc(vars(method).get("__doc__") or "")
    if "\nArgs:" not in text:
        return set()
    arguments = text.split("\nArgs:")[1].split("\nReturns:")[0]
    return set(re.findall(r"^ +([a-z_]+): ", arguments, flags=re.MULTILINE))


@clause(18)
def example_runs(bench: Bench) -> None:
    """The example in the docstring runs and gives what it shows."""
    text = vars(bench.type).get("__doc__") or ""
    known = dict(vars(sys.modules[bench.type.__module__]))
    test = doctest.DocTestParser().get_doctest(text, known, bench.type.__name__, None, 0)
    assert test.examples, "the docstring must hold an example with >>>"
    keras.utils.set_random_seed(1)  # an untrained network may, by chance, have nothing to show
    told = io.StringIO()
    results = doctest.DocTestRunner(verbose=False).run(test, out=told.write)
    assert not results.failed, told.getvalue()


@clause(1)
def provenance(bench: Bench) -> None:
    """An explanation names method, layer, target, scores, probabilities, input and versions."""
    tiny = bench.tiny("softmax_head")
    found = bench.explain("softmax_head", 1)
    names = _names(bench)
    assert eval(found.method, names) == bench.method, f"method says {found.method!r}"
    layer = tiny.layer if bench.takes_layer else None
    assert found.layer == layer, f"layer must be {layer!r}; got {found.layer!r}"
    assert found.signed == bench.method.signed, "signed must be what the method says"
    assert found.targets.tolist() == [1, 1, 1], f"targets must be 1; got {found.targets}"
    outputs = keras.ops.convert_to_numpy(tiny.model(tiny.images, training=False))
    assert found.predictions is not None, "predictions must be given for a classifier"
    assert found.predictions.tolist() == list(tiny.targets or ()), "predictions must be the argmax"
    assert np.allclose(found.probabilities, outputs[:, 1], atol=1e-6), "probabilities are off"
    logits = keras.ops.convert_to_numpy(bench.tiny("linear_head").model(tiny.images))
    assert np.allclose(found.scores, logits[:, 1], atol=1e-6), "scores must be pre-softmax scores"
    assert found.images is not None, "the explanation must keep the images"
    assert np.array_equal(found.images, tiny.images), "images must be as they were given"
    assert found.input_size == tiny.images.shape[1:3], f"input_size is {found.input_size}"
    assert {"kerascope", "keras", "backend"} <= set(found.versions), "versions are missing"
    assert not found.warnings, f"nothing is to be warned about; got {found.warnings}"


@clause(1)
def saves_and_loads(bench: Bench) -> None:
    """An explanation comes back from a file bit by bit."""
    found = bench.explain("functional", 1)
    with tempfile.TemporaryDirectory() as folder:
        again = load(found.save(Path(folder) / "saved.npz"))
    for field in dataclasses.fields(Explanation):
        before, after = getattr(found, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype, f"{field.name} changed its dtype"
            assert after.tobytes() == before.tobytes(), f"{field.name} changed"
        else:
            assert after == before, f"{field.name} changed from {before!r} to {after!r}"
