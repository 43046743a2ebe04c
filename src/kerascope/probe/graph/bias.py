"""The constants that the layers of a network add: every bias, and where to take the gradient at it.

A network of affine layers and rectifiers is piecewise linear, so that its score is a sum of numbers times
the gradients at them: of each pixel, and of each constant that a layer adds. The constant is the `bias` of a
convolution or dense layer, the shift of a batch normalisation or of a normalisation of the input at
inference, or the offset of a rescaling. The gradient is taken where the constant is added: before the
activation of a layer that has one, else at its output. A rectifier with a ceiling, such as ReLU6, returns a
constant too, wherever it reaches its ceiling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascope.layout import TOKENS
from kerascope.probe.graph.graph import UNKNOWN, Graph, LayerCall
from kerascope.probe.graph.head import heads

_BIASED = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D, layers.Dense, layers.EinsumDense),
    *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
)
_AFFINE = (*_BIASED, layers.BatchNormalization, layers.Rescaling, layers.Normalization)
_LINEAR = frozenset({"linear", "relu", "leaky_relu"})
"""Activations that add no constant of their own, whichever side of zero they are on."""
_NONLINEAR = frozenset(
    {
        *("Attention", "AdditiveAttention", "GroupQueryAttention", "MultiHeadAttention", "ELU", "Softmax"),
        *("Celu", "Elu", "Gelu", "HardSigmoid", "HardSilu", "HardSwish", "HardTanh", "LogSigmoid"),
        *("LogSoftmax", "Mish", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Softsign", "Tanh"),
    }
)
"""Layers and operations, by the names of their classes, that are not piecewise linear without a constant."""


@dataclass(frozen=True)
class BiasSite:
    """A call of a layer that adds a constant.

    Args:
        before: the constant is added before the layer's activation, not to its output.
        ceiling: the constant is this number, wherever the output of the call reaches it.
    """

    name: str
    call: LayerCall
    before: bool
    has_map: bool
    ceiling: float | None = None


@dataclass(frozen=True)
class Biases:
    """Every constant of a model, at one input shape.

    Args:
        sites: where constants are added.
        notes: the constants that could not be found, or have no map.
    """

    sites: tuple[BiasSite, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BiasTerm:
    """The contribution of one layer's constant to the score, in backend tensors.

    Args:
        values: the constant times the gradient at it, float32; (N, *spatial, C) where it has a map.
        has_map: it has a map of the input's dimension.
    """

    values: Any
    has_map: bool


def find_biases(graph: Graph) -> Biases:
    """The constants of a model, and notes about those that are unknown."""
    inside = {call.layer.parent.path for call in graph.calls if call.layer.parent is not None}
    squashing = {(head.operation, head.index) for head in heads(graph) if head is not None}
    sites, unknown, nonlinear, unmapped = [], [], [], []
    for call in graph.calls:
        operation, name = call.layer.operation, graph.name(call)
        ceiling = _ceiling(operation)
        if ceiling is not None and call.untappable is None:
            sites.append(BiasSite(f"{name} at its ceiling", call, False, _has_map(graph, call), ceiling))
        described = f"{name} ({type(operation).__name__})"
        if not isinstance(operation, _AFFINE):
            if _may_add(call):
                unknown.append(described)
            elif (operation, call.index) not in squashing and _is_nonlinear(call, call.layer.path in inside):
                nonlinear.append(described)
            continue
        activation = getattr(operation, "activation", None)
        # An activation that is a layer has a call of its own.
        own = isinstance(activation, keras.Layer)
        if activation is not None and not own and (operation, call.index) not in squashing:
            called = getattr(activation, "__name__", type(activation).__name__)
            if called not in _LINEAR and ceiling is None:
                nonlinear.append(f"{name} ({called})")
        if not _adds(operation):
            continue
        if call.untappable is not None:
            unknown.append(described)
            continue
        site = BiasSite(name, call, activation is not None, _has_map(graph, call))
        if not site.has_map and call.layout is not None and call.layout.positions > 1:
            unmapped.append(described)
        sites.append(site)
    messages = (
        (unknown, "biases are not known, and left out, of"),
        (nonlinear, "the terms need not sum to the score, since not piecewise linear without a constant are"),
        (unmapped, "biases are not drawn, for want of the input's spatial axes, of"),
    )
    return Biases(
        tuple(sites), tuple(f"{message} {_join_names(names)}" for names, message in messages if names)
    )


def constant(operation: keras.Operation) -> Any:
    """The constant of an affine layer, in a shape that fits its output; to be read during its call."""
    if isinstance(operation, layers.BatchNormalization):
        deviation = ops.sqrt(_float32(operation.moving_variance) + operation.epsilon)
        value = -_float32(operation.moving_mean) / deviation
        if operation.scale:
            value *= _float32(operation.gamma)
        if operation.center:
            value += _float32(operation.beta)
        return value
    if isinstance(operation, layers.Rescaling):
        return _float32(operation.offset)
    if isinstance(operation, layers.Normalization):
        mean, variance = _float32(operation.mean), _float32(operation.variance)
        return mean if operation.invert else -mean / ops.maximum(ops.sqrt(variance), keras.config.epsilon())
    return _float32(operation.bias)


class BiasTaps:
    """Taps of one forward pass that add `deltas` to constants, and read these."""

    def __init__(self, sites: Sequence[BiasSite], deltas: Mapping[str, Any]) -> None:
        self._deltas = deltas
        self._sites = {(site.call.layer.operation, site.call.index, site.before): site for site in sites}
        self.constants: dict[str, Any] = {}
        self.operations = [site.call.layer.operation for site in sites if not site.before]

    def arguments(self) -> dict[tuple[keras.Operation, str], Callable[[int, Any], Any]]:
        """The replacement of the argument of each activation that a constant is added before."""
        return {
            (operation, "activation"): self._argument(operation)
            for operation, _, before in self._sites
            if before
        }

    def apply(self, operation: keras.Operation, index: int, value: Any, before: bool = False) -> Any:
        """The output of a call, or the argument of its activation, with its delta."""
        site = self._sites.get((operation, index, before))
        if site is None:
            return value
        if site.ceiling is not None:
            found = ops.where(value >= site.ceiling, site.ceiling, 0.0)
        else:
            found = _along_channels(operation, constant(operation), value)
        self.constants[site.name] = found
        return value + self._deltas[site.name]

    def _argument(self, operation: keras.Operation) -> Callable[[int, Any], Any]:
        return lambda index, value: self.apply(operation, index, value, before=True)


def _along_channels(operation: keras.Operation, value: Any, output: Any) -> Any:
    """A vector of channels in a shape that fits the layer's output."""
    axis = -1
    if isinstance(operation, layers.BatchNormalization):
        axis = operation.axis
    elif len(value.shape) == 1 and getattr(operation, "data_format", None) == "channels_first":
        axis = 1
    if len(value.shape) != 1 or axis in (-1, len(output.shape) - 1):
        return value
    return ops.reshape(value, [-1 if other == axis else 1 for other in range(len(output.shape))])


def _float32(value: Any) -> Any:
    return ops.cast(ops.convert_to_tensor(value), "float32")


def _adds(operation: keras.Operation) -> bool:
    if isinstance(operation, _BIASED):
        return getattr(operation, "bias", None) is not None
    return not isinstance(operation, layers.Rescaling) or bool(np.any(operation.offset))


def _may_add(call: LayerCall) -> bool:
    """Whether an operation that is no affine layer may add an unknown constant."""
    operation = call.layer.operation
    plus_number = type(operation).__name__ in ("Add", "Subtract") and len(call.sources) < 2
    return plus_number or (_own_weights(operation) and not isinstance(operation, layers.PReLU))


def _has_map(graph: Graph, call: LayerCall) -> bool:
    if call.layout is None or call.layout.positions < 2 or graph.image is None:
        return False
    if isinstance(call.layer.operation, layers.EinsumDense) and call.layout.kind != TOKENS:
        # It may make an axis that is not spatial, for the heads of attention.
        source = call.sources[0] if call.sources else UNKNOWN
        before = graph.calls[source].layout if source >= 0 else None
        if call.layout.spatial != (before.spatial if before else graph.image):
            return False
    return len(call.layout.spatial) == len(graph.image)


def _is_nonlinear(call: LayerCall, contains: bool) -> bool:
    operation, kind = call.layer.operation, type(call.layer.operation).__name__
    if kind == "Multiply":
        return len(call.sources) > 1
    if _ceiling(operation) is not None:
        return False
    if isinstance(operation, layers.ReLU):
        return operation.max_value is not None or bool(operation.threshold)
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", kind) not in _LINEAR
    return kind in _NONLINEAR or (not contains and isinstance(operation, layers.RNN))


def _ceiling(operation: keras.Operation) -> float | None:
    """The ceiling of an operation that is a rectifier with one, or ends in one; else None."""
    if isinstance(operation, layers.ReLU):
        bounded = operation.max_value is not None and not operation.threshold
        return float(operation.max_value) if bounded else None
    ends = isinstance(operation, (*_AFFINE, layers.Activation))
    activation = getattr(operation, "activation", None) if ends else None
    return 6.0 if getattr(activation, "__name__", type(operation).__name__) in ("relu6", "Relu6") else None


def _own_weights(operation: keras.Operation) -> bool:
    """Whether a layer has weights that none of the layers inside it has."""
    if not isinstance(operation, keras.Layer):
        return False
    inner = operation._flatten_layers(include_self=False, recursive=True)
    inner_weights = {id(weight) for layer in inner for weight in layer.weights}
    return any(id(weight) not in inner_weights for weight in operation.weights)


def _join_names(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
