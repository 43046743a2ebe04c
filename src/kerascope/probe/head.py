"""The score in front of a softmax or sigmoid, found without changing the model.

Looked for, at each output, in this order: a final `Softmax` or `Activation` layer or softmax or sigmoid
operation, whose input is the score; a final layer with `activation="softmax"` or `"sigmoid"` that returns
what this activation returns, which is replaced within the scope by a spy that records what it is given.
Otherwise the output itself is explained.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import keras

from kerascope.probe.survey import Run, Survey

ACTIVATIONS = frozenset({"softmax", "sigmoid", "log_softmax", "log_sigmoid"})
_OPERATIONS = frozenset({"Softmax", "Sigmoid", "LogSoftmax", "LogSigmoid"})
_IDENTITIES = frozenset({"Dropout", "Flatten", "Identity", "Reshape"})


@dataclass(frozen=True)
class Head:
    """Where the score of one output is found.

    Args:
        operation: the layer or operation that squashes the score.
        index: which of its runs.
        activation: the score is the input of the layer's activation, not of the layer.
        logarithm: what comes out are logarithms of probabilities.
    """

    operation: keras.Operation
    index: int
    activation: bool
    logarithm: bool


def heads(survey: Survey) -> tuple[Head | None, ...]:
    """For each output, where its score is; None where the output is the score."""
    runs = (head_run(survey, output.source) for output in survey.outputs)
    return tuple(None if run is None else _head(run) for run in runs)


def head_run(survey: Survey, source: int) -> Run | None:
    """The run that squashes what a run returns, or None."""
    while source >= 0:
        run = survey.runs[source]
        if type(run.place.operation).__name__ in _OPERATIONS or run.squashes:
            return run
        # What only hands on its input in the same shape; on some backends that is the very same tensor.
        if type(run.place.operation).__name__ not in _IDENTITIES or len(run.sources) != 1:
            return None
        source = run.sources[0]
        if source >= 0 and survey.runs[source].shape != run.shape:
            return None
    return None


def score_sources(survey: Survey, outputs: Iterable[int]) -> list[int]:
    """Numbers of the runs that scores are made from: before a softmax, or before a layer that ends in one.

    Args:
        survey: of the model.
        outputs: positions of outputs.
    """
    sources: list[int] = []
    for place in outputs:
        source = survey.outputs[place].source
        squashing = head_run(survey, source)
        sources += [source] if squashing is None else squashing.sources
    return sources


def _head(run: Run) -> Head:
    operation = run.place.operation
    name = getattr(operation.activation, "__name__", "") if run.squashes else type(operation).__name__
    return Head(operation, run.index, run.squashes, name.lower().startswith("log"))
