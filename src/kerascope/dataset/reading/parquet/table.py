"""Parquet tables with a column of images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.labels.column_names import (
    IMAGES,
    LABELS,
    PATHS,
    detect_flag_columns,
    find_column,
    find_usual_columns,
    label_from_flags,
    select_flag_columns,
)
from kerascope.dataset.labels.label import Label, read_label
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import Location, check_unchanged, to_absolute
from kerascope.dataset.reading.parquet.cells import (
    CellLocation,
    CellPathLocation,
    RowGroups,
    TableHeader,
    open_table,
    read_header,
)
from kerascope.dataset.reading.parquet.schema import (
    can_be_labels,
    choose_label_column,
    holds_numbers,
    image_kind,
    read_classes,
    to_class_name,
)


@dataclass(frozen=True)
class TablePart:
    """The images of a Parquet file, in its order.

    Args:
        path: of the file, or its address.
        image_column: with the images; None for the first that can be one, by name and then by type.
        label_column: with their labels; None for the one that the Hugging Face libraries mark as classes,
            else one of a usual name, else columns of 0 and 1; `""` for none.
    """

    path: str
    image_column: str | None = None
    label_column: str | None = None

    def __iter__(self) -> Iterator[Item]:
        image, kind = self._images
        columns = list(self.flags) or ([] if self._labels is None else [self._labels])
        stem, number = safe_name(Path(self.path).stem), 0
        groups = RowGroups(to_absolute(self.path), image, self._head.state)
        open_once = functools.cache(lambda: open_table(self.path))
        for group, count in enumerate(self._head.rows):
            cells = self._cells(open_once, group, columns)
            for row in range(count):
                cell = CellLocation(groups, group, row)
                location: Location = CellPathLocation(cell) if kind == "path" else cell
                own = [values[row] for values in cells] if isinstance(cells, list) else cells
                label, notes = self._label(own)
                yield Item(f"{self.path}#{number}", f"{stem}/{number:06d}", location, label, notes)
                number += 1

    def count(self) -> int:
        return sum(self._head.rows)

    @property
    def holds_files(self) -> bool:
        """Whether its cells hold the bytes of files, rather than their names."""
        return self._images[1] == "bytes"

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, where the table has them: those of its column, or of columns of 0 and 1."""
        return self._classes.get(self._labels or "") or self.flags or None

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """Columns of 0 and 1 that are labels of their names, where there is no column of labels."""
        if selected := select_flag_columns(self.label_column, self._schema.names, self.path):
            return tuple(self._schema.names[index] for index in selected)
        if self._labels is not None or self.label_column is not None:
            return ()
        names = [field.name for field in self._schema if holds_numbers(field.type)]
        return tuple(names[index] for index in detect_flag_columns(names, (), self._rows(names)))

    def _label(self, cells: Sequence[Any] | errors.PhotographError) -> tuple[Label, tuple[str, ...]]:
        if isinstance(cells, errors.PhotographError):
            return None, (f"its label is not known: {cells}",)
        if self.flags:
            return label_from_flags(self.flags, cells, f"a row of {self.path!r}")
        if not cells:
            return None, ()
        label, notes = read_label(cells[0], f"column {self._labels!r} of {self.path!r}")
        names = self._classes.get(self._labels or "")
        return (label if names is None else to_class_name(label, names)), notes

    def _rows(self, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """Cells of some columns, row by row, of readable row groups, of which one is in memory at a time."""
        open_once = functools.cache(lambda: open_table(self.path))
        for group in range(len(self._head.rows) if columns else 0):
            cells = self._cells(open_once, group, columns)
            if isinstance(cells, list):
                yield from zip(*cells, strict=True)

    def _cells(
        self, open_once: Callable[[], Any], group: int, columns: Sequence[str]
    ) -> list[list[Any]] | errors.PhotographError:
        """Cells of some columns in a row group, or why they cannot be read."""
        if not columns:
            return []
        try:
            with convert_errors("a row group must be readable"):
                check_unchanged(self.path, self._head.state)
                table = open_once().read_row_group(group, columns=list(columns))
                return [_values(table[name]) for name in columns]
        except errors.PhotographError as error:
            return error

    @cached_property
    def _head(self) -> TableHeader:
        return read_header(self.path)

    @cached_property
    def _schema(self) -> Any:
        return self._head.schema

    @cached_property
    def _classes(self) -> dict[str, tuple[str, ...]]:
        return read_classes(self._schema.metadata)

    @cached_property
    def _images(self) -> tuple[str, str]:
        """The column of images, and what it holds: `"bytes"` or `"path"`."""
        schema = self._schema
        if self.image_column is not None:
            find_column(self.image_column, schema.names, self.path)
        kinds = {field.name: image_kind(field.type) for field in schema}
        for kind, usual, others in (("bytes", IMAGES, schema.names), ("path", PATHS, [])):
            order = [schema.names[index] for index in find_usual_columns(schema.names, usual)] + others
            order = [self.image_column] if self.image_column else order
            found = next((name for name in order if kinds[name] == kind), None)
            if found is not None:
                return self._check_single(found), kind
        raise errors.DatasetError(
            "a table must have a column of images: bytes, a struct with bytes, or paths; "
            f"{self.path!r} has {', '.join(f'{field.name} ({field.type})' for field in schema)}; name "
            "it: image_column."
        )

    @cached_property
    def _labels(self) -> str | None:
        """The column of labels."""
        schema, image = self._schema, self._images[0]
        if select_flag_columns(self.label_column, schema.names, self.path):
            return None
        if self.label_column:
            find_column(self.label_column, schema.names, self.path)
        found = self.label_column
        if found is None:
            usual = [schema.names[index] for index in find_usual_columns(schema.names, LABELS)]
            found = choose_label_column(self._classes, usual, image, self.path)
        if found in ("", image, None):
            return None
        kind = schema.field(self._check_single(found)).type
        if not can_be_labels(kind):
            raise errors.DatasetError(
                "a column of labels must hold names, whole numbers or lists of these; column "
                f"{found!r} of {self.path!r} holds {kind}; name another one as label_column, or '' for none."
            )
        return found

    def _check_single(self, name: str) -> str:
        """Check that no other column has the name."""
        if (count := self._schema.names.count(name)) > 1:
            raise errors.DatasetError(
                f"a column of images or labels must have a name of its own; {self.path!r} has {count} of "
                f"{name!r}; name another one: image_column, label_column."
            )
        return name


def _values(column: Any) -> list[Any]:
    """The values of cells; for one that cannot be read, the error."""
    try:
        found: list[Any] = column.to_pylist()
        return found
    except Exception:  # noqa: BLE001 (text that is no UTF-8, dates beyond the calendar: of one cell, not of all)
        return [_value(cell) for cell in column]


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except Exception as error:  # noqa: BLE001 (as above)
        return error
