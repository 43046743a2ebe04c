"""TensorFlow: gradients from a tape, compilation by `tf.function`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kerascope.typing import TensorFunction

compiles = True


def value_and_gradients(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any]]:
        # Only the variables are watched, so the tape keeps nothing upstream of them.
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(variables)
            scores, extra = function(variables, *rest)
            columns = tf.unstack(tf.reduce_sum(scores, axis=0))
        return scores, extra, [tape.gradient(column, variables) for column in columns]

    return run


def value_gradients_and_hvps(function: TensorFunction, along: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any], list[Any]]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
            outer.watch(variables)
            scores, extra, gradients = value_and_gradients(function)(variables, *rest)
        leaves, directions = tf.nest.flatten(variables), tf.nest.flatten(along(extra))

        def hvp(gradient: Any, leaf: Any, direction: Any) -> Any:
            if gradient is None:
                return tf.zeros_like(leaf)
            return outer.gradient(
                gradient,
                leaf,
                output_gradients=tf.cast(direction, leaf.dtype),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        hvps = [
            tf.nest.pack_sequence_as(variables, list(map(hvp, tf.nest.flatten(column), leaves, directions)))
            for column in gradients
        ]
        return scores, extra, gradients, hvps

    return run


def compile(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""
    traced = tf.function(function, autograph=False)
    concrete: TensorFunction | None = None

    def run(*arguments: Any) -> Any:
        # Called by its one trace: tf.function itself would look it up again, and warn of retracing where
        # many programs are compiled, one for each layer of a model.
        nonlocal concrete
        if concrete is None:
            concrete = traced.get_concrete_function(*arguments)
        return concrete(*arguments)

    return run


def eval_shape(function: TensorFunction, *arguments: Any) -> Any:
    """See `kerascope.backend`."""
    result = None

    def run(*tensors: Any) -> None:
        nonlocal result
        result = function(*tensors)

    tf.function(run, autograph=False).get_concrete_function(*arguments)
    return result


def connections(function: TensorFunction, variables: Any, *rest: Any) -> set[str]:
    """See `kerascope.backend`: a tape gives no gradient where there is no connection."""
    _, _, columns = eval_shape(value_and_gradients(function), variables, *rest)
    return {name for column in columns for name, gradient in column.items() if gradient is not None}


def belongs_to_trace(tensor: Any, root: Any) -> bool:
    """See `kerascope.backend`."""
    return getattr(tensor, "graph", None) is getattr(root, "graph", None)


def with_custom_gradient(source: Any, value: Any, gate: TensorFunction) -> Any:
    """See `kerascope.backend`."""
    value = tf.stop_gradient(value)

    @tf.custom_gradient
    def route(_: Any) -> tuple[Any, TensorFunction]:
        return tf.identity(value), gate

    return route(source)


def on_host(value: Any) -> bool:
    """See `kerascope.backend`."""
    return ":CPU:" in value.device.upper()


def watch_training(
    variables: Sequence[Any], state: Sequence[Any], steps: Any
) -> Callable[[Exception | None], bool]:
    """See `kerascope.backend`: programs read variables one by one, which training may change between."""
    before = None if steps is None else int(steps.value)

    def has_interfered(error: Exception | None) -> bool:
        return error is None and steps is not None and int(steps.value) != before

    return has_interfered


def state(variables: Sequence[Any]) -> list[Any]:
    """See `kerascope.backend`: a variable is read in the graph, and handing over hundreds takes time."""
    return []
