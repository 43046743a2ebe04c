"""What a probe answers: the results of all batches, joined, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerascope.errors import BlackBoxError
from kerascope.layout import Layout
from kerascope.probe.execute.program import CHOSEN
from kerascope.probe.execute.request import Question
from kerascope.probe.inputs import Batch
from kerascope.target import Pinned
from kerascope.typing import Array


@dataclass(frozen=True)
class Answer:
    """What a probe answers about a batch, in NumPy arrays with one row per image.

    Args:
        values: what the method computed, (N, ...), or (N, K, ...) with a class axis.
        scores: the explained scores, (N,) or (N, K).
        labels: the classes they belong to, in the same shape; -1 where there is none.
        predictions: the predicted class, (N,), -1 where scores are NaN or infinite; None where the model
            has no classes.
        probabilities: the model's probability of each label, NaN where it is unknown.
        suspect: the scores look like probabilities that were not asked for.
        alive: some gradient was different from zero.
        layers: full paths of the layers that were read.
        batch: the checked inputs.
        image_layout: how the explained input lies in space.
        pinned: the target, with what it chose on these images.
        notes: what the method has to say about the values, such as the baseline they are against.
        completeness_gap: by how much values fall short of the change of the score that they share out; see
            `Explanation`.
        masks: (N,) under how many masks each image was asked about, or None.
        warnings: what else there is to warn about, with the kind of each warning.
        failure: what stopped the asking, so that values are partial; it is raised with them.
    """

    values: Array | None
    scores: Array
    labels: Array
    predictions: Array | None
    probabilities: Array
    suspect: bool
    alive: bool
    layers: tuple[str, ...]
    batch: Batch
    image_layout: Layout | None
    pinned: Pinned
    notes: tuple[str, ...] = ()
    completeness_gap: Array | None = None
    masks: Array | None = None
    warnings: tuple[tuple[type[Warning], str], ...] = ()
    failure: BlackBoxError | None = None


def join(rows: Sequence[dict[str, Array]], question: Question) -> Answer:
    """The answer about a whole batch from those about its parts, without their padding.

    Args:
        rows: what `Plan` gave for each part.
        question: what was asked.
    """
    batch = question.batch

    def joined(name: str) -> Array | None:
        if name not in rows[0]:
            return None
        return np.concatenate([row[name] for row in rows])[: batch.count]

    def columns(array: Array) -> Array:
        return array if question.target.class_axis else array[:, 0]

    scores = joined("scores")
    assert scores is not None
    labels, probabilities = joined("labels"), joined("probabilities")
    if labels is None:
        labels = np.full(scores.shape, -1, "int32")
    if probabilities is None:
        probabilities = np.full(scores.shape, np.nan, "float32")
    return Answer(
        values=joined("values"),
        scores=columns(scores),
        labels=columns(labels),
        predictions=joined("predictions"),
        probabilities=columns(probabilities),
        suspect=all(bool(row.get("suspect", False)) for row in rows),
        alive=any(bool(np.any(row.get("alive", True))) for row in rows),
        layers=question.layers,
        batch=batch,
        image_layout=question.survey.image_layout,
        notes=question.notes,
        pinned=_pinned(question, {name: joined(name) for name in rows[0] if name.startswith(CHOSEN)}),
    )


def _pinned(question: Question, chosen: Mapping[str, Array | None]) -> Pinned:
    known = {name.removeprefix(CHOSEN): rows for name, rows in chosen.items() if rows is not None}
    target = question.target.target if isinstance(question.target, Pinned) else question.target
    return Pinned(target, {**question.arguments, **known})
