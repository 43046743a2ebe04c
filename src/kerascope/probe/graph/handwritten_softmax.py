"""The score of an output that arithmetic makes, such as `1 / (1 + exp(-z))`: measured on noise.

Such arithmetic has no name. But it is a known function of a tensor that some layer returned: where the output
of one pass is the sigmoid or softmax of that tensor, the tensor is the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops, tree

from kerascope.probe.graph.graph import Graph, LayerCall, ModelOutput
from kerascope.probe.graph.head import OutputHead, heads, last_computing_call
from kerascope.probe.intercept.forward import forward
from kerascope.probe.intercept.tap import ACTIVATIONS
from kerascope.typing import Array

_CANDIDATES = 8
"""Number of calls to try, from the output backwards."""
_SCALES = (1.0, 255.0, 0.01, 0.0)
"""Scales of the noise of one pass's images, so that some output is not saturated."""
_TOLERANCE = {"float16": 5e-3, "bfloat16": 3e-2}
_MARGIN = 1e-3
"""Least distance from 0 and 1 of some probability, to recognise the function that made it."""


def find_opaque(graph: Graph) -> frozenset[int]:
    """Positions of the outputs that arithmetic makes, or a layer that is not one of Keras."""
    known = heads(graph)
    return frozenset(
        position
        for position, output in enumerate(graph.outputs)
        if known[position] is None and not _is_plain(graph, output)
    )


def measure_heads(
    run_model: Callable[[Any], Any],
    operations: Sequence[keras.Operation],
    graph: Graph,
    inputs: Any,
    probabilities: Collection[int],
) -> dict[int, OutputHead]:
    """Find the scores of the outputs that arithmetic makes.

    Args:
        run_model: the model's forward pass.
        operations: every operation of the model, and the model itself.
        graph: of that pass.
        inputs: the input structure, whose floating-point numbers are replaced by noise.
        probabilities: positions of the outputs that may be probabilities, each by itself: where they keep
            within 0 and 1, they are, and the score is the logit.

    Returns:
        By position of the output, without those that no known function makes.

    Cost:
        1 forward, of as many images as there are, where arithmetic makes an output, or there are
        `probabilities`; else none.
    """
    positions = sorted(graph.opaque | set(probabilities))
    candidates = {position: list(_candidates(graph, graph.outputs[position])) for position in positions}
    calls = {graph.name(call): call for found in candidates.values() for call in found}
    if not calls and not probabilities:
        return {}
    generator = np.random.default_rng(0)
    images = tree.map_structure(lambda tensor: _noise(tensor, generator), inputs)
    result = forward(run_model, operations, images, (), (), [None] * len(graph.outputs), calls, {})
    flat = tree.flatten(result.outputs)
    found = {}
    for position, calls_to_try in candidates.items():
        output = _numbers(flat[position])
        for call in calls_to_try:
            score = _numbers(result.activations[graph.name(call)])
            tolerance = _TOLERANCE.get(keras.backend.standardize_dtype(flat[position].dtype), 1e-5)
            # The probability of the second of two classes is the sigmoid of the difference of their scores.
            pair = score.size == 2 * output.size
            if pair:
                score = np.diff(score.reshape(len(score), 2), axis=1)
            function = _find_activation(score.reshape(output.shape), output, tolerance)
            if function is not None:
                part: Literal["difference", "output"] = "difference" if pair else "output"
                found[position] = OutputHead(call.layer.operation, call.index, part, function)
                break
        if position in set(probabilities) - found.keys() and ((output >= 0) & (output <= 1)).all():
            found[position] = OutputHead(None, position, "logit", "sigmoid")
    return found


def _is_plain(graph: Graph, output: ModelOutput) -> bool:
    """Whether the last layer is one of Keras with known arithmetic, such as Dense."""
    call = last_computing_call(graph, output.source)
    if call is None:
        return False
    kind = type(call.layer.operation)
    free = issubclass(kind, keras.layers.Lambda | keras.layers.Activation) or ".merging." in kind.__module__
    return kind.__module__.startswith("keras.") and issubclass(kind, keras.Layer) and not free


def _candidates(graph: Graph, output: ModelOutput) -> Iterator[LayerCall]:
    """Calls that return as many numbers as the output holds, or two for one number, the last first."""
    reached = graph.upstream([output.source])
    size, count = math.prod(output.shape[1:]), 0
    for call in reversed(graph.calls):
        on_way = reached is None or call.number in reached
        sizes = (1, 2) if size == 1 else (size,)
        fits = math.prod(call.shape[1:]) in sizes and call.tensors == 1 and call.producer == call.number
        if on_way and fits and call.untappable is None and call.number != output.source:
            yield call
            count += 1
        if count == _CANDIDATES:
            return


def _find_activation(score: Array, output: Array, tolerance: float) -> str | None:
    """Which function makes the output of the score, or None."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for function in sorted(ACTIVATIONS):
            if ACTIVATIONS[function] == "classes" and output.shape[-1] < 2:
                continue
            expected = ops.convert_to_numpy(getattr(keras.ops, function)(ops.convert_to_tensor(score)))
            if function.startswith("log"):
                # The logarithm of a probability near zero is as exact as the probability.
                expected, actual = (np.maximum(values, math.log(_MARGIN)) for values in (expected, output))
                probability = np.exp(expected)
            else:
                probability, actual = expected, output
            unsaturated = (probability > 2 * _MARGIN) & (probability < 1 - _MARGIN)
            if unsaturated.any() and np.abs(expected - actual).max() <= tolerance * max(
                1.0, np.abs(expected).max()
            ):
                return function
    return None


def _noise(tensor: Any, generator: np.random.Generator) -> Any:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not dtype.startswith(("float", "bfloat")):
        return tensor
    shape = tuple(tensor.shape)
    scales = np.resize(_SCALES, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return ops.cast(ops.convert_to_tensor((generator.random(shape) * scales).astype("float32")), dtype)


def _numbers(tensor: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
