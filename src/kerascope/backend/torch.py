"""PyTorch: gradients by `torch.autograd.grad`, eager unless compiled on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel

from kerascope.typing import TensorFunction

compiles = False


def value_and_gradients(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any]]:
        leaves = [leaf.detach().requires_grad_() for leaf in keras.tree.flatten(variables)]
        with torch.enable_grad():
            scores, extra = function(keras.tree.pack_sequence_as(variables, leaves), *rest)
            columns = scores.sum(dim=0).unbind()
        gradients = []
        for number, column in enumerate(columns, start=1):
            if column.requires_grad:
                found = torch.autograd.grad(
                    column, leaves, retain_graph=number < len(columns), allow_unused=True
                )
            else:
                found = (None,) * len(leaves)
            gradients.append(keras.tree.pack_sequence_as(variables, list(found)))
        return scores.detach(), keras.tree.map_structure(_detach, extra), gradients

    return run


def value_gradients_and_hvps(function: TensorFunction, along: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any], list[Any]]:
        leaves = [leaf.detach().requires_grad_() for leaf in keras.tree.flatten(variables)]

        def pack(values: list[Any]) -> Any:
            return keras.tree.pack_sequence_as(variables, values)

        # The faster kernels of attention have no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            scores, extra = function(pack(leaves), *rest)
            directions = [direction.detach() for direction in keras.tree.flatten(along(extra))]
            columns = [_differentiable_gradients(column, leaves) for column in scores.sum(dim=0).unbind()]
            hvps = [pack([*map(_hvp, column, leaves, directions)]) for column in columns]
        gradients = [pack([*map(_detach, column)]) for column in columns]
        return scores.detach(), keras.tree.map_structure(_detach, extra), gradients, hvps

    return run


def _differentiable_gradients(column: Any, leaves: Sequence[Any]) -> Sequence[Any]:
    """The gradients of one column, in a graph that can be differentiated again."""
    if not column.requires_grad:
        return [None] * len(leaves)
    found: Sequence[Any] = torch.autograd.grad(column, leaves, create_graph=True, allow_unused=True)
    return found


def _hvp(gradient: Any, leaf: Any, direction: Any) -> Any:
    """The Hessian-vector product from a gradient in a graph; zeros where the gradient is constant."""
    found = None
    if gradient is not None and gradient.requires_grad:
        found = torch.autograd.grad(
            gradient, leaf, direction.to(gradient.dtype), retain_graph=True, allow_unused=True
        )[0]
    return torch.zeros_like(leaf, requires_grad=False) if found is None else found.detach()


def compile(function: TensorFunction) -> TensorFunction:
    """See `kerascope.backend`."""
    compiled: TensorFunction = torch.compile(function)
    return compiled


def eval_shape(function: TensorFunction, *arguments: Any) -> Any:
    """See `kerascope.backend`.

    Where the shapes depend on the data, as when `call` branches on a value, the data is needed, and used.
    """
    with torch.no_grad():
        try:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode:
                return function(*keras.tree.map_structure(mode.from_tensor, arguments))
        except Exception:  # noqa: BLE001 (of any kind: Keras wraps them; a real fault comes again)
            return function(*arguments)


def connections(function: TensorFunction, variables: Any, *rest: Any) -> set[str]:
    """See `kerascope.backend`: autograd gives no gradient where there is no connection."""
    _, _, columns = eval_shape(value_and_gradients(function), variables, *rest)
    return {name for column in columns for name, gradient in column.items() if gradient is not None}


def belongs_to_trace(tensor: Any, root: Any) -> bool:
    """See `kerascope.backend`: using a tensor that escaped from a vectorised map is an error."""
    try:
        tensor.sum()
    except RuntimeError:
        return False
    return True


def with_custom_gradient(source: Any, value: Any, gate: TensorFunction) -> Any:
    """See `kerascope.backend`."""
    return _CustomGradient.apply(source, value, gate)


class _CustomGradient(torch.autograd.Function):
    """The gradient of `value`, through a gate, to `source`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(source: Any, value: Any, gate: TensorFunction) -> Any:
        # A copy: an operation behind it may work in place.
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.gate = inputs[2]

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return ctx.gate(gradient), None, None


def on_host(value: Any) -> bool:
    """See `kerascope.backend`."""
    return bool(value.device.type == "cpu")


def state(variables: Sequence[Any]) -> list[Any]:
    """See `kerascope.backend`."""
    return [variable.value.detach() for variable in variables]


def watch_training(
    variables: Sequence[Any], state: Sequence[Any], steps: Any
) -> Callable[[Exception | None], bool]:
    """See `kerascope.backend`: weights are changed in place, which tensors count."""
    counted = [value for value in state if not value.is_inference()]
    before = [value._version for value in counted]

    def has_interfered(error: Exception | None) -> bool:
        if before == [value._version for value in counted]:
            return False
        return error is None or "modified by an inplace operation" in str(error)

    return has_interfered


def _detach(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
