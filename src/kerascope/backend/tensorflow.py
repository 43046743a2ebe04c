"""TensorFlow: gradients from a tape, compilation by `tf.function`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Function = Callable[..., Any]

compiles = True


def value_and_gradients(function: Function) -> Function:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any]]:
        # Only the variables are watched, so nothing upstream of them is kept for the way back.
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(variables)
            scores, extra = function(variables, *rest)
            columns = tf.unstack(tf.reduce_sum(scores, axis=0))
        return scores, extra, [tape.gradient(column, variables) for column in columns]

    return run


def curvatures(function: Function, along: Function) -> Function:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any], list[Any]]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
            outer.watch(variables)
            scores, extra, gradients = value_and_gradients(function)(variables, *rest)
        directions = along(extra)
        return (
            scores,
            extra,
            gradients,
            [
                {
                    name: tf.zeros_like(variable)
                    if column[name] is None
                    else outer.gradient(
                        column[name],
                        variable,
                        output_gradients=tf.cast(directions[name], variable.dtype),
                        unconnected_gradients=tf.UnconnectedGradients.ZERO,
                    )
                    for name, variable in variables.items()
                }
                for column in gradients
            ],
        )

    return run


def compile(function: Function) -> Function:
    """See `kerascope.backend`."""
    traced = tf.function(function, autograph=False)
    concrete: Function | None = None

    def run(*arguments: Any) -> Any:
        # Called by its one trace: tf.function itself would look it up again, and warn of retracing where
        # many programs are compiled, as when every layer of a model is asked for.
        nonlocal concrete
        if concrete is None:
            concrete = traced.get_concrete_function(*arguments)
        return concrete(*arguments)

    return run


def abstract(function: Function, *arguments: Any) -> Any:
    """See `kerascope.backend`."""
    result = None

    def run(*tensors: Any) -> None:
        nonlocal result
        result = function(*tensors)

    tf.function(run, autograph=False).get_concrete_function(*arguments)
    return result


def depends(function: Function, variable: Any, *rest: Any) -> bool:
    """See `kerascope.backend`: a tape knows, so a missing gradient has already said it."""
    return True


def outlives(tensor: Any, root: Any) -> bool:
    """See `kerascope.backend`."""
    return getattr(tensor, "graph", None) is getattr(root, "graph", None)


def rerouted(source: Any, value: Any, gate: Function) -> Any:
    """See `kerascope.backend`."""
    value = tf.stop_gradient(value)

    @tf.custom_gradient
    def route(_: Any) -> tuple[Any, Function]:
        return tf.identity(value), gate

    return route(source)


def on_host(value: Any) -> bool:
    """See `kerascope.backend`."""
    return ":CPU:" in value.device.upper()


def watch(variables: Sequence[Any], state: Sequence[Any], steps: Any) -> Callable[[Exception | None], bool]:
    """See `kerascope.backend`: programs read variables one by one, which training may change between."""
    before = None if steps is None else int(steps.value)

    def disturbed(error: Exception | None) -> bool:
        return error is None and steps is not None and int(steps.value) != before

    return disturbed


def state(variables: Sequence[Any]) -> list[Any]:
    """See `kerascope.backend`: a variable is read in the graph, and handing over hundreds takes time."""
    return []
