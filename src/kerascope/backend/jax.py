"""JAX: gradients by `jax.vjp`, compilation by `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerascope.errors import BusyModelError
from kerascope.typing import TensorFunction

compiles = True


def value_and_gradients(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any]]:
        scores, pullback, extra = jax.vjp(lambda leaves: function(leaves, *rest), variables, has_aux=True)
        gradients = []
        for column in range(scores.shape[1]):
            direction = jnp.zeros_like(scores).at[:, column].set(1)
            gradients.append(pullback(direction)[0])
        return scores, extra, gradients

    return run


def value_gradients_and_hvps(function: TensorFunction, along: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`: reverse over reverse, since a custom gradient has no forward mode."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any], list[Any]]:
        scores, extra, gradients = value_and_gradients(function)(variables, *rest)
        leaves, structure = jax.tree.flatten(variables)
        directions = jax.tree.leaves(along(extra))

        def hvp(column: int, index: int) -> Any:
            def gradient(leaf: Any) -> Any:
                def score(value: Any) -> Any:
                    values = [*leaves[:index], value, *leaves[index + 1 :]]
                    return function(structure.unflatten(values), *rest)[0][:, column].sum()

                return jax.grad(score)(leaf)

            return jax.vjp(gradient, leaves[index])[1](directions[index].astype(leaves[index].dtype))[0]

        return (
            scores,
            extra,
            gradients,
            [
                structure.unflatten([hvp(column, index) for index in range(len(leaves))])
                for column in range(scores.shape[1])
            ],
        )

    return run


def compile(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""
    compiled: TensorFunction = jax.jit(function)
    return compiled


def eval_shape(function: TensorFunction, *arguments: Any) -> Any:
    """See `kerascope.backend`."""
    result = None

    def run(*tensors: Any) -> None:
        nonlocal result
        result = function(*tensors)

    jax.eval_shape(run, *arguments)
    return result


def connections(function: TensorFunction, variables: Any, *rest: Any) -> set[str]:
    """See `kerascope.backend`: which gradients a change of the scores reaches in the backward program."""

    def gradients(direction: Any, rest: Any) -> list[Any]:
        scores, pullback = jax.vjp(lambda leaves: function(leaves, *rest)[0], variables)
        (found,) = pullback(direction * jnp.ones_like(scores))
        return [found[name] for name in variables]

    program = jax.make_jaxpr(gradients)(jnp.ones(()), rest).jaxpr
    reached = set(program.invars[:1])
    for equation in program.eqns:
        if any(not hasattr(value, "val") and value in reached for value in equation.invars):
            reached.update(equation.outvars)
    return {
        name
        for name, value in zip(variables, program.outvars, strict=True)
        if not hasattr(value, "val") and value in reached
    }


def belongs_to_trace(tensor: Any, root: Any) -> bool:
    """See `kerascope.backend`: a loop, a vectorised map or recomputation traces on its own."""
    return getattr(tensor, "_trace", None) is getattr(root, "_trace", None)


def with_custom_gradient(source: Any, value: Any, gate: TensorFunction) -> Any:
    """See `kerascope.backend`."""

    @jax.custom_vjp
    def route(source: Any, value: Any) -> Any:
        return value

    def forward(source: Any, value: Any) -> tuple[Any, None]:
        return value, None

    def backward(_: None, gradient: Any) -> tuple[Any, Any]:
        return gate(gradient), jnp.zeros_like(gradient)

    route.defvjp(forward, backward)
    return route(source, jax.lax.stop_gradient(value))


def on_host(value: Any) -> bool:
    """See `kerascope.backend`."""
    return all(device.platform == "cpu" for device in value.devices())


def state(variables: Sequence[Any]) -> list[Any]:
    """See `kerascope.backend`."""
    try:
        return [variable.value for variable in variables]
    except TypeError as error:
        # While Keras trains, variables have no value.
        raise BusyModelError from error


def watch_training(
    variables: Sequence[Any], values: Sequence[Any], steps: Any
) -> Callable[[Exception | None], bool]:
    """See `kerascope.backend`: arrays never change, but training gives their memory to others."""

    def has_interfered(error: Exception | None) -> bool:
        if error is None:
            return False
        try:
            return any(value.is_deleted() for value in (*values, *state(variables)))
        except BusyModelError:
            return True

    return has_interfered
