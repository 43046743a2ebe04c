"""The score in front of a softmax or sigmoid, found without changing the model.

Looked for, at each output, in this order: a final `Softmax` or `Activation` layer or softmax or sigmoid
operation, whose input is the score; a final layer with `activation="softmax"` or `"sigmoid"`, whose
activation is replaced within the scope by a spy that records what it is given. Otherwise the output itself
is explained.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras

from kerascope.probe.survey import Survey

_SQUASHING = frozenset({"softmax", "sigmoid", "log_softmax", "log_sigmoid"})
_OPERATIONS = frozenset({"Softmax", "Sigmoid", "LogSoftmax", "LogSigmoid"})


@dataclass(frozen=True)
class Head:
    """Where the score of one output is found.

    Args:
        operation: the layer or operation that squashes the score.
        index: which of its runs.
        activation: the score is the input of the layer's activation, not of the layer.
    """

    operation: keras.Operation
    index: int
    activation: bool


def heads(survey: Survey) -> tuple[Head | None, ...]:
    """For each output, where its score is; None where the output is the score."""
    return tuple(_head(survey, output.source) for output in survey.outputs)


def _head(survey: Survey, source: int) -> Head | None:
    if source < 0:
        return None
    run = survey.runs[source]
    operation = run.place.operation
    if type(operation).__name__ in _OPERATIONS:
        return Head(operation, run.index, activation=False)
    if getattr(getattr(operation, "activation", None), "__name__", None) in _SQUASHING:
        return Head(operation, run.index, activation=True)
    return None
