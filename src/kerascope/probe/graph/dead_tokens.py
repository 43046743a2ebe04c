"""Token layers behind the last attention: their patch tokens have no gradient to the score.

The order of the layers does not show which these are, since `tokens[:, 0]` may be anywhere in a `call`. So
the gradient at every layer with a class token is taken once, on noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import backend
from kerascope.layout import TOKENS
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import heads
from kerascope.probe.intercept.forward import forward


def find_dead_tokens(
    run_model: Callable[[Any], Any], operations: Sequence[keras.Operation], graph: Graph, inputs: Any
) -> frozenset[int]:
    """Numbers of the calls with a class token whose patch tokens have no gradient.

    Args:
        run_model: the model's forward pass.
        operations: every operation of the model, and the model itself.
        graph: of that pass.
        inputs: the input structure, whose floating-point numbers are replaced by noise. One image is enough.

    Cost:
        1 forward and 1 backward where there are calls with a class token; else none.
    """
    calls = {str(call.number): call for call in graph.calls if _has_class_token(graph, call)}
    if not calls:
        return frozenset()
    generator = np.random.default_rng(0)

    def noise(tensor: Any) -> Any:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if not dtype.startswith(("float", "bfloat")):
            return tensor
        return ops.cast(ops.convert_to_tensor(generator.random(tuple(tensor.shape), "float32")), dtype)

    def score(deltas: dict[str, Any], inputs: Any) -> tuple[Any, dict[str, Any]]:
        result = forward(run_model, operations, inputs, (), (), heads(graph), calls, deltas)
        total = 0.0
        for output in tree.flatten(result.scores):
            # Weighted by noise, since scores may sum to a constant.
            weights = generator.standard_normal(tuple(output.shape))
            total = total + ops.sum(ops.cast(output, "float32") * ops.convert_to_tensor(weights, "float32"))
        return ops.reshape(total, (1, 1)), {}

    current = backend.current()
    differentiate = current.value_and_gradients(score)
    if current.compiles:
        differentiate = current.compile(differentiate)
    count = tree.flatten(inputs)[0].shape[0]
    deltas = {name: ops.zeros((count, *call.shape[1:]), call.dtype) for name, call in calls.items()}
    _, _, (gradients,) = differentiate(deltas, tree.map_structure(noise, inputs))
    return frozenset(call.number for name, call in calls.items() if _is_zero(gradients[name], call))


def _has_class_token(graph: Graph, call: LayerCall) -> bool:
    layout = call.layout
    return (
        graph.is_explainable(call)
        and layout is not None
        and layout.kind == TOKENS
        and layout.prefix + layout.suffix > 0
    )


def _is_zero(gradient: Any, call: LayerCall) -> bool:
    """Whether no more tokens have a gradient than there are beside the grid, wherever these are."""
    if gradient is None:
        return True
    assert call.layout is not None
    alive = np.any(ops.convert_to_numpy(ops.cast(gradient, "float32")) != 0, axis=(0, 2))
    return bool(np.count_nonzero(alive) <= call.layout.prefix + call.layout.suffix)
