"""The constants that a network adds on its way: every bias, and where to take the gradient at it.

A network of affine layers and rectifiers is piecewise linear, so that its score is the sum, over all that it
is made of, of a number times the gradient at it: of each pixel, and of each constant that a layer adds. The
constant is the `bias` of a convolution or dense layer, what a batch normalisation or a normalisation of the
input comes down to at inference, or the offset of a rescaling. The gradient is taken where the constant is
added: before the activation of a layer that has one, else at its output. A rectifier with a ceiling, such as
ReLU6, returns a constant too, wherever its ceiling is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascope.layout import TOKENS
from kerascope.probe.graph.graph import UNKNOWN, Run, Survey
from kerascope.probe.graph.head import heads

_BIASED = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D, layers.Dense, layers.EinsumDense),
    *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
)
_AFFINE = (*_BIASED, layers.BatchNormalization, layers.Rescaling, layers.Normalization)
_LINEAR = frozenset({"linear", "relu", "leaky_relu"})
"""Activations that add no constant of their own, whichever side of zero they are on."""
_CURVED = frozenset(
    {
        *("Attention", "AdditiveAttention", "GroupQueryAttention", "MultiHeadAttention", "ELU", "Softmax"),
        *("Celu", "Elu", "Gelu", "HardSigmoid", "HardSilu", "HardSwish", "HardTanh", "LogSigmoid"),
        *("LogSoftmax", "Mish", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Softsign", "Tanh"),
    }
)
"""Layers and operations, by the names of their classes, that are not piecewise linear without a constant."""


@dataclass(frozen=True)
class Site:
    """A run of a layer that adds a constant.

    Args:
        name: of the run.
        run: the run.
        before: the constant is added before the layer's activation, not to what it returns.
        drawn: it has a map of the input's dimension.
        ceiling: the constant is this number, where that is what the run returns.
    """

    name: str
    run: Run
    before: bool
    drawn: bool
    ceiling: float | None = None


@dataclass(frozen=True)
class Biases:
    """Every constant of a model, at one input shape.

    Args:
        sites: where constants are added.
        notes: what could not be found, and what could not be drawn.
    """

    sites: tuple[Site, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """What one layer's constant adds to the score, in backend tensors.

    Args:
        values: the constant times the gradient at it, float32; (N, *spatial, C) where it is drawn.
        drawn: it has a map of the input's dimension.
    """

    values: Any
    drawn: bool


def biases(survey: Survey) -> Biases:
    """Where constants are added, and which ones are not known."""
    inside = {run.place.parent.path for run in survey.runs if run.place.parent is not None}
    squashing = {(head.operation, head.index) for head in heads(survey) if head is not None}
    sites, unknown, curved, undrawn = [], [], [], []
    for run in survey.runs:
        operation, name = run.place.operation, survey.name(run)
        ceiling = _ceiling(operation)
        if ceiling is not None and run.fault is None:
            sites.append(Site(f"{name} at its ceiling", run, False, _is_drawn(survey, run), ceiling))
        described = f"{name} ({type(operation).__name__})"
        if not isinstance(operation, _AFFINE):
            if _may_add(run):
                unknown.append(described)
            elif (operation, run.index) not in squashing and _is_curved(run, run.place.path in inside):
                curved.append(described)
            continue
        activation = getattr(operation, "activation", None)
        # An activation that is a layer has a run of its own.
        own = isinstance(activation, keras.Layer)
        if activation is not None and not own and (operation, run.index) not in squashing:
            called = getattr(activation, "__name__", type(activation).__name__)
            if called not in _LINEAR and ceiling is None:
                curved.append(f"{name} ({called})")
        if not _adds(operation):
            continue
        if run.fault is not None:
            unknown.append(described)
            continue
        site = Site(name, run, activation is not None, _is_drawn(survey, run))
        if not site.drawn and run.layout is not None and run.layout.positions > 1:
            undrawn.append(described)
        sites.append(site)
    told = (
        (unknown, "biases are not known, and left out, of"),
        (curved, "the terms need not sum to the score, since not piecewise linear without a constant are"),
        (undrawn, "biases are not drawn, for want of the input's spatial axes, of"),
    )
    return Biases(tuple(sites), tuple(f"{what} {_listed(names)}" for names, what in told if names))


def constant(operation: keras.Operation) -> Any:
    """What an affine layer adds, in a shape that goes with what it returns; to be read inside of its call."""
    if isinstance(operation, layers.BatchNormalization):
        spread = ops.sqrt(_float32(operation.moving_variance) + operation.epsilon)
        value = -_float32(operation.moving_mean) / spread
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
    """What is put into one forward pass to add `pushes` where constants are added, and to read these.

    Attributes:
        constants: of each site that was met, by name.
    """

    def __init__(self, sites: Sequence[Site], pushes: Mapping[str, Any]) -> None:
        self._pushes = pushes
        self._sites = {(site.run.place.operation, site.run.index, site.before): site for site in sites}
        self.constants: dict[str, Any] = {}
        self.operations = [site.run.place.operation for site in sites if not site.before]

    def arguments(self) -> dict[tuple[keras.Operation, str], Callable[[int, Any], Any]]:
        """For each activation that a constant is added before: what to give it instead."""
        return {
            (operation, "activation"): self._argument(operation)
            for operation, _, before in self._sites
            if before
        }

    def apply(self, operation: keras.Operation, index: int, value: Any, before: bool = False) -> Any:
        """What a run returns, or gives its activation, with what is pushed there."""
        site = self._sites.get((operation, index, before))
        if site is None:
            return value
        if site.ceiling is not None:
            found = ops.where(value >= site.ceiling, site.ceiling, 0.0)
        else:
            found = _along_channels(operation, constant(operation), value)
        self.constants[site.name] = found
        return value + self._pushes[site.name]

    def _argument(self, operation: keras.Operation) -> Callable[[int, Any], Any]:
        return lambda index, value: self.apply(operation, index, value, before=True)


def _along_channels(operation: keras.Operation, value: Any, output: Any) -> Any:
    """A vector of channels in a shape that goes with the layer's output."""
    axis = -1
    if isinstance(operation, layers.BatchNormalization):
        axis = operation.axis
    elif len(value.shape) == 1 and getattr(operation, "data_format", None) == "channels_first":
        axis = 1
    if len(value.shape) != 1 or axis in (-1, len(output.shape) - 1):
        return value
    return ops.reshape(value, [-1 if place == axis else 1 for place in range(len(output.shape))])


def _float32(value: Any) -> Any:
    return ops.cast(ops.convert_to_tensor(value), "float32")


def _adds(operation: keras.Operation) -> bool:
    if isinstance(operation, _BIASED):
        return getattr(operation, "bias", None) is not None
    return not isinstance(operation, layers.Rescaling) or bool(np.any(operation.offset))


def _may_add(run: Run) -> bool:
    """Whether an operation that is no affine layer may add a constant that nobody knows."""
    operation = run.place.operation
    plus_number = type(operation).__name__ in ("Add", "Subtract") and len(run.sources) < 2
    return plus_number or (_own_weights(operation) and not isinstance(operation, layers.PReLU))


def _is_drawn(survey: Survey, run: Run) -> bool:
    if run.layout is None or run.layout.positions < 2 or survey.image is None:
        return False
    if isinstance(run.place.operation, layers.EinsumDense) and run.layout.kind != TOKENS:
        # It may make an axis that is not spatial, for the heads of attention.
        source = run.sources[0] if run.sources else UNKNOWN
        before = survey.runs[source].layout if source >= 0 else None
        if run.layout.spatial != (before.spatial if before else survey.image):
            return False
    return len(run.layout.spatial) == len(survey.image)


def _is_curved(run: Run, contains: bool) -> bool:
    operation, kind = run.place.operation, type(run.place.operation).__name__
    if kind == "Multiply":
        return len(run.sources) > 1
    if _ceiling(operation) is not None:
        return False
    if isinstance(operation, layers.ReLU):
        return operation.max_value is not None or bool(operation.threshold)
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", kind) not in _LINEAR
    return kind in _CURVED or (not contains and isinstance(operation, layers.RNN))


def _ceiling(operation: keras.Operation) -> float | None:
    """The most that an operation returns, where it is a rectifier with a ceiling or ends in one."""
    if isinstance(operation, layers.ReLU):
        bounded = operation.max_value is not None and not operation.threshold
        return float(operation.max_value) if bounded else None
    ends = isinstance(operation, (*_AFFINE, layers.Activation))
    activation = getattr(operation, "activation", None) if ends else None
    return 6.0 if getattr(activation, "__name__", type(operation).__name__) in ("relu6", "Relu6") else None


def _own_weights(operation: keras.Operation) -> bool:
    """Whether a layer holds weights that none of the layers inside it holds."""
    if not isinstance(operation, keras.Layer):
        return False
    inner = operation._flatten_layers(include_self=False, recursive=True)
    held = {id(weight) for layer in inner for weight in layer.weights}
    return any(id(weight) not in held for weight in operation.weights)


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
