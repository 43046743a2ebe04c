"""Results of a probe: of one batch, in backend tensors, and of all batches, in NumPy arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerascope.errors import BlackBoxError
from kerascope.layout import Layout
from kerascope.placement import Placement, stretch
from kerascope.probe.execute.request import CheckedRequest
from kerascope.probe.inputs import InputBatch
from kerascope.target import Forward, Pinned, Reading
from kerascope.target.base import class_columns
from kerascope.typing import Array


class Readout(NamedTuple):
    """The tensors of one forward pass, which backends pass through differentiation."""

    activations: Sequence[Any]
    outputs: Sequence[Any]
    scores: Sequence[Any]
    chosen: dict[str, Any]
    constants: dict[str, Any]
    labels: Any = None
    undefined: Any = None
    columns: tuple[Any, Any] | None = None


class BatchResult(NamedTuple):
    """The result of one batch: see `Answer`; a field is None where it does not apply.

    Attributes:
        chosen: the target's choices: see `Reading.choices`.
        undefined: see `Reading.undefined`.
        no_probability: a probability is explained, and the outputs are none.
    """

    scores: Any
    chosen: dict[str, Any]
    values: Any = None
    labels: Any = None
    predictions: Any = None
    probabilities: Any = None
    suspect: Any = None
    no_probability: Any = None
    undefined: Any = None
    alive: Any = None


@dataclass(frozen=True)
class Answer:
    """The result of a request for all images, in NumPy arrays with one row per image.

    Args:
        values: the result of the method's arithmetic, (N, ...), or (N, K, ...) with a class axis.
        scores: the explained scores, (N,) or (N, K).
        labels: their classes, in the same shape; -1 where there is none.
        predictions: the predicted class, (N,), -1 where scores are NaN or infinite; None where the model
            has no classes.
        probabilities: the model's probability of each label, NaN where it is unknown.
        suspect: the scores look like probabilities, though scores were to be explained.
        alive: some gradient was different from zero.
        layers: full paths of the layers that were read.
        batch: the checked inputs.
        image_layout: how the explained input lies in space.
        pinned: the target, with its choices on these images.
        notes: notes of the method about the values, such as their baseline.
        completeness_gap: difference between the sum of the values and the change of the score: see
            `Explanation`.
        masks: (N,) number of masks for each image, or None.
        warnings: further warnings, with their classes.
        failure: the exception that ended the run early; values are partial.
        placement: where the values lie on the image; None where that has no axes.
    """

    values: Array | None
    scores: Array
    labels: Array
    predictions: Array | None
    probabilities: Array
    suspect: bool
    alive: bool
    layers: tuple[str, ...]
    batch: InputBatch
    image_layout: Layout | None
    pinned: Pinned
    notes: tuple[str, ...] = ()
    completeness_gap: Array | None = None
    masks: Array | None = None
    warnings: tuple[tuple[type[Warning], str], ...] = ()
    failure: BlackBoxError | None = None
    placement: Placement | None = None

    @property
    def pixels(self) -> Placement | None:
        """The placement of values on the image's own grid."""
        layout = self.image_layout
        return None if layout is None else stretch(layout.spatial, layout.spatial)


def to_numpy(result: BatchResult) -> BatchResult:
    """A result in NumPy arrays."""
    chosen = {name: ops.convert_to_numpy(choice) for name, choice in result.chosen.items()}
    arrays = {
        name: ops.convert_to_numpy(value)
        for name, value in result._asdict().items()
        if value is not None and name != "chosen"
    }
    return BatchResult(chosen=chosen, **arrays)


def join_results(results: Sequence[BatchResult], checked: CheckedRequest) -> Answer:
    """The answer of all batches, without their padding."""
    batch, first = checked.batch, results[0]

    def join(parts: Sequence[Any]) -> Any:
        return None if parts[0] is None else np.concatenate(parts)[: batch.count]

    scores = join([result.scores for result in results])
    labels = join([result.labels for result in results])
    probabilities = join([result.probabilities for result in results])
    if labels is None:
        labels = np.full(scores.shape, -1, "int32")
    if probabilities is None:
        probabilities = np.full(scores.shape, np.nan, "float32")
    if not checked.target.class_axis:
        scores, labels, probabilities = scores[:, 0], labels[:, 0], probabilities[:, 0]
    chosen = {name: join([result.chosen[name] for result in results]) for name in first.chosen}
    target = checked.target.target if isinstance(checked.target, Pinned) else checked.target
    return Answer(
        values=join([result.values for result in results]),
        scores=scores,
        labels=labels,
        predictions=join([result.predictions for result in results]),
        probabilities=probabilities,
        suspect=all(bool(result.suspect) for result in results),
        alive=any(result.alive is None or bool(np.any(result.alive)) for result in results),
        layers=checked.layers,
        batch=batch,
        image_layout=checked.graph.image_layout,
        notes=checked.notes,
        pinned=Pinned(target, {**checked.arguments, **chosen}),
        placement=checked.placement,
    )


def summarize(
    scores: Any, readout: Readout, forward: Forward, opaque: Collection[int], reading: Reading
) -> BatchResult:
    """The result of a pass: scores, predicted classes, probabilities, and whether scores look like these.

    Args:
        scores: the explained scores.
        readout: the tensors of the pass.
        forward: facts about it; its tensors are not used.
        opaque: see `Graph.opaque`.
        reading: of the target; its tensors are not used.
    """
    result = BatchResult(scores, readout.chosen, labels=readout.labels, undefined=readout.undefined)
    index = reading.output
    if index is None:
        index = 0 if len(readout.outputs) == 1 else None
    if index is None:
        return result
    raw = readout.outputs[index]
    if len(raw.shape) not in (1, 2) and readout.columns is None:
        return result
    kind = forward.kinds[index] if forward.kinds else None
    output, before = readout.columns or class_columns(raw, readout.scores[index], kind)
    known = forward.squashed[index] or kind in ("binary", "labels")
    precise = keras.backend.standardize_dtype(raw.dtype) in ("float32", "float64")
    output = ops.cast(output, "float32")
    sums = ops.abs(ops.sum(output, axis=-1) - 1) < (1e-3 if precise else 2e-2)
    rows = ops.logical_and(ops.all(output >= 0, axis=-1), sums)
    several, single = output.shape[-1] > 1, len(output.shape) == 2
    if several and single and kind != "regression":
        # Of the scores: where probabilities are saturated, several are 1.
        before = ops.cast(before, "float32")
        best = ops.cast(ops.argmax(before, axis=-1), "int32")
        result = result._replace(predictions=ops.where(is_comparable(before), best, -1))
    if readout.labels is not None and single and (known or several):
        chosen = ops.take_along_axis(output, readout.labels, axis=1)
        certain = (ops.ones_like(rows) if known else rows)[:, None]
        result = result._replace(probabilities=ops.where(certain, chosen, np.nan))
    if reading.probability and not known:
        result = result._replace(no_probability=ops.logical_not(ops.all(rows)))
    expected = reading.output is None or reading.probability
    if not forward.squashed[index] and not expected:
        if index in opaque and known:
            rows = ops.logical_and(raw >= 0, raw <= 1)
        elif index in opaque:
            rows = ops.logical_or(rows, ops.all(ops.logical_and(output >= 0, output <= 1), axis=-1))
        elif not several or known:
            return result
        result = result._replace(suspect=ops.all(rows))
    return result


def is_comparable(scores: Any) -> Any:
    """bool (N,): whether one of an image's scores is the greatest; NaN and +infinity are no scores.

    -infinity is one: the score of a class that is ruled out.
    """
    known = ops.logical_not(ops.any(ops.isnan(scores), axis=-1))
    return ops.logical_and(known, ops.isfinite(ops.max(scores, axis=-1)))
