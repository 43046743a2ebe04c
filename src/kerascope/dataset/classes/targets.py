"""Targets by the names of classes, and warnings about targets and labels that are no classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassNames
from kerascope.dataset.labels.label import find_label_indices
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import Source
from kerascope.target import TargetLike

LABEL = "label"
"""The target that is each image's own label."""
_LOOKED_AT = 256
"""Images whose labels are looked at before a run begins."""


def resolve_target(target: TargetLike, class_names: ClassNames) -> TargetLike:
    """Replace the name or code of a class by its index."""
    if not isinstance(target, str) or target == LABEL:
        return target
    name, names = class_names.codes.get(target, target), class_names.names or ()
    if name in class_names.indices:
        return class_names.indices[name]
    if name in names:
        where = " and ".join(str(index) for index, other in enumerate(names) if other == name)
        raise errors.TargetError(
            f"a target must be one class; {name!r} names outputs {where}; give the number of one."
        )
    hint = errors.nearest(target, names) if names else "names are given by class_names (--classes)"
    raise errors.UnknownClassError(
        f"a target must be the name of a class, a number, 'label', or None for the predicted class; got "
        f"{target!r}; {hint}"
    )


def find_doubts(target: TargetLike, source: Source, class_names: ClassNames) -> Iterator[str]:
    """Find reasons to doubt the paths, the labels, and a target that is also the name of another class."""
    yield from source.doubts
    yield from find_number_doubts(target, class_names)
    items = list(islice(source, _LOOKED_AT))
    yield from next((item.notes for item in items if item.notes), ())
    labelled = [item for item in items if item.label is not None]
    unknown = [item for item in labelled if class_names.label_indices(item) is None]
    lost = len(unknown) == len(labelled) and (labelled or class_names.names is None)
    if isinstance(target, str) and target == LABEL and lost:
        got = f"the first is {unknown[0].label!r}" if unknown else f"the first {len(items)} have none"
        raise errors.TargetError(
            f"the target 'label' must find each label among the classes; {got}; give class_names "
            "(--classes) in the order of the model's outputs."
        )
    if class_names.count is not None:
        yield from _find_label_doubts(source, class_names, unknown, len(labelled))


def _find_label_doubts(
    source: Source, class_names: ClassNames, unknown: Sequence[Item], labelled: int
) -> Iterator[str]:
    """Labels that are no classes: of the source's class names where it has some, else of its first images."""
    own, count = source.class_names or (), class_names.count
    strangers = [name for name in own if find_label_indices(name, class_names.indices, count) is None]
    if strangers:
        yield (
            f"labels should be names of the model's classes; the images have {len(own)} labels, such as "
            f"{strangers[0]!r}, and the model {count} outputs; {_hint(strangers[0], class_names)}"
        )
    elif unknown:
        first = unknown[0]
        yield (
            f"labels should be names or indices of the model's {count} classes, counted from 0; "
            f"{len(unknown)} of the first {labelled} are not, such as {first.label!r} of {first.path!r}; "
            f"{_hint(str(first.label), class_names)}"
        )


def _hint(label: str, class_names: ClassNames) -> str:
    if class_names.names is not None:
        return errors.nearest(label, class_names.names)
    return "give class_names (--classes) to have them matched."


def find_number_doubts(target: TargetLike, class_names: ClassNames) -> Iterator[str]:
    """Find reasons to doubt a number that is also the name of another class."""
    if isinstance(target, bool) or not isinstance(target, int | np.integer):
        return
    index = class_names.indices.get(str(target))
    if index is not None and index != target and class_names.names and 0 <= target < len(class_names.names):
        yield (
            f"the target {target} is output {target}, which is called {class_names.names[target]!r}; the "
            f"class that is called '{target}' is output {index}: give {index} for that."
        )
