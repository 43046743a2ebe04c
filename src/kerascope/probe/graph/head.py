"""The score in front of a softmax or sigmoid, found without changing the model.

Searched at each output, in this order: a final `Softmax` or `Activation` layer, or softmax or sigmoid
operation, whose input is the score; a final layer with `activation="softmax"` or `"sigmoid"`, whose
activation is replaced within the scope by a spy that records its argument; a call such as
`keras.ops.sigmoid(x)` in a layer's own `call`, by its public name. Operations that only pass their input on,
or reshape it, are skipped. Where arithmetic makes the output, the score is measured:
see `handwritten_softmax.py`. Otherwise the output itself is explained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import keras

from kerascope.layout import Layout
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.intercept.tap import ACTIVATIONS
from kerascope.target import Context, Target

_OPERATIONS = {name.replace("_", ""): name for name in ACTIVATIONS}
_IDENTITIES = frozenset(
    {"Cast", "Clip", "Dropout", "ExpandDims", "Flatten", "Identity", "Reshape", "Squeeze"}
)
"""Operations that pass numbers on in their order, or clip probabilities."""
_SINGLE = _IDENTITIES | {"GetItem", "Permute", "Transpose"}
"""Operations that do so where there is one number."""


@dataclass(frozen=True)
class OutputHead:
    """Where the score of one output is found.

    Args:
        operation: the layer or operation that ends in the softmax or sigmoid; of a measured score the one
            that returns it; None for a function that is called by name.
        index: which of its calls.
        part: the score is the argument of the `"operation"`, of its `"activation"`, or of a `"function"` by
            name; or the `"output"` of an operation in front of arithmetic, or the `"difference"` of two
            numbers that it returns; or the `"logit"` of the model's output.
        function: the softmax or sigmoid, one of `ACTIVATIONS`.
    """

    operation: keras.Operation | None
    index: int
    part: Literal["operation", "activation", "function", "output", "difference", "logit"]
    function: str

    @property
    def logarithm(self) -> bool:
        """The output is the logarithm of probabilities."""
        return self.function.startswith("log")


def heads(graph: Graph) -> tuple[OutputHead | None, ...]:
    """For each output, where its score is; None where the output is the score."""
    return tuple(_head(graph, index) for index in range(len(graph.outputs)))


def is_score(graph: Graph, index: int) -> bool:
    """Whether an output comes from a layer with weights and no activation, and so is no probability."""
    call = last_computing_call(graph, graph.outputs[index].source)
    if call is None or not getattr(call.layer.operation, "weights", None):
        return False
    kind = type(call.layer.operation)
    activation = getattr(call.layer.operation, "activation", keras.activations.linear)
    return kind.__module__.startswith("keras.") and activation is keras.activations.linear


def head_call(graph: Graph, source: int) -> LayerCall | None:
    """The call of the softmax or sigmoid layer that ends a call's output, or None."""
    call = _squashing_call(graph, source)
    return None if call is None or call.activation_call is not None else call


def score_sources(graph: Graph, outputs: Iterable[int]) -> list[int]:
    """Numbers of the calls that scores are made from: before a softmax, or before a layer that ends in one.

    Args:
        graph: of the model.
        outputs: positions of outputs.
    """
    sources: list[int] = []
    for index in outputs:
        source, head = graph.outputs[index].source, _head(graph, index)
        if head is None or head.part == "logit":
            sources.append(source)
        elif head.part == "function":
            sources.append(graph.activation_calls[head.index].source)
        elif head.part in ("output", "difference"):
            sources += [call.number for call in graph.calls if _is(call, head)]
        else:
            sources += [number for call in graph.calls if _is(call, head) for number in call.sources]
    return sources


def score_producer(graph: Graph, index: int) -> int:
    """Number of the call that a walk back from the score of an output starts at, its softmax included."""
    head = _head(graph, index)
    if head is not None and head.part in ("function", "output", "difference"):
        return score_sources(graph, [index])[0]
    return graph.outputs[index].source


def _head(graph: Graph, index: int) -> OutputHead | None:
    output = graph.outputs[index]
    if index in graph.measured:
        measured: OutputHead = graph.measured[index]
        return measured
    if output.activation_call is not None:
        return _function_head(graph, output.activation_call)
    call = _squashing_call(graph, output.source)
    if call is None:
        return None
    if call.activation_call is not None:
        return _function_head(graph, call.activation_call)
    operation = call.layer.operation
    if call.squashes:
        return OutputHead(operation, call.index, "activation", operation.activation.__name__)
    return OutputHead(operation, call.index, "operation", _OPERATIONS[type(operation).__name__.lower()])


def _function_head(graph: Graph, number: int) -> OutputHead:
    return OutputHead(None, number, "function", graph.activation_calls[number].function)


def last_computing_call(graph: Graph, source: int) -> LayerCall | None:
    """The last call on the way to a call's output that does more than pass its input on, or None."""
    while source >= 0:
        call = graph.calls[source]
        if _squashes(call) or len(call.sources) != 1 or not _passes_through(graph, call):
            return call
        source = call.sources[0]
    return None


def _squashing_call(graph: Graph, source: int) -> LayerCall | None:
    """The softmax or sigmoid on the way to a call's output, with nothing behind it that computes."""
    call = last_computing_call(graph, source)
    return call if call is not None and _squashes(call) else None


def _squashes(call: LayerCall) -> bool:
    kind = type(call.layer.operation).__name__.lower()
    return call.activation_call is not None or call.squashes or kind in _OPERATIONS


def _passes_through(graph: Graph, call: LayerCall) -> bool:
    """Whether it passes its one input on, if in another shape."""
    operation, source = call.layer.operation, call.sources[0]
    size = math.prod(call.shape[1:])
    if source >= 0 and size != math.prod(graph.calls[source].shape[1:]):
        return False
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in (_SINGLE if size == 1 else _IDENTITIES)


def _is(call: LayerCall, head: OutputHead) -> bool:
    return call.layer.operation is head.operation and call.index == head.index


def make_context(graph: Graph, count: int, class_names: tuple[str, ...] | None) -> Context:
    """What a target may know of a model and of `count` images."""
    shapes = {output.name: output.shape for output in graph.outputs}
    layouts = dict(zip(shapes, graph.output_layouts, strict=True))

    def look_up(layer: str) -> tuple[Layout | None, int]:
        call = graph.find_call(layer)
        return call.layout, call.layout.channels if call.layout else call.shape[-1]

    kinds = dict(zip(shapes, graph.kinds, strict=True)) if graph.kinds else {}
    return Context(count, shapes, class_names, look_up, layouts, kinds)


def find_sources(graph: Graph, target: Target, context: Context) -> list[int]:
    """Numbers of the calls that the score of a target is made from: see `score_sources`."""
    read = target.outputs(context)
    sources = [graph.find_call(layer).number for layer in target.layers]
    return sources + score_sources(graph, range(len(graph.outputs)) if read is None else read)
