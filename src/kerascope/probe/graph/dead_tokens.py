"""Rows of tokens whose patches no longer reach the score: behind the last attention, only a class token does.

Which tensors these are cannot be read from the order of the layers, since `tokens[:, 0]` may stand anywhere
in a `call`. So the gradient at every such row is taken once, on noise: a patch that reaches nothing has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import backend
from kerascope.layout import TOKENS
from kerascope.probe.execute.forward import forward
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.head import heads


def silent(
    call: Callable[[Any], Any], operations: Sequence[keras.Operation], found: Survey, inputs: Any
) -> frozenset[int]:
    """Numbers of the runs with tokens in front of a grid whose patches have no gradient.

    Args:
        call: the model's forward pass.
        operations: every operation of the model, and the model itself.
        found: the survey of that pass.
        inputs: the input structure; numbers with a fraction are replaced by noise. One image is
            enough.

    Cost:
        1 forward and 1 backward where there are such runs, at any number of them; else none.
    """
    runs = {str(run.number): run for run in found.runs if _has_class_token(found, run)}
    if not runs:
        return frozenset()
    generator = np.random.default_rng(0)

    def noise(tensor: Any) -> Any:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if not dtype.startswith(("float", "bfloat")):
            return tensor
        return ops.cast(ops.convert_to_tensor(generator.random(tuple(tensor.shape), "float32")), dtype)

    def score(deltas: dict[str, Any], inputs: Any) -> tuple[Any, dict[str, Any]]:
        result = forward(call, operations, inputs, (), (), heads(found), runs, deltas)
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
    deltas = {name: ops.zeros((count, *run.shape[1:]), run.dtype) for name, run in runs.items()}
    _, _, (gradients,) = differentiate(deltas, tree.map_structure(noise, inputs))
    return frozenset(run.number for name, run in runs.items() if _is_zero(gradients[name], run))


def _has_class_token(found: Survey, run: Run) -> bool:
    layout = run.layout
    return found.explainable(run) and layout is not None and layout.kind == TOKENS and layout.prefix > 0


def _is_zero(gradient: Any, run: Run) -> bool:
    if gradient is None:
        return True
    assert run.layout is not None
    return not ops.convert_to_numpy(ops.cast(run.layout.channels_last(gradient), "float32")).any()
