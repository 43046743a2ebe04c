"""Whether a layer is followed by a mean over space and one linear layer alone, as CAM needs it."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from kerascope import errors
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import head_call, make_context, score_producer
from kerascope.target import Target

_UNCHANGING = (
    *(layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D),
    *(layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout),
    *(layers.ActivityRegularization, layers.Identity),
)
"""Layers that pass their input on at inference."""
_RESHAPING = (layers.Flatten, layers.Reshape)
_POOLING = (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D)
_MAXIMA = (layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D)
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)


def check_pooled_head(graph: Graph, names: tuple[str, ...], target: Target) -> None:
    """Check that the explained score is linear in the mean over space of each layer.

    Args:
        graph: of the model.
        names: full paths of the layers.
        target: the explained target. Where it reads a layer, such as `Unit`, that layer is the end of the
            way, and its mean over space the pooling.

    Raises:
        HeadError: something else lies between a layer and the score, or the way cannot be followed.
    """
    context = make_context(graph, graph.batch, None)
    read = target.outputs(context)
    outputs = range(len(graph.outputs)) if read is None else read
    for layer in names:
        named = graph.find_call(layer)
        explained = graph.calls[named.producer] if named.producer >= 0 else named
        for output in outputs:
            _BackwardPath(graph, explained, layer).follow(score_producer(graph, output))
        for source in target.layers:
            _BackwardPath(graph, explained, layer, pooled=True).follow(graph.find_call(source).number)


def pooling_behind(graph: Graph, call: LayerCall, sources: Sequence[int]) -> tuple[LayerCall, str] | None:
    """The global pooling that alone reads a layer on the way to the score.

    Returns:
        The call of the global pooling, and `"mean"` or `"max"`; None where there is none.
    """
    for other in graph.calls[call.number + 1 :]:
        kind = pooling_kind(graph, other)
        if kind is None or other.sources != (call.number,) or other.untappable is not None:
            continue
        needed = graph.upstream(sources, other.number)
        if needed is not None and call.number not in needed:
            return other, kind
    return None


def pooling_kind(graph: Graph, call: LayerCall) -> str | None:
    """The kind of a global pooling over space, `"mean"` or `"max"`; None where the call is none."""
    if isinstance(call.layer.operation, _POOLING) or _is_mean(graph, call):
        return "mean"
    return "max" if isinstance(call.layer.operation, _MAXIMA) else None


def _is_mean(graph: Graph, call: LayerCall) -> bool:
    """Whether it is the bare operation of a mean over the spatial axes alone."""
    return type(call.layer.operation).__name__ == "Mean" and reduces_space(graph, call)


def reduces_space(graph: Graph, call: LayerCall) -> bool:
    """Whether a bare operation reduces the spatial axes of its input, and no others."""
    axes = getattr(call.layer.operation, "axis", None)
    if axes is None or call.sources[0] < 0:
        return False
    before = graph.calls[call.sources[0]]
    if before.layout is None:
        return False
    rank = len(before.shape)
    wanted = range(2, rank) if before.layout.kind == "channels_first" else range(1, rank - 1)
    given = axes if isinstance(axes, tuple | list) else (axes,)
    return sorted(axis % rank for axis in given) == list(wanted)


class _BackwardPath:
    """The walk from a score back to a layer."""

    def __init__(self, graph: Graph, explained: LayerCall, layer: str, pooled: bool = False) -> None:
        self.graph, self.explained, self.layer = graph, explained, layer
        self.pooled, self.linear = pooled, False

    def follow(self, source: int) -> None:
        """Walk back, one call at a time, until the layer."""
        head = None if self.pooled else head_call(self.graph, source)
        if head is not None and not getattr(head.layer.operation, "weights", None):
            source = head.sources[0]
        while source != self.explained.number:
            if source < 0:
                raise self._error("an operation that is no layer, or a way that does not come from it")
            call = self.graph.calls[source]
            if call.producer != call.number and call.producer >= 0:
                source = call.producer
                continue
            self._pass(call, is_head=call is head)
            if len(call.sources) != 1:
                raise self._error(f"{self.graph.name(call)!r}, which joins several tensors")
            source = call.sources[0]
        if not self.pooled:
            raise self._error("no mean over space")

    def _pass(self, call: LayerCall, is_head: bool) -> None:
        operation = call.layer.operation
        if isinstance(operation, _UNCHANGING) or (
            isinstance(operation, _RESHAPING) and self._keeps_channels(call)
        ):
            return
        if not self.pooled and (isinstance(operation, _POOLING) or _is_mean(self.graph, call)):
            self.pooled = True
        elif not self.linear and _is_linear(operation, is_head):
            self.linear = True
        else:
            raise self._error(f"{self.graph.name(call)!r} ({type(operation).__name__})")

    def _keeps_channels(self, call: LayerCall) -> bool:
        """Whether reshaping keeps channels apart: behind the pooling it may do anything."""
        if not self.pooled:
            return True
        return call.sources[0] >= 0 and self.graph.calls[call.sources[0]].shape[-1] == call.shape[-1]

    def _error(self, found: str) -> errors.HeadError:
        return errors.HeadError(
            f"CAM needs the layer {self.layer!r} to be followed by global average pooling and one linear "
            f"layer (Dense or 1x1 convolution) alone; found {found}; use HiResCAM, which takes any head, or "
            "another layer."
        )


def _is_linear(operation: keras.Operation, is_head: bool) -> bool:
    """Whether it is a Dense layer or a 1x1 convolution; the softmax or sigmoid of a head is left out."""
    if not is_head and getattr(operation, "activation", None) is not keras.activations.linear:
        return False
    if isinstance(operation, layers.Dense):
        return True
    if not isinstance(operation, _CONVOLUTIONS):
        return False
    return all(size == 1 for size in (*operation.kernel_size, *operation.strides))
