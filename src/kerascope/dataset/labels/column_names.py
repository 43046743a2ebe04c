"""Columns of lists and tables: found by their names, or because they hold 0 and 1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from kerascope import errors
from kerascope.dataset.labels.label import Label, as_label

IMAGES = ("image", "img", "picture", "photo", "jpg", "png")
PATHS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image_file"),
    *("image_filename", "image_name", "img_path", "img_name", "image", "img", "picture", "photo"),
)
LABELS = (
    *("label", "labels", "class", "classes", "class_name", "category", "categories", "target", "targets"),
    *("cls", "label_name", "label_id", "class_id", "category_id"),
)
_COUNTS = frozenset({"", "id", "index", "row", "unnamed_0"})
"""Names of columns that number the rows."""
_FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


def find_usual_columns(columns: Sequence[str], names: Sequence[str]) -> list[int]:
    """Find columns by usual names, and return their indices in the order of the names.

    Args:
        columns: their names; capitals, spaces and hyphens do not matter.
        names: usual ones.

    Example:
        >>> from kerascope.dataset.labels.column_names import LABELS, find_usual_columns
        >>> find_usual_columns(["Target", "size", "label"], LABELS)
        [2, 0]
    """
    known = {_normalize_name(column): index for index, column in reversed(list(enumerate(columns)))}
    return [known[name] for name in names if name in known]


def find_column(column: str, columns: Sequence[str], path: str) -> int:
    """Find the index of a column.

    Raises:
        DatasetError: there is none of that name.
    """
    if column not in columns:
        raise errors.DatasetError(
            f"a table must have the column that was given; {path!r} has no {column!r}; "
            f"{errors.nearest(column, columns)}"
        )
    return list(columns).index(column)


def select_flag_columns(column: str | None, columns: Sequence[str], path: str) -> list[int]:
    """Indices of columns of 0 and 1 that are given by names with commas between; none of a single name.

    Raises:
        DatasetError: there is no column of one of the names.
    """
    if not column or "," not in column or column in columns:
        return []
    return [find_column(name.strip(), columns, path) for name in column.split(",")]


def to_flag(cell: Any) -> bool | None:
    """Convert a cell that holds 0 or 1, true or false; any other becomes None."""
    return _FLAGS.get(str(cell).strip().lower())


def label_from_flags(names: Sequence[str], cells: Sequence[Any], where: str) -> tuple[Label, tuple[str, ...]]:
    """The labels whose columns hold 1 in a row; None, and a note, where a cell is neither 0 nor 1.

    Args:
        names: of the columns.
        cells: of the row; there may be fewer.
        where: the row is, for the note.
    """
    known = [to_flag(cell) for cell in cells]
    if len(known) < len(names) or None in known:
        cell = "nothing" if len(known) < len(names) else repr(cells[known.index(None)])
        return None, (f"{where}: columns of labels must hold 0 or 1; got {cell:.60}; labels are not known.",)
    return as_label([name for name, is_set in zip(names, known, strict=True) if is_set]), ()


def detect_flag_columns(
    columns: Sequence[str], others: Iterable[int], rows: Iterable[Sequence[Any]]
) -> list[int]:
    """Detect columns of only 0 and 1 (true and false), where there are two or more; else none.

    Args:
        columns: their names.
        others: indices of columns that hold something else.
        rows: cells in the order of `columns`; no more are read than are needed.
    """
    once = {
        name
        for name, count in Counter(columns).items()
        if count == 1 and _normalize_name(name) not in _COUNTS
    }
    left = [index for index, name in enumerate(columns) if name in once and index not in set(others)]
    some = False
    for row in rows:
        left = [index for index in left if index < len(row) and to_flag(row[index]) is not None]
        some = True
        if len(left) < 2:
            break
    return left if some and len(left) > 1 else []


def _normalize_name(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")
