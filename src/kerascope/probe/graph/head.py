"""The score in front of a softmax or sigmoid, found without changing the model.

Looked for, at each output, in this order: a final `Softmax` or `Activation` layer or softmax or sigmoid
operation, whose input is the score; a final layer with `activation="softmax"` or `"sigmoid"` that returns
what this activation returns, which is replaced within the scope by a spy that records what it is given; a
call such as `keras.ops.sigmoid(x)` in a layer's own `call`, by its public name. What only hands on its
input, or gives it another shape, is looked through. Where arithmetic makes the output, the score is measured:
see `measured_head.py`. Otherwise the output itself is explained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import keras

from kerascope.probe.graph.graph import Run, Survey

ACTIVATIONS = frozenset({"softmax", "sigmoid", "log_softmax", "log_sigmoid"})
_OPERATIONS = {name.replace("_", ""): name for name in ACTIVATIONS}
_IDENTITIES = frozenset(
    {"Cast", "Clip", "Dropout", "ExpandDims", "Flatten", "Identity", "Reshape", "Squeeze"}
)
"""What hands on the numbers that it is given, in their order, or probabilities that it clips."""
_SINGLE = _IDENTITIES | {"GetItem", "Permute", "Transpose"}
"""What does so where there is one number."""


@dataclass(frozen=True)
class Head:
    """Where the score of one output is found.

    Args:
        operation: the layer or operation that squashes the score, or, of a measured one, returns it; None for
            a function that is called by name.
        index: which of its runs; of functions by name, which of their calls.
        part: the score is what `"operation"` is given, or its `"activation"`, or a `"function"` by name, or
            the `"output"` of an operation in front of arithmetic that squashes, or the `"difference"` of two
            numbers that it returns, or the `"logit"` of the probability that comes out.
        function: what squashes, one of `ACTIVATIONS`.
    """

    operation: keras.Operation | None
    index: int
    part: Literal["operation", "activation", "function", "output", "difference", "logit"]
    function: str

    @property
    def logarithm(self) -> bool:
        """What comes out are logarithms of probabilities."""
        return self.function.startswith("log")


def heads(survey: Survey) -> tuple[Head | None, ...]:
    """For each output, where its score is; None where the output is the score."""
    return tuple(_head(survey, place) for place in range(len(survey.outputs)))


def is_score(survey: Survey, place: int) -> bool:
    """Whether an output is what a layer with weights and no activation returns, and so no probability."""
    run = last_run(survey, survey.outputs[place].source)
    if run is None or not getattr(run.place.operation, "weights", None):
        return False
    kind = type(run.place.operation)
    activation = getattr(run.place.operation, "activation", keras.activations.linear)
    return kind.__module__.startswith("keras.") and activation is keras.activations.linear


def head_run(survey: Survey, source: int) -> Run | None:
    """The run that squashes what a run returns, or None."""
    run = _squashing(survey, source)
    return None if run is None or run.squashing is not None else run


def score_sources(survey: Survey, outputs: Iterable[int]) -> list[int]:
    """Numbers of the runs that scores are made from: before a softmax, or before a layer that ends in one.

    Args:
        survey: of the model.
        outputs: positions of outputs.
    """
    sources: list[int] = []
    for place in outputs:
        source, head = survey.outputs[place].source, _head(survey, place)
        if head is None or head.part == "logit":
            sources.append(source)
        elif head.part == "function":
            sources.append(survey.squashings[head.index].source)
        elif head.part in ("output", "difference"):
            sources += [run.number for run in survey.runs if _is(run, head)]
        else:
            sources += [number for run in survey.runs if _is(run, head) for number in run.sources]
    return sources


def score_maker(survey: Survey, place: int) -> int:
    """Number of the run at which a way back from the score of an output begins, what squashes it included."""
    head = _head(survey, place)
    if head is not None and head.part in ("function", "output", "difference"):
        return score_sources(survey, [place])[0]
    return survey.outputs[place].source


def _head(survey: Survey, place: int) -> Head | None:
    output = survey.outputs[place]
    if place in survey.measured:
        measured: Head = survey.measured[place]
        return measured
    if output.squashing is not None:
        return _by_name(survey, output.squashing)
    run = _squashing(survey, output.source)
    if run is None:
        return None
    if run.squashing is not None:
        return _by_name(survey, run.squashing)
    operation = run.place.operation
    if run.squashes:
        return Head(operation, run.index, "activation", operation.activation.__name__)
    return Head(operation, run.index, "operation", _OPERATIONS[type(operation).__name__.lower()])


def _by_name(survey: Survey, call: int) -> Head:
    return Head(None, call, "function", survey.squashings[call].function)


def last_run(survey: Survey, source: int) -> Run | None:
    """The last run on the way to a run's output that does more than hand on its input; None where unknown."""
    while source >= 0:
        run = survey.runs[source]
        if _squashes(run) or len(run.sources) != 1 or not _hands_on(survey, run):
            return run
        source = run.sources[0]
    return None


def _squashing(survey: Survey, source: int) -> Run | None:
    """The last run on the way to a run's output that squashes, with nothing behind it that computes."""
    run = last_run(survey, source)
    return run if run is not None and _squashes(run) else None


def _squashes(run: Run) -> bool:
    kind = type(run.place.operation).__name__.lower()
    return run.squashing is not None or run.squashes or kind in _OPERATIONS


def _hands_on(survey: Survey, run: Run) -> bool:
    """Whether it hands on the one tensor that it was given, if in another shape."""
    operation, source = run.place.operation, run.sources[0]
    size = math.prod(run.shape[1:])
    if source >= 0 and size != math.prod(survey.runs[source].shape[1:]):
        return False
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in (_SINGLE if size == 1 else _IDENTITIES)


def _is(run: Run, head: Head) -> bool:
    return run.place.operation is head.operation and run.index == head.index
