"""One forward pass without data, in which every layer call is recorded: the graph of a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from kerascope import backend
from kerascope.layout import CHANNELS_FIRST, CHANNELS_LAST, GREY, TOKENS, Layout, read_layout
from kerascope.probe.graph.call_order import number_calls
from kerascope.probe.graph.graph import (
    INPUT,
    OTHER_INPUT,
    UNKNOWN,
    ActivationCall,
    Graph,
    LayerCall,
    ModelOutput,
)
from kerascope.probe.intercept.tap import (
    ACTIVATIONS,
    ActivationHook,
    StandIn,
    tap_functions,
    tap_operations,
)
from kerascope.probe.layer_ref import LayerRef, find_layers


def trace_graph(
    run_model: Callable[[Any], Any], model: keras.Model, inputs: Any, explained: int | None
) -> Graph:
    """Run `run_model(inputs)` once without data and record every operation of the model."""
    layers = tuple(find_layers(model))

    def record(tensors: Any) -> Graph:
        recorder = _Recorder(layers)
        outputs = recorder.record(run_model, model, tensors)
        return recorder.build(model, tree.flatten(tensors), explained, outputs)

    graph: Graph = backend.current().eval_shape(record, inputs)
    return graph


class _RecordedCall(NamedTuple):
    """One call as it ended: the tensors it was given, and those it returned."""

    layer: LayerRef
    call_index: int
    arguments: list[Any]
    tensors: list[Any]


class _Recorder:
    def __init__(self, layers: tuple[LayerRef, ...]) -> None:
        self.layers = layers
        self.calls: list[_RecordedCall] = []
        self.squashing: set[int] = set()
        self._starts: dict[tuple[int, int], int] = {}
        self._results: dict[int, list[Any]] = {}
        self._activations: list[tuple[str, Any, Any]] = []

    def record(self, run_model: Callable[[Any], Any], model: keras.Model, inputs: Any) -> Any:
        """Run the model, and return its outputs."""
        hooks = {layer.operation: self._hook(layer) for layer in self.layers}
        spies = {
            (layer.operation, "activation"): self._spy(layer.operation)
            for layer in self.layers
            if _may_squash(layer.operation)
        }
        starts = {layer.operation: self._note_start(layer.operation) for layer in self.layers}
        by_name = tap_functions(ACTIVATIONS, self._note_activation)
        with tap_operations([model, *hooks], hooks, spies, stand_ins=starts), by_name:
            return run_model(inputs)

    def build(self, model: keras.Model, inputs: list[Any], explained: int | None, outputs: Any) -> Graph:
        """The graph of the calls that were recorded."""
        # While `calls` holds the tensors, `id` tells them apart. The first call that returns a tensor is its
        # source: what returns it later only passes it through. A call that started before that was given
        # what an operator in a `call` made.
        source = {
            id(tensor): INPUT if explained in (None, index) else OTHER_INPUT
            for index, tensor in enumerate(inputs)
        }
        for number, recorded in enumerate(self.calls):
            source.setdefault(id(recorded.tensors[0]), number)
        activation_calls = {id(result): number for number, (_, _, result) in enumerate(self._activations)}
        image_layout = None if explained is None else self._image_layout(tuple(inputs[explained].shape))
        image = image_layout.spatial if image_layout else None
        calls = self._layer_calls(model, inputs, source, activation_calls, image)
        found = (
            ModelOutput(
                "/".join(map(str, path)) or "output",
                tuple(tensor.shape),
                source.get(id(tensor), UNKNOWN),
                activation_calls.get(id(tensor)),
            )
            for path, tensor in tree.flatten_with_path(outputs)
        )
        activations = (
            ActivationCall(name, tuple(score.shape), source.get(id(score), UNKNOWN))
            for name, score, _ in self._activations
        )
        batch = inputs[explained or 0].shape[0]
        return Graph(
            self.layers,
            tuple(calls),
            tuple(found),
            batch,
            image,
            image_layout,
            activation_calls=tuple(activations),
        )

    def _layer_calls(
        self,
        model: keras.Model,
        inputs: list[Any],
        source: dict[int, int],
        activation_calls: dict[int, int],
        image: tuple[int, ...] | None,
    ) -> list[LayerCall]:
        every = frozenset(range(len(inputs)))
        leads = {id(tensor): frozenset({index}) for index, tensor in enumerate(inputs)}
        batch = inputs[0].shape[0]
        formats: dict[int, str] = {}
        numbers: dict[int, int] = {}
        default = keras.config.image_data_format()
        node_indices = number_calls(model, [(layer, index) for layer, index, _, _ in self.calls])
        calls: list[LayerCall] = []
        for number, (layer, index, arguments, tensors) in enumerate(self.calls):
            tensor = tensors[0]
            shape = tuple(tensor.shape)
            start = self._starts[id(layer.operation), index]
            origins = (source.get(id(argument), UNKNOWN) for argument in arguments)
            sources = tuple(origin if origin < start else UNKNOWN for origin in origins)
            formats[number] = _format(layer.operation, shape, sources, formats, calls) or default
            untappable = _reason_untappable(tensor, shape, batch, inputs[0])
            leading = (
                calls[origin].inputs if origin >= 0 else leads.get(id(argument), every)
                for origin, argument in zip(sources, arguments, strict=True)
            )
            calls.append(
                LayerCall(
                    number=number,
                    start=start,
                    layer=layer,
                    index=index,
                    node_index=node_indices[number],
                    shape=shape,
                    dtype=keras.backend.standardize_dtype(tensor.dtype),
                    layout=None if untappable else _layout(layer, shape, formats[number], image, calls),
                    sources=sources,
                    given=tuple(numbers.setdefault(id(argument), len(numbers)) for argument in arguments),
                    untappable=untappable,
                    producer=source[id(tensor)],
                    squashes=number in self.squashing,
                    sees_image=any(
                        calls[origin].sees_image if origin >= 0 else origin != OTHER_INPUT
                        for origin in sources
                    ),
                    inputs=frozenset[int]().union(*leading),
                    tensors=len(tensors),
                    activation_call=activation_calls.get(id(tensor)),
                )
            )
        return calls

    def _image_layout(self, shape: tuple[int, ...]) -> Layout | None:
        if len(shape) == 3 and self._is_grey(*shape):
            return Layout(GREY, shape[1:], 1)
        own = _likely_format(shape)
        for layer, *_ in self.calls:
            if not type(layer.operation).__module__.startswith(("keras.src.layers", "keras.src.ops")):
                break  # it may turn the picture: the formats of layers behind it say nothing
            permuted = _format_after_permute(layer.operation)
            if permuted is not None:
                own = CHANNELS_LAST if permuted == CHANNELS_FIRST else CHANNELS_FIRST
                break
            if found := _own_format(layer.operation):
                own = found
                break
        return read_layout(shape, own, None)

    def _is_grey(self, count: int, height: int, width: int) -> bool:
        """Whether an input (N, H, W) is a picture without a channel axis, not a sequence of features.

        It is one where it gets a channel axis, or is flattened, before any layer with weights reads it.
        """
        pictures = {(count, height, width, 1), (count, 1, height, width), (count, height * width)}
        for layer, _, arguments, (output, *_) in self.calls:
            if pictures & {tuple(tensor.shape) for tensor in (*arguments, output)}:
                return True
            learns = getattr(layer.operation, "weights", None)
            learns = learns and not isinstance(layer.operation, keras.layers.Normalization)
            if learns or tuple(output.shape) != (count, height, width):
                return False
        return False

    def _hook(self, layer: LayerRef) -> Callable[[int, tuple[Any, ...], Any], Any]:
        def hook(index: int, arguments: tuple[Any, ...], output: Any) -> Any:
            tensors = [value for value in tree.flatten(output) if ops.is_tensor(value)]
            if tensors:
                results = self._results.pop(id(layer.operation), [])
                if len(results) == 1 and results[0] is tensors[0]:
                    self.squashing.add(len(self.calls))
                given = [value for value in tree.flatten(arguments) if ops.is_tensor(value)]
                # A structure that holds one tensor is not taken for that tensor.
                returned = tensors if ops.is_tensor(output) else [*tensors, None]
                self.calls.append(_RecordedCall(layer, index, given, returned))
            return output

        return hook

    def _note_activation(self, name: str, score: Any, result: Any) -> Any:
        self._activations.append((name, score, result))
        return result

    def _note_start(self, operation: keras.Operation) -> StandIn:
        """Note how many calls had ended when a call started, and let it run."""

        def note(index: int) -> None:
            self._starts[id(operation), index] = len(self.calls)

        return note

    def _spy(self, operation: keras.Operation) -> ActivationHook:
        def spy(score: Any, result: Any) -> Any:
            self._results.setdefault(id(operation), []).append(result)
            return result

        return spy


def _reason_untappable(tensor: Any, shape: tuple[int, ...], batch: int, root: Any) -> str | None:
    if not backend.current().belongs_to_trace(tensor, root):
        return "runs inside a loop or a vectorised map"
    if not shape or shape[0] != batch:
        return f"returns {shape}, whose first axis is not the batch of {batch}"
    if None in shape:
        return f"returns {shape}, a shape that is only known when it runs"
    return None


def _may_squash(operation: keras.Operation) -> bool:
    """Whether its own activation is a softmax or sigmoid; not the activation of a recurrent layer's cell."""
    return getattr(vars(operation).get("activation"), "__name__", None) in ACTIVATIONS


def _layout(
    layer: LayerRef,
    shape: tuple[int, ...],
    data_format: str,
    image: tuple[int, ...] | None,
    calls: list[LayerCall],
) -> Layout | None:
    """The layout of a call's output, given the calls before it."""
    around = layer.parent if len(shape) > 3 else None
    while around is not None:
        # Inside attention, axes are tokens and heads.
        if isinstance(around.operation, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention):
            return None
        around = around.parent
    if _holds_heads(shape, calls):
        return None
    grids = [call.layout.spatial for call in calls if call.layout and len(call.shape) == 4]
    return read_layout(shape, data_format, image, [grid for grid in grids[::-1] if grid != image])


def _likely_format(shape: tuple[int, ...]) -> str:
    """The data format of pictures that no layer states: where grey or colours are, else Keras' own."""
    default = str(keras.config.image_data_format())
    if len(shape) != 4:
        return default
    first, last = shape[1] in (1, 3, 4), shape[-1] in (1, 3, 4)
    return default if first == last else CHANNELS_FIRST if first else CHANNELS_LAST


def _holds_heads(shape: tuple[int, ...], calls: list[LayerCall]) -> bool:
    """Whether the axes are tokens and heads of an attention that is written out, and no picture's."""
    if len(shape) != 4:
        return False
    for call in calls:
        layout = call.layout
        if (
            layout is None
            and call.untappable is None
            and len(call.shape) == 4
            and call.shape[0] == shape[0]
            and sorted(call.shape[1:]) == sorted(shape[1:])
        ):
            return True
        if layout is not None and layout.kind == TOKENS:
            tokens = call.shape[1]
            split = tokens in shape[1:3] and math.prod(shape[1:]) == math.prod(call.shape[1:])
            if shape[2:] == (tokens, tokens) or (split and shape[1:3] != layout.spatial):
                return True
    return False


def _own_format(operation: keras.Operation) -> str | None:
    own = getattr(operation, "data_format", None)
    if own in (CHANNELS_FIRST, CHANNELS_LAST):
        return str(own)
    return None


def _format_after_permute(operation: keras.Operation) -> str | None:
    """The data format after a Permute or Transpose, where it moves the channels of pictures."""
    axes = getattr(operation, "dims" if isinstance(operation, keras.layers.Permute) else "axes", None)
    if not isinstance(axes, tuple | list):
        return None
    moved = tuple(axes) if isinstance(operation, keras.layers.Permute) else tuple(axes)[1:]
    return {(3, 1, 2): CHANNELS_FIRST, (2, 3, 1): CHANNELS_LAST}.get(moved)


def _format(
    operation: keras.Operation,
    shape: tuple[int, ...],
    sources: tuple[int, ...],
    formats: dict[int, str],
    calls: list[LayerCall],
) -> str | None:
    """The data format of a call: of its layer, else of its source, else of its predecessor."""
    own = _own_format(operation) or _format_after_permute(operation)
    if own is not None:
        return own
    same_rank = [number for number in sources if number >= 0 and len(calls[number].shape) == len(shape)]
    same_rank += [call.number for call in reversed(calls) if len(call.shape) == len(shape)][:1]
    if same_rank:
        return formats[same_rank[0]]
    if isinstance(operation, keras.layers.BatchNormalization) and len(shape) > 3:
        return CHANNELS_FIRST if operation.axis == 1 else CHANNELS_LAST
    return None
