"""The filters of a layer as a target of kerascope; not a module of keras-vis."""

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
    r"""$\sum_f \mathrm{mean}_x\, A_{xf}$: the filters of a layer, each as its mean over all places, added.

    Of the layer that makes an output of the model, it is the score in front of the softmax.

    Args:
        layer: path of the layer.
        filters: which; None for the mean over all of them.
        place: position of the output that the layer makes, or None for a layer inside the model.
        channels_first: of that output.
    """

    layer: str
    filters: tuple[int, ...] | None = None
    place: int | None = None
    channels_first: bool = False

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.layer,) if self.place is None else ()

    def key(self) -> Hashable:
        count = None if self.filters is None else len(self.filters)
        return ("filters", self.layer, count, self.place, self.channels_first)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return () if self.place is None else (self.place,)

    def arguments(self, context: Context) -> dict[str, Any]:
        if self.place is None:
            channels = context.layer(self.layer)[1]
        else:
            shape = list(context.outputs.values())[self.place]
            channels = 1 if len(shape) < 2 else shape[1 if self.channels_first else -1]
        chosen = np.asarray(checked(self.filters, channels, self.layer), "int32")
        return {"channel": np.broadcast_to(chosen, (context.count, len(chosen))).copy()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        if self.place is None:
            reading = Unit(self.layer, self.filters).read(forward, arguments)
            return Reading(ops.sum(reading.scores, axis=1, keepdims=True))
        scores = means(tree.flatten(forward.scores)[self.place], self.channels_first)
        if self.filters is None:
            return Reading(ops.mean(scores, axis=1, keepdims=True), output=self.place)
        taken = ops.take_along_axis(scores, arguments["channel"], axis=1)
        return Reading(ops.sum(taken, axis=1, keepdims=True), output=self.place)

    def describe(self) -> str:
        chosen = "all" if self.filters is None else ", ".join(map(str, self.filters))
        return f"filters {chosen} of {self.layer}"


def means(tensor: Any, first: bool) -> Any:
    """(N, channels) float32: the mean over all places.

    Args:
        tensor: (N,), or (N, ..., channels).
        first: the channels come first, (N, channels, ...).
    """
    tensor = ops.cast(tensor, "float32")
    if len(tensor.shape) < 2:
        return ops.reshape(tensor, (-1, 1))
    tensor = ops.moveaxis(tensor, 1, -1) if first else tensor
    places = tuple(range(1, len(tensor.shape) - 1))
    return ops.mean(tensor, axis=places) if places else tensor


def as_filters(filter_indices: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """Filter indices as a tuple; None for all filters.

    Raises:
        TargetError: they are no whole numbers, or there are none.
    """
    if filter_indices is None:
        return None
    array = np.atleast_1d(np.asarray(filter_indices))
    if array.dtype.kind not in "iu" or array.ndim > 1 or not array.size:
        raise errors.TargetError(
            "filter_indices must be a whole number, several of them, or None for all; got "
            f"{filter_indices!r}."
        )
    return tuple(array.tolist())


def checked(filters: tuple[int, ...] | None, channels: int, layer: str) -> tuple[int, ...]:
    """The filters, counted from the end where they are negative.

    Raises:
        TargetError: the layer has no such filter.
    """
    for index in filters or ():
        if not -channels <= index < channels:
            raise errors.TargetError(
                f"a filter of {layer!r} must be from 0 to {channels - 1}; got {index}; "
                "get_num_filters(layer) says how many there are."
            )
    return tuple(index % channels for index in filters or ())


def channels_first(layer: keras.Layer, rank: int) -> bool:
    """Whether a layer's output of this rank has its channels first."""
    kind = getattr(layer, "data_format", None) or keras.config.image_data_format()
    return rank > 2 and kind == "channels_first"


def layer_at(model: keras.Model, layer_idx: int) -> keras.Layer:
    """The layer at a position of `model.layers`.

    Raises:
        ParameterError: it is no whole number.
        UnknownLayerError: there is none, or another layer has the same name.
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
            f"a layer must have a name of its own; {layer.name!r} names several of {model.name!r}."
        )
    return layer


def filters_of(
    probe: Probe, layer_idx: int, filter_indices: int | Sequence[int] | None, images: Any
) -> Filters:
    """The target that a layer index and filter indices stand for.

    Args:
        probe: of the model.
        layer_idx: position in `model.layers`.
        filter_indices: see `as_filters`.
        images: what the model is asked about.
    """
    layer = layer_at(probe.model, layer_idx)
    filters = as_filters(filter_indices)
    place, rank = _output_of(probe, layer, images)
    first = place is not None and channels_first(layer, rank)
    return Filters(layer.name, filters, place, first)


def _output_of(probe: Probe, layer: keras.Layer, images: Any) -> tuple[int | None, int]:
    """Which output of the model a layer makes, and its rank; None where it makes none."""
    outputs = getattr(probe.model, "outputs", None)
    if outputs:
        try:
            made = tree.flatten(layer.output)
        except (AttributeError, ValueError):  # it runs more than once
            return None, 0
        for place, output in enumerate(outputs):
            if any(output is tensor for tensor in made):
                return place, len(output.shape)
        return None, 0
    # A subclassed model does not say what its outputs are made from; equal numbers do.
    activation = probe.activations(images, layer.name)
    values = probe.model(images, training=False)
    for place, output in enumerate(map(ops.convert_to_numpy, tree.flatten(values))):
        if (
            output.ndim == 2
            and output.shape == activation.shape
            and np.allclose(output, activation, atol=1e-5)
        ):
            return place, output.ndim
    return None, 0
