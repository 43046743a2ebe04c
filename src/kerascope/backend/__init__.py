"""The three backends behind one protocol: what Keras does not offer on all of them alike.

`keras.ops` is the arithmetic everywhere. What remains, and differs, is differentiation, compilation and
running a function without data. Each backend answers in one small module with these functions:

`value_and_gradients(function)`
    `function(variables, *rest) -> (scores, extra)` with scores of shape (N, K) becomes
    `(variables, *rest) -> (scores, extra, gradients)`. `gradients` holds, for each of the K columns, the
    structure of `variables` with d(sum over N of scores[:, k]) / d(variable), or None where the column does
    not depend on it and the backend can tell. One forward, K backwards.
`curvatures(function, along)`
    As `value_and_gradients`, with a fourth result: for each column and each entry of `variables`, a
    dictionary, the product of that variable's own block of the Hessian with `along(extra)`, a direction in
    the same structure; zeros where the gradient does not change. One more backward per column and variable.
`compile(function)`
    The same function, compiled where the backend compiles. It is always called with arguments of one
    structure, and of the same shapes and types.
`abstract(function, *arguments)`
    Run `function` once for what Python sees of it, on tensors of the right shape and type. The function's
    result is returned as it is (tensors in it are only good for their shapes).
`depends(function, variable, *rest)`
    Whether the first result of `function(variable, *rest)` can change, differentiably, with `variable`.
`outlives(tensor, root)`
    Whether a tensor recorded during an abstract run can be used outside of the layer that made it, where
    `root` is an input of that run. False inside loops and vectorised maps.
`rerouted(source, value, gate)`
    `value` unchanged, whose gradient g goes to `source` as `gate(g)`, and nowhere else. All three are of one
    shape and type.
`state(variables)`
    The current values of Keras variables, cut off from gradients, as arguments of a compiled program. Empty
    where compiled programs read variables by themselves whenever they run. Where training has taken the
    values away, a `BusyModelError`.
`watch(variables, state, steps)`
    A function that tells whether training has disturbed a question since: given None, whether weights have
    changed; given an exception, whether training is its cause. `state` is what `state` gave; `steps` is the
    variable in which an optimiser counts its steps, or None.
`on_host(value)`
    Whether the value of a variable lies in the memory of the processor, rather than of an accelerator.
`compiles`
    Whether `compile` is worth doing unless the user says otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import keras

from kerascope.errors import BackendError

Function = Callable[..., Any]


class Backend(Protocol):
    """What each backend module provides; see the module's docstring."""

    compiles: bool

    def value_and_gradients(self, function: Function) -> Function: ...
    def curvatures(self, function: Function, along: Function) -> Function: ...
    def compile(self, function: Function) -> Function: ...
    def abstract(self, function: Function, *arguments: Any) -> Any: ...
    def depends(self, function: Function, variable: Any, *rest: Any) -> bool: ...
    def outlives(self, tensor: Any, root: Any) -> bool: ...
    def rerouted(self, source: Any, value: Any, gate: Function) -> Any: ...
    def on_host(self, value: Any) -> bool: ...
    def state(self, variables: Sequence[Any]) -> list[Any]: ...
    def watch(
        self, variables: Sequence[Any], state: Sequence[Any], steps: Any
    ) -> Callable[[Exception | None], bool]: ...


SUPPORTED = ("tensorflow", "jax", "torch")


def current() -> Backend:
    """The module that serves the backend Keras runs on.

    Raises:
        BackendError: Keras runs on a backend other than TensorFlow, JAX or PyTorch.
    """
    name = keras.backend.backend()
    if name not in SUPPORTED:
        raise BackendError(
            f"kerascope runs on the Keras backends {', '.join(SUPPORTED)}; Keras is using {name!r}. "
            'Set the environment variable KERAS_BACKEND to one of them before "import keras".'
        )
    return cast(Backend, importlib.import_module(f"kerascope.backend.{name}"))
