"""Checks that methods and metrics share: of values, of parameters, and of docstrings."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import io
import pickle
import re
import sys
from collections.abc import Mapping
from typing import Any

import keras

from kerascope import errors
from kerascope.testing.fixture import expect_error


def check_frozen_value(one: Any, names: Mapping[str, Any]) -> None:
    """A frozen dataclass with a name: eval(repr(one)) == one, equal ones hash equal, it pickles."""
    title = type(one).__name__
    assert dataclasses.is_dataclass(type(one)), f"{title} must be a dataclass"
    assert "__dataclass_params__" in vars(type(one)), (
        f"{title} must itself be decorated with @dataclass(frozen=True)"
    )
    assert vars(type(one))["__dataclass_params__"].frozen, f"{title} must be frozen"
    for field in dataclasses.fields(one):
        try:
            setattr(one, field.name, getattr(one, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"{field.name} could be set: {title} must be frozen")
    assert eval(repr(one), dict(names)) == one, f"eval(repr(one)) must equal it; repr is {one!r}"
    twin = dataclasses.replace(one)
    assert twin == one, "what has equal parameters must be equal"
    assert hash(twin) == hash(one), "what is equal must hash equal"
    assert pickle.loads(pickle.dumps(one)) == one, "it must survive pickling"
    assert isinstance(one.name, str), "name must be a str"
    assert one.name, f"it must have a name: class {title}(..., name='my_name')"


class Nonsense:
    """Something that no parameter can be."""

    def __repr__(self) -> str:
        return "<nonsense>"


def check_parameters(one: Any) -> None:
    """A value that a parameter cannot have raises a ParameterError that names the parameter."""
    for field in dataclasses.fields(one):
        if field.init:
            with expect_error(errors.ParameterError, field.name):
                dataclasses.replace(one, **{field.name: Nonsense()})


def check_docstring(kind: type, sections: tuple[str, ...], optional: frozenset[str], formula: str) -> None:
    """The docstring has a line, a formula and sections in order; Source has a year, Args every parameter.

    Args:
        kind: the class. Parameters, Raises and Cost that it inherits may be described in its base class.
        sections: in the order of the house style.
        optional: those that may be missing; Args may, where no parameter is its own.
        formula: a regular expression that must be found before the first section.
    """
    text = inspect.cleandoc(vars(kind).get("__doc__") or "")
    assert text, f"{kind.__name__} must have a docstring"
    first, *rest = text.split("\n")
    assert first.endswith("."), "the docstring must start with one line that ends with a full stop"
    assert not rest or not rest[0], "a blank line must follow the first line of the docstring"
    parameters = {field.name for field in dataclasses.fields(kind) if field.init}
    inherited = parameters & {name for base in kind.__mro__[1:] for name in parse_parameters(base)}
    found = re.findall(rf"^({'|'.join(sections)}):$", text, flags=re.MULTILINE)
    free = optional if parameters - inherited else optional | {"Args"}
    free |= {
        name for name in ("Raises", "Cost") for base in kind.__mro__[1:] if f"{name}:" in str(base.__doc__)
    }
    wanted = [name for name in sections if name not in free or name in found]
    assert found == wanted, f"the docstring must have the sections {wanted}, in order; got {found}"
    before = text.split(f"\n{wanted[0]}:")[0]
    assert re.search(formula, before), "the formula must come before the first section"
    source = text.split("\nSource:")[1].split("\nExample:")[0]
    assert re.search(r"(19|20)\d\d", source), "Source must cite the paper with its year"
    missing = sorted(parameters - inherited - parse_parameters(kind))
    assert not missing, f"Args must describe {missing}"


def parse_parameters(kind: type) -> set[str]:
    """The parameters that a class's own docstring describes; one of a family is described once, there."""
    text = inspect.cleandoc(vars(kind).get("__doc__") or "")
    if "\nArgs:" not in text:
        return set()
    arguments = text.split("\nArgs:")[1].split("\nReturns:")[0]
    return set(re.findall(r"^ +([a-z_]+): ", arguments, flags=re.MULTILINE))


def check_example(kind: type) -> None:
    """The example in the docstring runs and gives what it shows."""
    text = vars(kind).get("__doc__") or ""
    known = dict(vars(sys.modules[kind.__module__]))
    test = doctest.DocTestParser().get_doctest(text, known, kind.__name__, None, 0)
    assert test.examples, "the docstring must hold an example with >>>"
    keras.utils.set_random_seed(1)  # an untrained network may, by chance, have nothing to show
    output = io.StringIO()
    results = doctest.DocTestRunner(verbose=False).run(test, out=output.write)
    assert not results.failed, output.getvalue()
