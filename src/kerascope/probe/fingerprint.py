"""A fingerprint of what compiled programs cannot see of a model: the cache is emptied when it changes."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from kerascope.probe.intercept.tap import lock
from kerascope.probe.layer_ref import find_layers

_PLAIN = (bool, int, float, str, bytes, tuple)
# What training and compiling leave behind, and what every layer has whatever it computes.
_BOOKKEEPING = frozenset(
    {
        *("build", "built", "call", "call_signature_parameters", "compiled", "history", "loss", "name"),
        *("optimizer", "predict_function", "quantize", "steps_per_execution", "stop_evaluating"),
        *("stop_predicting", "stop_training"),
        *("test_function", "train_function", "training", "unrolled_steps_per_execution"),
    }
)
_COMPARED_ELSEWHERE = (keras.Operation, keras.Variable)
_PRIVATE = frozenset({"_dtype_policy", "_is_quantized"})


class Fingerprint:
    """Differs when a model is changed in a way that compiled programs would not see.

    The values of weights are no part of a program. Operations are, what hangs on them as attributes
    (activations, strides, rates, the statistics of a `Normalization`, which are no weights), their types and
    quantisation, and which variables there are. Objects are held and compared by identity,
    so that none can be taken for another that has come to lie in its place.

    Args:
        model: the model as it is now.
    """

    def __init__(self, model: keras.Model) -> None:
        with lock:  # a tap of another thread is no change
            self._operations = [layer.operation for layer in find_layers(model)]
            self._attributes = [_attributes(operation) for operation in self._operations]
            # Of the outer model only what cannot refer to it: it must not be kept alive.
            own = _attributes(model).items()
        self._own = {name: value for name, value in own if isinstance(value, _PLAIN) or _is_array(value)}
        self._variables = list(model.variables)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Fingerprint)
            and _identical(self._variables, other._variables)
            and _identical(self._operations, other._operations)
            and all(map(_equal, self._attributes, other._attributes))
            and _equal(self._own, other._own)
        )

    __hash__ = None  # type: ignore[assignment]


def _identical(first: Sequence[object], second: Sequence[object]) -> bool:
    return len(first) == len(second) and all(map(operator.is_, first, second))


def _attributes(operation: keras.Operation) -> dict[str, object]:
    """The attributes of an operation that decide what it computes, but for layers and weights."""
    return {
        name: value
        for name, value in vars(operation).items()
        if (name[0] != "_" or name in _PRIVATE)
        and name not in _BOOKKEEPING
        and not isinstance(value, _COMPARED_ELSEWHERE)
    }


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) or bool(ops.is_tensor(value))


def _equal(first: dict[str, object], second: dict[str, object]) -> bool:
    """Whether attributes are the same objects, or equal plain values of one type."""
    return first.keys() == second.keys() and all(
        value is second[name]
        or (isinstance(value, _PLAIN) and type(value) is type(second[name]) and value == second[name])
        for name, value in first.items()
    )
