"""The score of an output that arithmetic makes, such as `1 / (1 + exp(-z))`: measured on noise.

Such arithmetic has no name to go by. But what squashes is a known function of numbers that something before
has returned: where the output of one pass is the sigmoid or softmax of these, they are the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops, tree

from kerascope.probe.execute.forward import forward
from kerascope.probe.graph.graph import Output, Run, Survey
from kerascope.probe.graph.head import ACTIVATIONS, Head, heads, last_run
from kerascope.typing import Array

_CANDIDATES = 8
"""Runs that are looked at, from the output backwards."""
_SCALES = (1.0, 255.0, 0.01, 0.0)
"""Of the noise of the images of one pass, so that somewhere the output is not saturated."""
_TOLERANCE = {"float16": 5e-3, "bfloat16": 3e-2}
_MARGIN = 1e-3
"""How far from 0 and 1 a probability must be at least once, to tell what made it."""


def opaque(survey: Survey) -> frozenset[int]:
    """Positions of the outputs that arithmetic makes, or a layer that is not one of Keras."""
    known = heads(survey)
    return frozenset(
        place
        for place, output in enumerate(survey.outputs)
        if known[place] is None and not _is_plain(survey, output)
    )


def measured_heads(
    call: Callable[[Any], Any],
    operations: Sequence[keras.Operation],
    survey: Survey,
    inputs: Any,
    chances: Collection[int],
) -> dict[int, Head]:
    """Where the scores of outputs are that arithmetic makes.

    Args:
        call: the model's forward pass.
        operations: every operation of the model, and the model itself.
        survey: of that pass.
        inputs: the input structure; numbers with a fraction are replaced by noise.
        chances: positions of the outputs that are scores or probabilities, each by itself: where they keep
            within 0 and 1, they are probabilities, and the score is the logit.

    Returns:
        By the positions of the outputs; those are left out that no known function makes.

    Cost:
        1 forward, of as many images as there are, where arithmetic makes an output, or one is among
        `chances`; else none.
    """
    places = sorted(survey.opaque | set(chances))
    candidates = {place: list(_candidates(survey, survey.outputs[place])) for place in places}
    runs = {survey.name(run): run for found in candidates.values() for run in found}
    if not runs and not chances:
        return {}
    generator = np.random.default_rng(0)
    images = tree.map_structure(lambda tensor: _noise(tensor, generator), inputs)
    result = forward(call, operations, images, (), (), [None] * len(survey.outputs), runs, {})
    flat = tree.flatten(result.outputs)
    found = {}
    for place, tried in candidates.items():
        output = _numbers(flat[place])
        for run in tried:
            score = _numbers(result.activations[survey.name(run)])
            tolerance = _TOLERANCE.get(keras.backend.standardize_dtype(flat[place].dtype), 1e-5)
            # The probability of the second of two classes is the sigmoid of the difference of their scores.
            pair = score.size == 2 * output.size
            if pair:
                score = np.diff(score.reshape(len(score), 2), axis=1)
            function = _squashed_by(score.reshape(output.shape), output, tolerance)
            if function is not None:
                part: Literal["difference", "output"] = "difference" if pair else "output"
                found[place] = Head(run.place.operation, run.index, part, function)
                break
        if place in set(chances) - found.keys() and ((output >= 0) & (output <= 1)).all():
            found[place] = Head(None, place, "logit", "sigmoid")
    return found


def _is_plain(survey: Survey, output: Output) -> bool:
    """Whether the last layer is one of Keras whose kind says what it does, such as Dense."""
    run = last_run(survey, output.source)
    if run is None:
        return False
    kind = type(run.place.operation)
    free = issubclass(kind, keras.layers.Lambda | keras.layers.Activation) or ".merging." in kind.__module__
    return kind.__module__.startswith("keras.") and issubclass(kind, keras.Layer) and not free


def _candidates(survey: Survey, output: Output) -> Iterator[Run]:
    """Runs that return as many numbers as the output holds, or two where that is one, the last first."""
    reached = survey.upstream([output.source])
    size, count = math.prod(output.shape[1:]), 0
    for run in reversed(survey.runs):
        on_way = reached is None or run.number in reached
        sizes = (1, 2) if size == 1 else (size,)
        fits = math.prod(run.shape[1:]) in sizes and run.tensors == 1 and run.maker == run.number
        if on_way and fits and run.fault is None and run.number != output.source:
            yield run
            count += 1
        if count == _CANDIDATES:
            return


def _squashed_by(score: Array, output: Array, tolerance: float) -> str | None:
    """Which function makes the output of the score, or None."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for function in sorted(ACTIVATIONS):
            if function.endswith("softmax") and output.shape[-1] < 2:
                continue
            made = ops.convert_to_numpy(getattr(keras.ops, function)(ops.convert_to_tensor(score)))
            if function.startswith("log"):
                # Logarithms of what is next to nothing are as exact as it was.
                made, seen = (np.maximum(one, math.log(_MARGIN)) for one in (made, output))
                chance = np.exp(made)
            else:
                chance, seen = made, output
            telling = (chance > 2 * _MARGIN) & (chance < 1 - _MARGIN)
            if telling.any() and np.abs(made - seen).max() <= tolerance * max(1.0, np.abs(made).max()):
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
