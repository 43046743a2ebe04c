"""The labels of an image in its rows, and explanations of it by each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerascope import errors
from kerascope.dataset.labels.label import find_label_indices, format_label
from kerascope.dataset.reading.item import Item
from kerascope.dataset.running.images import ResultRow
from kerascope.explanation import Explanation


def to_label_columns(
    item: Item, places: Mapping[str, int], names: Sequence[str], count: int | None
) -> ResultRow:
    """The columns of an image's labels, and doubts about them.

    Args:
        item: the image.
        places: of the classes by name.
        names: of the classes; none where they are not known.
        count: how many classes there are, or None.
    """
    found = find_label_indices(item.label, places, count)
    return {
        "label": format_label(item.label, found, names),
        "label_index": found[0] if found is not None and len(found) == 1 else None,
        "label_indices": None if found is None else list(found),
        "warnings": [f"KerascopeWarning: {note}" for note in item.notes],
    }


def check_labels(row: ResultRow, alone: bool) -> None:
    """Check that an image can be explained by its labels."""
    places = row["label_indices"]
    if places is None:
        raise errors.TargetError(
            f"every image must have a label among the class names; got {row['label']!r}; give the names "
            "in the order of the model's outputs."
        )
    if not places:
        raise errors.TargetError(
            "an image must have a label to be explained by it; its list of labels is empty; take another "
            "target for it."
        )
    if alone and len(places) > 1:
        raise errors.TargetError(
            f"an image of an audit by labels must have one; got {row['label']!r}; audit the predicted class."
        )


def join_explanations(found: Sequence[Explanation]) -> Explanation:
    """Explanations of one image by one class each, as one with a class axis."""
    if len(found) == 1:
        return found[0]
    names = ("values", "targets", "scores", "probabilities", "completeness_gap")
    parts = {name: [getattr(explanation, name) for explanation in found] for name in names}
    joined = {
        name: None if values[0] is None else np.concatenate(values)[None] for name, values in parts.items()
    }
    return replace(found[0], class_axis=True, **joined)  # type: ignore[arg-type]
