"""Labels of images: cells as labels, and indices of their classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from kerascope import errors

Label = str | int | tuple[str | int, ...] | None
"""The name of a class, its index, several of these, or None where it is missing."""

_SEPARATOR = "|"
"""Separates several labels in a text."""
_SHOWN = 3
"""The most labels that a warning names."""
_NUMBER = re.compile(r"([0-9]+)(?:\.0*)?")
_FLAGS = {"true": 1, "false": 0}
_MISSING = ("NAType", "NaTType")
"""Types of pandas for missing values, by name."""


def as_label(cell: Any) -> Label:
    """Convert a cell of a list, table or array to a label.

    Args:
        cell: a text; a whole number, also as a decimal, true or false, or a scalar of NumPy; a list or array
            of these for an image with several labels; None, NaN or an empty text where it is missing.

    Returns:
        A name, a number, a tuple of them (of none, where a list is empty), or None. A list of one is that
        one.

    Example:
        >>> from kerascope.dataset.labels.label import as_label
        >>> as_label(" cat "), as_label(2.0), as_label(True), as_label([3, "cat"]), as_label(float("nan"))
        ('cat', 2, 1, (3, 'cat'), None)
    """
    if isinstance(cell, np.ndarray | np.generic) and cell.ndim == 0:
        cell = cell.item()
    if isinstance(cell, list | tuple | set | frozenset | np.ndarray):
        return _join_labels(cell)
    if cell is None or type(cell).__name__ in _MISSING or (_is_decimal(cell) and cell != cell):
        return None
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, int) or (_is_decimal(cell) and cell % 1 == 0):
        return int(cell)
    raise errors.DatasetError(
        "a label must be a name, a whole number, or a list of these; got "
        f"{cell!r:.60} ({type(cell).__name__})."
    )


def read_label(cell: Any, where: str) -> tuple[Label, tuple[str, ...]]:
    """Convert a cell to a label; one that cannot be a label becomes None, with a note that says so."""
    try:
        return as_label(cell), ()
    except errors.DatasetError as error:
        return None, (f"{where}: {error}",)


def find_label_indices(label: Label, indices: Mapping[str, int], count: int | None) -> tuple[int, ...] | None:
    """Find the indices of the classes of a label, each once; None where it is missing or is no class.

    A text is the name of a class, or several names, with | between them, or an index: `"1"`, `"1.0"`,
    `"true"`.

    Args:
        label: of an image.
        indices: of the classes by name.
        count: of the classes; None where the model has none, so that no number is an index.

    Example:
        >>> from kerascope.dataset.labels.label import find_label_indices
        >>> indices = {"cat": 0, "dog": 1}
        >>> [find_label_indices(label, indices, 2) for label in ("dog|cat", "1.0", 2)]
        [(1, 0), (1,), None]
    """
    if label is None:
        return None
    if isinstance(label, str) and label not in indices and _SEPARATOR in label:
        label = tuple(part.strip() for part in label.split(_SEPARATOR) if part.strip())
    found = [_find_index(part, indices, count) for part in (label if isinstance(label, tuple) else (label,))]
    known = tuple(dict.fromkeys(index for index in found if index is not None))
    return None if None in found else known


def format_label(label: Label, indices: Sequence[int] | None, names: Sequence[str]) -> str | None:
    """Format a label: by names of classes where these are known, and with | between several.

    Args:
        label: of an image.
        indices: of its classes, see `find_label_indices`.
        names: of the classes; none where they are not known.
    """
    if label is None:
        return None
    if indices is not None and names:
        return _SEPARATOR.join(names[index] for index in indices)
    return _SEPARATOR.join(map(str, label)) if isinstance(label, tuple) else str(label)


def describe_unknown_labels(labels: Mapping[str, int]) -> list[str]:
    """Describe labels of images that are no classes of the model in a sentence; none without such labels.

    Example:
        >>> from kerascope.dataset.labels.label import describe_unknown_labels
        >>> describe_unknown_labels({"7": 4, "-1": 2})
        ["6 labels are no classes of the model, and count as not known: '7' (4), '-1' (2)."]
    """
    if not labels:
        return []
    ordered = sorted(labels.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{label!r:.60} ({count:,})" for label, count in ordered[:_SHOWN])
    more = f", and {len(ordered) - _SHOWN:,} more" if len(ordered) > _SHOWN else ""
    count = sum(labels.values())
    what = (
        "label is no class of the model, and counts"
        if count == 1
        else "labels are no classes of the model, and count"
    )
    return [f"{count:,} {what} as not known: {shown}{more}."]


def _join_labels(cells: Iterable[Any]) -> Label:
    parts = [as_label(cell) for cell in cells]
    if any(isinstance(part, tuple) for part in parts) or len(set(parts)) < len(parts):
        raise errors.DatasetError(
            f"several labels must be a list of different names or numbers; got {parts!r:.60}; "
            "columns of 0 and 1 must be an array (N, classes)."
        )
    known = tuple(part for part in parts if part is not None and not isinstance(part, tuple))
    return known[0] if len(known) == 1 else known


def _is_decimal(cell: Any) -> bool:
    return isinstance(cell, float | Decimal)


def _find_index(label: str | int, indices: Mapping[str, int], count: int | None) -> int | None:
    if isinstance(label, str):
        if label in indices:
            return indices[label]
        number = _NUMBER.fullmatch(label)
        label = int(number[1]) if number else _FLAGS.get(label.lower(), -1)
    return label if 0 <= label < (count or 0) else None
