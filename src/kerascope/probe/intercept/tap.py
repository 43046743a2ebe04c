"""Scoped interception of layer calls: read or replace what a layer returns.

`Layer.__call__` and `Operation.__call__` end in `self.call(...)` (`self.quantized_call(...)` on a quantised
layer), looked up on the instance. An attribute set on the instance for the length of a `with` block
therefore reaches any layer or operation at any depth, in Sequential, Functional, nested and subclassed
models alike, and nothing is cloned or rebuilt.

Obligations kept here: the attribute is gone after the block, also after an exception; one thread at a time
holds taps (a re-entrant lock, since models share layers); a foreign thread that runs the same layer meanwhile
passes straight through to the original. Tensors that a layer keeps as attributes during the block are removed
again: they may be mere symbols. Layers under `keras.RematScope` are not recomputed within the block: tensors
of a recomputed call could not leave it, and the values are the same.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import keras

Hook = Callable[[int, tuple[Any, ...], Any], Any]
"""`hook(index, arguments, output) -> output`; `index` counts the calls of this operation in the scope."""

StandIn = Callable[[int], Any]
"""`stand_in(index) -> output`, returned instead of running the operation; None to run it."""

ActivationHook = Callable[[Any, Any], Any]
"""`hook(argument, result) -> result`, around a function that an operation holds as an attribute."""

ACTIVATIONS: Mapping[str, Literal["classes", "labels"]] = MappingProxyType(
    {"softmax": "classes", "log_softmax": "classes", "sigmoid": "labels", "log_sigmoid": "labels"}
)
"""Functions that turn scores into probabilities or their logarithms, of classes or of independent labels."""

lock = threading.RLock()
"""Held by the one thread that has taps."""

Argument = Callable[[int, Any], Any]
"""`argument(index, tensor) -> tensor`, which replaces the argument of such a function."""


@contextlib.contextmanager
def tap_operations(
    operations: Iterable[keras.Operation],
    hooks: Mapping[keras.Operation, Hook],
    functions: Mapping[tuple[keras.Operation, str], ActivationHook] | None = None,
    arguments: Mapping[tuple[keras.Operation, str], Argument] | None = None,
    stand_ins: Mapping[keras.Operation, StandIn] | None = None,
) -> Iterator[None]:
    """Let `hooks` see and replace what operations return, for this thread, within the block.

    Args:
        operations: every operation of the model, and the model itself.
        hooks: a hook for each output of an operation.
        functions: a hook for each result of a function that an operation holds as an attribute, such as
            `activation`.
        arguments: a replacement for the argument of such a function; a hook in `functions` sees it.
        stand_ins: the output of an operation that does not run; `hooks` see it.
    """
    stand_ins = stand_ins or {}
    with lock, contextlib.ExitStack() as scope:
        for operation in operations:
            scope.callback(_put_back_tensors, operation, dict(vars(operation)))
            if getattr(operation, "_remat_mode", None) is not None:
                _replace(scope, operation, "_remat_mode", None)
        for operation in {**hooks, **stand_ins}:
            name = entry(operation)
            call = _wrap_call(getattr(operation, name), hooks.get(operation), stand_ins.get(operation))
            _replace(scope, operation, name, call)
        for (operation, name), function in (functions or {}).items():
            _replace(scope, operation, name, wrap_function(getattr(operation, name), function))
        for (operation, name), argument in (arguments or {}).items():
            _replace(scope, operation, name, _wrap_argument(getattr(operation, name), argument))
        yield


def entry(operation: keras.Operation) -> str:
    """The name of the method that an operation's `__call__` ends in."""
    quantised = getattr(operation, "quantization_mode", None) is not None
    return "quantized_call" if quantised else "call"


def _replace(scope: contextlib.ExitStack, operation: keras.Operation, name: str, value: Any) -> None:
    # `object.__setattr__` goes past Keras's attribute tracking, so nothing is recorded on the layer.
    if name in operation.__dict__:
        scope.callback(object.__setattr__, operation, name, operation.__dict__[name])
    else:
        scope.callback(object.__delattr__, operation, name)
    object.__setattr__(operation, name, value)


def _put_back_tensors(operation: keras.Operation, before: dict[str, Any]) -> None:
    """Remove tensors that the pass left on an operation, such as its last attention weights or a cache."""
    for name, value in list(vars(operation).items()):
        if value is not before.get(name) and keras.ops.is_tensor(value):
            if name in before:
                object.__setattr__(operation, name, before[name])
            else:
                object.__delattr__(operation, name)


def _wrap_call(
    original: Callable[..., Any], hook: Hook | None, stand_in: StandIn | None
) -> Callable[..., Any]:
    owner = threading.get_ident()
    count = 0

    @functools.wraps(original)
    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        if threading.get_ident() != owner:
            return original(*arguments, **options)
        index, count = count, count + 1
        output = None if stand_in is None else stand_in(index)
        if output is None:
            output = original(*arguments, **options)
        return output if hook is None else hook(index, (*arguments, *options.values()), output)

    return call


def wrap_function(original: Callable[..., Any], function: ActivationHook) -> Any:
    """`original`, whose results in this thread pass through `function`, however it is called."""
    owner = threading.get_ident()

    @functools.wraps(original)
    def call(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if threading.get_ident() != owner:
            return result
        given = (*arguments, *options.values())
        tensor = next((value for value in given if keras.ops.is_tensor(value)), given[0])
        return function(tensor, result)

    return call


@contextlib.contextmanager
def tap_functions(names: Collection[str], function: Callable[[str, Any, Any], Any]) -> Iterator[None]:
    """Let `function(name, argument, result) -> result` see calls by public name, in this thread.

    Those are calls such as `keras.ops.relu(x)` in a layer's own `call`. Where a reference to the function
    outlives the block, as in a module that is first imported within it, it has no effect after it.
    """
    closed = False

    def hook(name: str) -> ActivationHook:
        return lambda argument, result: result if closed else function(name, argument, result)

    with lock, contextlib.ExitStack() as scope:
        for module in (keras.ops, keras.ops.nn, keras.activations):
            for name in sorted(set(names) & vars(module).keys()):
                original = getattr(module, name)
                scope.callback(setattr, module, name, original)
                setattr(module, name, wrap_function(original, hook(name)))
        try:
            yield
        finally:
            closed = True


def _wrap_argument(original: Callable[..., Any], argument: Argument) -> Any:
    """`original`, whose first argument in this thread passes through `argument`."""
    owner = threading.get_ident()
    count = 0

    @functools.wraps(original)
    def call(first: Any, *others: Any, **options: Any) -> Any:
        nonlocal count
        if threading.get_ident() != owner:
            return original(first, *others, **options)
        index, count = count, count + 1
        return original(argument(index, first), *others, **options)

    return call
