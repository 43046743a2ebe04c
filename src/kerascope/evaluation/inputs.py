"""Inputs of an evaluation: images with their targets, from labels or from an explicit target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import tree

from kerascope import errors
from kerascope.dataset.classes.class_names import SelectedLabel, unique_indices
from kerascope.dataset.classes.outputs import class_count, is_multilabel
from kerascope.dataset.labels.label import Label, find_label_indices
from kerascope.dataset.reading.arrays import as_labels
from kerascope.probe import AnyProbe, Probe
from kerascope.provenance import warn
from kerascope.target import TargetLike

ClassIndices = tuple[int, ...] | None
"""Class indices of the labels of an image; None where they are unknown."""


@dataclass(frozen=True, eq=False)
class EvaluationInputs:
    """Images, one row per target.

    Args:
        images: (N, ...) as the model takes them.
        target: the explained target.
        labels: class indices (N,) of a single-label model; else None.
        masks: (N, ...) or None.
        warnings: stored warnings.
    """

    images: Any
    target: TargetLike
    labels: Sequence[int] | None = None
    masks: Any = None
    warnings: tuple[str, ...] = ()


def resolve_inputs(
    probe: AnyProbe, images: Any, labels: Any = None, target: TargetLike = None, masks: Any = None
) -> EvaluationInputs:
    """Return the images with their targets; an image with several labels is repeated once per label.

    Labels are (N,) indices or names of classes, or lists of them for a multi-label model, or (N, K) columns
    of 0 and 1. An image without a label is left out. The target is by default the label, or without labels
    the predicted class.
    """
    if labels is None:
        return EvaluationInputs(images, target, masks=masks)
    labels = as_labels(labels, len(tree.flatten(images)[0]))
    indices = _find_classes(probe, images, labels)
    # The outputs of a black box say nothing about themselves.
    multilabel = is_multilabel(probe, images) if isinstance(probe, Probe) else probe.output == "labels"
    if not multilabel:
        _check_single(indices, labels)
    if target is not None:
        single = [row[0] for row in indices if row is not None and len(row) == 1]
        known = single if not multilabel and len(single) == len(indices) else None
        return EvaluationInputs(images, target, known, masks)
    pairs = [(row, index) for row, classes in enumerate(indices) for index in classes or ()]
    if not pairs:
        raise errors.EvaluationError(
            f"images must have labels to be explained by them; none of {len(labels)} has one; give their "
            "labels, or a target."
        )
    rows, targets = [row for row, _ in pairs], [index for _, index in pairs]
    if rows != list(range(len(labels))):
        images = tree.map_structure(lambda array: np.asarray(array)[rows], images)
        masks = None if masks is None else np.asarray(masks)[rows]
    return EvaluationInputs(
        images, targets, None if multilabel else targets, masks, _warn_of_missing_labels(indices)
    )


def _find_classes(probe: AnyProbe, images: Any, labels: Sequence[Label]) -> list[ClassIndices]:
    """Return the class indices of each image's labels."""
    names: Sequence[str] | None
    count: int | None
    if isinstance(probe, Probe) and probe.label is not None:
        selected = SelectedLabel(probe.label, probe.label_names, probe.graph(images).label_count)
        names, count = selected.names, selected.count
        answers = [selected.answer(label) for label in labels]
        indices: list[ClassIndices] = [None if answer is None else (answer,) for answer in answers]
    else:
        names = probe.class_names
        count = class_count(probe, images) if isinstance(probe, Probe) else len(names or ()) or None
        known = unique_indices(names)
        indices = [find_label_indices(label, known, count) if count else _as_index(label) for label in labels]
    for label, row in zip(labels, indices, strict=True):
        if row is None and label is not None:
            hint = errors.nearest(str(label), names) if names else "names are given by ks.Probe(class_names=)"
            raise errors.EvaluationError(
                f"a label must be the name or the place of one of the model's {count or ''} classes; got "
                f"{label!r:.60}; {hint}"
            )
    return indices


def _as_index(label: Label) -> ClassIndices:
    """Return the class index of a model with an unknown number of classes."""
    return (label,) if isinstance(label, int) else None


def _check_single(indices: Sequence[ClassIndices], labels: Sequence[Label]) -> None:
    for label, row in zip(labels, indices, strict=True):
        if row is not None and len(row) > 1:
            raise errors.EvaluationError(
                f"an image must have one label if one class is correct; got {label!r:.60}; for a model of "
                'several labels use ks.Probe(model, output="labels").'
            )


def _warn_of_missing_labels(indices: Sequence[ClassIndices]) -> tuple[str, ...]:
    count = sum(not row for row in indices)
    if not count:
        return ()
    text = f"every image should have a label to be explained; {count} of {len(indices)} have none: left out."
    return (warn(errors.EvaluationWarning, text),)
