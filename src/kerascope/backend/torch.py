"""PyTorch: gradients by `torch.autograd.grad`, eager unless `torch.compile` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel

Function = Callable[..., Any]

compiles = False


def value_and_gradients(function: Function) -> Function:
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


def curvatures(function: Function, along: Function) -> Function:
    """See `kerascope.backend`."""

    def run(variables: Any, *rest: Any) -> tuple[Any, Any, list[Any], list[Any]]:
        leaves = {name: leaf.detach().requires_grad_() for name, leaf in variables.items()}
        # The faster kernels of attention have no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            scores, extra = function(leaves, *rest)
            directions = keras.tree.map_structure(_detach, along(extra))
            columns = scores.sum(dim=0).unbind()
            slopes = [_slopes(column, leaves) for column in columns]
            curved = [
                {name: _bent(slope[name], leaves[name], directions[name]) for name in leaves}
                for slope in slopes
            ]
        gradients = [{name: _detach(value) for name, value in slope.items()} for slope in slopes]
        return scores.detach(), keras.tree.map_structure(_detach, extra), gradients, curved

    return run


def _slopes(column: Any, leaves: dict[str, Any]) -> dict[str, Any]:
    """The gradients of one column, in a graph that can be differentiated again."""
    found: Any = (None,) * len(leaves)
    if column.requires_grad:
        found = torch.autograd.grad(column, list(leaves.values()), create_graph=True, allow_unused=True)
    return dict(zip(leaves, found, strict=True))


def _bent(slope: Any, leaf: Any, direction: Any) -> Any:
    """How a gradient changes along a direction; zeros where it does not."""
    found = None
    if slope is not None and slope.requires_grad:
        found = torch.autograd.grad(
            slope, leaf, direction.to(slope.dtype), retain_graph=True, allow_unused=True
        )[0]
    return torch.zeros_like(leaf, requires_grad=False) if found is None else found.detach()


def compile(function: Function) -> Function:
    """See `kerascope.backend`."""
    compiled: Function = torch.compile(function)
    return compiled


def abstract(function: Function, *arguments: Any) -> Any:
    """See `kerascope.backend`.

    Where the shapes depend on the data, as when `call` branches on a value, the data is needed, and used.
    """
    with torch.no_grad():
        try:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode:
                return function(*keras.tree.map_structure(mode.from_tensor, arguments))
        except Exception:  # noqa: BLE001 (of any kind: Keras wraps them; a real fault comes again)
            return function(*arguments)


def depends(function: Function, variable: Any, *rest: Any) -> bool:
    """See `kerascope.backend`: autograd knows, so a missing gradient has already said it."""
    return True


def outlives(tensor: Any, root: Any) -> bool:
    """See `kerascope.backend`: using a tensor that escaped from a vectorised map is an error."""
    try:
        tensor.sum()
    except RuntimeError:
        return False
    return True


def rerouted(source: Any, value: Any, gate: Function) -> Any:
    """See `kerascope.backend`."""
    return _Rerouted.apply(source, value, gate)


class _Rerouted(torch.autograd.Function):
    """The gradient of `value`, through a gate, to `source`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(source: Any, value: Any, gate: Function) -> Any:
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


def watch(variables: Sequence[Any], state: Sequence[Any], steps: Any) -> Callable[[Exception | None], bool]:
    """See `kerascope.backend`: weights are changed in place, which tensors count."""
    counted = [value for value in state if not value.is_inference()]
    before = [value._version for value in counted]

    def disturbed(error: Exception | None) -> bool:
        if before == [value._version for value in counted]:
            return False
        return error is None or "modified by an inplace operation" in str(error)

    return disturbed


def _detach(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
