"""Classes by name: the registries of methods and metrics, and the public names of a package."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kerascope import errors

T = TypeVar("T")


class Registered:
    """The base of methods and metrics: frozen dataclasses, each known by its name.

    `class Method(Registered, kind="method")` begins a registry, `class GradCAM(Method, name="grad_cam")` adds
    to it.

    Attributes:
        name: what the class is called in tables.
        registry: the classes by name.
    """

    name: ClassVar[str] = ""
    _kind: ClassVar[str]
    registry: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls, name: str | None = None, kind: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if kind is not None:
            cls._kind, cls.registry = kind, {}
        if name is None:
            return
        known = cls.registry.get(name, cls)
        # The same class once more is a notebook cell that was run again.
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise errors.ParameterError(
                f"a {cls._kind}'s name must be its own; {name!r} is registered by {known.__module__}."
                f"{known.__qualname__}; choose another one for {cls.__qualname__}."
            )
        cls.name = name
        cls.registry[name] = cls

    def describe(self) -> str:
        """The expression that makes it: with the parameters that differ from their defaults."""
        values = [(field, getattr(self, field.name)) for field in fields(self)]  # type: ignore[arg-type]
        parameters = [
            f"{field.name}={value.describe() if isinstance(value, Registered) else repr(value)}"
            for field, value in values
            if value != field.default
        ]
        return f"{type(self).__name__}({', '.join(parameters)})"


def alias(base: type[T], class_name: str, name: str, summary: str, **changes: Any) -> type[T]:
    """Return a registered class that is another one with other defaults and class attributes.

    Args:
        base: the other class.
        class_name: name of the new class, also of the variable that holds it.
        name: registered name.
        summary: first line of the docstring; the rest is the docstring of `base`.
        **changes: new values of fields and class attributes.
    """
    _, _, details = inspect.cleandoc(base.__doc__ or "").partition("\n\n")
    types_of_fields = {field.name: field.type for field in fields(base)}  # type: ignore[arg-type]
    namespace = {
        "__module__": base.__module__,
        "__doc__": f"{summary}\n\n{details}",
        "__annotations__": {key: types_of_fields[key] for key in changes if key in types_of_fields},
        **changes,
    }
    created = types.new_class(class_name, (base,), {"name": name}, lambda body: body.update(namespace))
    return dataclass(frozen=True)(created)


def import_modules(package: str, folders: Iterable[str]) -> None:
    """Import every module of a package, which registers the classes in it.

    Args:
        package: its name.
        folders: its `__path__`.
    """
    for module in pkgutil.walk_packages(folders, f"{package}."):
        importlib.import_module(module.name)


def attach_stub(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Public names from the stub of a package, each imported when it is first used.

    Args:
        package: its name.
        file: its `__init__.py`, with `__init__.pyi` next to it.

    Returns:
        `__getattr__`, `__dir__` and `__all__` of the package.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    modules = {
        alias.name: statement.module or ""
        for statement in stub.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    names = sorted(modules)

    def import_name(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if modules[name] == package:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # not looked up again
        return value

    return import_name, lambda: names, names
