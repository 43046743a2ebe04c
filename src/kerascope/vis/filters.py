"""Filters of a layer as a target of kerascope; not in keras-vis."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.probe import Probe
from kerascope.target import Context, Forward, Reading, Target, Unit


@dataclass(frozen=True)
class Filters(Target):
    r"""$\sum_f \mathrm{mean}_x\, A_{xf}$: the sum over filters of a layer of their means over all positions.

    For a layer that computes an output of the model, the score before the softmax is used.

    Args:
        layer: path of the layer.
        filters: indices of the filters; None for the mean over all filters.
        output: index of the output that the layer computes, or None for a layer inside the model.
        channels_first: whether that output has its channels first.
    """

    layer: str
    filters: tuple[int, ...] | None = None
    output: int | None = None
    channels_first: bool = False

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.layer,) if self.output is None else ()

    def key(self) -> Hashable:
        count = None if self.filters is None else len(self.filters)
        return ("filters", self.layer, count, self.output, self.channels_first)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return () if self.output is None else (self.output,)

    def arguments(self, context: Context) -> dict[str, Any]:
        if self.output is None:
            channels = context.layer(self.layer)[1]
        else:
            shape = list(context.outputs.values())[self.output]
            channels = 1 if len(shape) < 2 else shape[1 if self.channels_first else -1]
        indices = np.asarray(normalize_filters(self.filters, channels, self.layer), "int32")
        return {"channel": np.broadcast_to(indices, (context.count, len(indices))).copy()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        if self.output is None:
            reading = Unit(self.layer, self.filters).read(forward, arguments)
            return Reading(ops.sum(reading.scores, axis=1, keepdims=True))
        scores = means(tree.flatten(forward.scores)[self.output], self.channels_first)
        if self.filters is None:
            return Reading(ops.mean(scores, axis=1, keepdims=True), output=self.output)
        selected = ops.take_along_axis(scores, arguments["channel"], axis=1)
        return Reading(ops.sum(selected, axis=1, keepdims=True), output=self.output)

    def describe(self) -> str:
        filters = "all" if self.filters is None else ", ".join(map(str, self.filters))
        return f"filters {filters} of {self.layer}"


def means(tensor: Any, first: bool) -> Any:
    """Return the mean over all positions, (N, channels) float32.

    Args:
        tensor: (N,), or (N, ..., channels).
        first: whether channels come first, (N, channels, ...).
    """
    tensor = ops.cast(tensor, "float32")
    if len(tensor.shape) < 2:
        return ops.reshape(tensor, (-1, 1))
    tensor = ops.moveaxis(tensor, 1, -1) if first else tensor
    axes = tuple(range(1, len(tensor.shape) - 1))
    return ops.mean(tensor, axis=axes) if axes else tensor


def as_filters(filter_indices: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """Convert filter indices to a tuple; None for all filters.

    Raises:
        TargetError: the indices are not whole numbers, or there are none.
    """
    if filter_indices is None:
        return None
    array = np.atleast_1d(np.asarray(filter_indices))
    if array.dtype.kind not in "iu" or array.ndim > 1 or not array.size:
        raise errors.TargetError(
            "filter_indices must be a whole number, several whole numbers, or None for all; got "
            f"{filter_indices!r}."
        )
    return tuple(array.tolist())


def normalize_filters(filters: tuple[int, ...] | None, channels: int, layer: str) -> tuple[int, ...]:
    """Return filter indices without negative ones.

    Raises:
        TargetError: the layer has no such filter.
    """
    for index in filters or ():
        if not -channels <= index < channels:
            raise errors.TargetError(
                f"a filter of {layer!r} must be from 0 to {channels - 1}; got {index}; "
                "get_num_filters(layer) returns their number."
            )
    return tuple(index % channels for index in filters or ())


def channels_first(layer: keras.Layer, rank: int) -> bool:
    """Whether a layer's output of this rank has its channels first."""
    kind = getattr(layer, "data_format", None) or keras.config.image_data_format()
    return rank > 2 and kind == "channels_first"


def layer_at(model: keras.Model, layer_idx: int) -> keras.Layer:
    """Return the layer at a position of `model.layers`.

    Raises:
        ParameterError: the position is not a whole number.
        UnknownLayerError: there is no such layer, or another layer has the same name.
    """
    layers = model.layers
    if isinstance(layer_idx, bool) or not isinstance(layer_idx, int | np.integer):
        raise errors.ParameterError(
            f"a layer index must be a whole number; got {layer_idx!r}; utils.find_layer_idx(model, name) "
            "finds it."
        )
    if not -len(layers) <= layer_idx < len(layers):
        raise errors.UnknownLayerError(
            f"a layer index must be from 0 to {len(layers) - 1}; got {layer_idx}; "
            "utils.find_layer_idx(model, name) finds it."
        )
    layer = layers[layer_idx]
    if [other.name for other in layers].count(layer.name) > 1:
        raise errors.UnknownLayerError(
            f"a layer must have a unique name; {layer.name!r} names several layers of {model.name!r}."
        )
    return layer


def filters_of(
    probe: Probe, layer_idx: int, filter_indices: int | Sequence[int] | None, images: Any
) -> Filters:
    """Return the target of a layer index and filter indices.

    Args:
        probe: of the model.
        layer_idx: position in `model.layers`.
        filter_indices: see `as_filters`.
        images: inputs of the model.
    """
    layer = layer_at(probe.model, layer_idx)
    filters = as_filters(filter_indices)
    output, rank = _find_output(probe, layer, images)
    first = output is not None and channels_first(layer, rank)
    return Filters(layer.name, filters, output, first)


def _find_output(probe: Probe, layer: keras.Layer, images: Any) -> tuple[int | None, int]:
    """Return the index and rank of the output that a layer computes; None and 0 if there is none."""
    outputs = getattr(probe.model, "outputs", None)
    if outputs:
        try:
            tensors = tree.flatten(layer.output)
        except (AttributeError, ValueError):  # the layer runs more than once
            return None, 0
        for index, output in enumerate(outputs):
            if any(output is tensor for tensor in tensors):
                return index, len(output.shape)
        return None, 0
    # A subclassed model has no graph: its outputs are recognised by equal values.
    activation = probe.activations(images, layer.name)
    values = probe.model(images, training=False)
    for index, output in enumerate(map(ops.convert_to_numpy, tree.flatten(values))):
        if (
            output.ndim == 2
            and output.shape == activation.shape
            and np.allclose(output, activation, atol=1e-5)
        ):
            return index, output.ndim
    return None, 0
