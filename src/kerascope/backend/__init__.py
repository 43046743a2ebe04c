"""One protocol for the three backends: differentiation, compilation and runs without data.

`keras.ops` is the arithmetic everywhere; the rest differs between backends. Each has one small module with
these functions:

`value_and_gradients(function)`
    `function(variables, *rest) -> (scores, extra)` with scores of shape (N, K) becomes
    `(variables, *rest) -> (scores, extra, gradients)`. `gradients` holds, for each of the K columns, the
    structure of `variables` with d(sum over N of scores[:, k]) / d(variable), or None where the column does
    not depend on it and the backend can tell. One forward, K backwards. It also runs requests without
    gradients: `variables` then holds no tensors.
`value_gradients_and_hvps(function, along)`
    As `value_and_gradients`, with Hessian-vector products as fourth result: for each column the
    structure of `variables`, with the product of each variable's own block of the Hessian and its direction
    in `along(extra)`, which has the same structure; zeros where the gradient is constant. One more backward
    per column and variable.
`compile(function)`
    The same function, compiled where the backend compiles. It is always called with arguments of one
    structure, and of the same shapes and types; results may hold None.
`eval_shape(function, *arguments)`
    Run `function` once without data, on tensors of the right shape and type. The function's
    result is returned as it is (tensors in it are only good for their shapes).
`connections(function, variables, *rest)`
    The names in the dictionary `variables` of those with which the first result of `function(variables,
    *rest)` can change, differentiably. The function runs without data.
`belongs_to_trace(tensor, root)`
    Whether a tensor recorded by `eval_shape` can be used outside of the layer that made it, where `root` is
    an input of the function. False inside loops and vectorised maps.
`with_custom_gradient(source, value, gate)`
    `value` unchanged, whose gradient g goes to `source` as `gate(g)`, and nowhere else. All three are of one
    shape and type.
`state(variables)`
    The current values of Keras variables, without gradients, as arguments of a compiled program. Empty
    where compiled programs read variables by themselves whenever they run. Where training has taken the
    values away, a `BusyModelError`.
`watch_training(variables, state, steps)`
    A function that says whether training has interfered since: given None, whether weights have changed;
    given an exception, whether training is its cause. `state` is the result of `state(variables)`; `steps`
    is the variable in which an optimiser counts its steps, or None.
`on_host(value)`
    Whether the value of a variable lies in the memory of the processor, rather than of an accelerator.
`compiles`
    Whether `compile` is worth doing unless the user says otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

from kerascope.errors import BackendError

if TYPE_CHECKING:
    from kerascope.typing import TensorFunction

BackendName = Literal["tensorflow", "jax", "torch"]
"""The backends of Keras that kerascope supports, the one list of them."""
SUPPORTED: tuple[BackendName, ...] = get_args(BackendName)


class Backend(Protocol):
    """The functions of each backend module; see the docstring of `kerascope.backend`."""

    compiles: bool

    def value_and_gradients(self, function: TensorFunction) -> TensorFunction: ...
    def value_gradients_and_hvps(self, function: TensorFunction, along: TensorFunction) -> TensorFunction: ...
    def compile(self, function: TensorFunction) -> TensorFunction: ...
    def eval_shape(self, function: TensorFunction, *arguments: Any) -> Any: ...
    def connections(self, function: TensorFunction, variables: Any, *rest: Any) -> set[str]: ...
    def belongs_to_trace(self, tensor: Any, root: Any) -> bool: ...
    def with_custom_gradient(self, source: Any, value: Any, gate: TensorFunction) -> Any: ...
    def on_host(self, value: Any) -> bool: ...
    def state(self, variables: Sequence[Any]) -> list[Any]: ...
    def watch_training(
        self, variables: Sequence[Any], state: Sequence[Any], steps: Any
    ) -> Callable[[Exception | None], bool]: ...


def current() -> Backend:
    """Return the module of the backend that Keras runs on.

    Raises:
        BackendError: Keras runs on a backend other than TensorFlow, JAX or PyTorch.
    """
    # Imported here: commands and tests read the names before they choose a backend.
    import keras

    name = keras.backend.backend()
    if name not in SUPPORTED:
        raise BackendError(
            f"kerascope runs on the Keras backends {', '.join(SUPPORTED)}; Keras is using {name!r}. "
            'Set the environment variable KERAS_BACKEND to one of them before "import keras".'
        )
    return cast(Backend, importlib.import_module(f"kerascope.backend.{name}"))
