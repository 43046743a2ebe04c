"""What is asked about images: each by its own label, by each of several labels, or by a target."""

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
from kerascope.probe import Probe
from kerascope.provenance import warn
from kerascope.target import TargetLike

Places = tuple[int, ...] | None
"""Places of the labels of an image among the classes; None where they are not known."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Images, each as often as something is asked about it.

    Args:
        images: (N, ...) as the model takes them.
        target: what is explained.
        labels: places of the classes (N,) of a model of which one class is right; else None.
        masks: (N, ...) or None.
        doubts: stored warnings.
    """

    images: Any
    target: TargetLike
    labels: Sequence[int] | None = None
    masks: Any = None
    doubts: tuple[str, ...] = ()


def questions(
    probe: Probe, images: Any, labels: Any = None, target: TargetLike = None, masks: Any = None
) -> Questions:
    """What is asked about images: the target, or each image's label; of several labels, each by itself.

    Args:
        probe: of the model.
        images: (N, ...) as the model takes them.
        labels: (N,) places or names of classes, for several labels lists of them; or (N, K) columns of 0 and
            1; None where they are not known. An image whose label is None, or of no label, is left out.
        target: what is explained; None for the labels, or without them for the predicted class.
        masks: (N, ...), or None.

    Raises:
        EvaluationError: a label is no class of the model, there are several where one is right, or none.
    """
    if labels is None:
        return Questions(images, target, masks=masks)
    given = as_labels(labels, len(tree.flatten(images)[0]))
    found = _found(probe, images, given)
    several = _of_labels(probe, images)
    if not several:
        _check_single(found, given)
    if target is not None:
        known = [own[0] for own in found if own is not None and len(own) == 1]
        return Questions(images, target, known if not several and len(known) == len(found) else None, masks)
    pairs = [(row, place) for row, own in enumerate(found) for place in own or ()]
    if not pairs:
        raise errors.EvaluationError(
            f"images must have labels to be explained by them; none of {len(given)} has one; give their "
            "labels, or a target."
        )
    rows, places = [row for row, _ in pairs], [place for _, place in pairs]
    if rows != list(range(len(given))):
        images = tree.map_structure(lambda array: np.asarray(array)[rows], images)
        masks = None if masks is None else np.asarray(masks)[rows]
    return Questions(images, places, None if several else places, masks, _doubts(found))


def _of_labels(probe: Probe, images: Any) -> bool:
    """Whether each number is a question of its own; of a black box that has to be said."""
    return is_multilabel(probe, images) if isinstance(probe, Probe) else probe.output == "labels"


def _found(probe: Probe, images: Any, given: Sequence[Label]) -> list[Places]:
    """The places of labels among the classes.

    Raises:
        EvaluationError: one is none of them.
    """
    names: Sequence[str] | None
    count: int | None
    if isinstance(probe, Probe) and probe.label is not None:
        asked = SelectedLabel(probe.label, probe.label_names, probe.graph(images).label_count)
        names, count = asked.names, asked.count
        answers = [asked.answer(label) for label in given]
        found: list[Places] = [None if answer is None else (answer,) for answer in answers]
    else:
        names = probe.class_names
        count = class_count(probe, images) if isinstance(probe, Probe) else len(names or ()) or None
        places = unique_indices(names)
        found = [find_label_indices(label, places, count) if count else _whole(label) for label in given]
    for label, own in zip(given, found, strict=True):
        if own is None and label is not None:
            hint = errors.nearest(str(label), names) if names else "names are given by ks.Probe(class_names=)"
            raise errors.EvaluationError(
                f"a label must be the name or the place of one of the model's {count or ''} classes; got "
                f"{label!r:.60}; {hint}"
            )
    return found


def _whole(label: Label) -> Places:
    """The place of a class of a model of which it is not known how many it has."""
    return (label,) if isinstance(label, int) else None


def _check_single(found: Sequence[Places], given: Sequence[Label]) -> None:
    for label, own in zip(given, found, strict=True):
        if own is not None and len(own) > 1:
            raise errors.EvaluationError(
                "an image must have one label where one class is right; got "
                f'{label!r:.60}; of a model of several labels say so with ks.Probe(model, output="labels").'
            )


def _doubts(found: Sequence[Places]) -> tuple[str, ...]:
    """Images of which nothing is asked."""
    count = sum(not own for own in found)
    if not count:
        return ()
    text = f"every image should have a label to be explained by; {count} of {len(found)} have none: left out."
    return (warn(errors.EvaluationWarning, text),)
