"""Parquet tables with a column of images."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.columns import (
    IMAGES,
    LABELS,
    PATHS,
    flags_among,
    label_of_flags,
    named,
    several_named,
    usual,
)
from kerascope.dataset.fields import can_be_labels, chosen, class_of, classes_of, holds_numbers, image_kind
from kerascope.dataset.item import FilePlace, Item, file_system, is_address, located, safe_name
from kerascope.dataset.label import Label, read_label


@dataclass(frozen=True)
class TablePart:
    """The images of a Parquet file, in its order.

    Args:
        path: of the file, or its address.
        image_column: with the images; None for the first that can be one, by name and then by type.
        label_column: with their labels; None for the one that the Hugging Face libraries say holds classes,
            else one of a usual name, else columns of 0 and 1; `""` for none.
    """

    path: str
    image_column: str | None = None
    label_column: str | None = None

    def __iter__(self) -> Iterator[Item]:
        file = _open(self.path)
        image, kind = self._images
        columns = list(self.flags) or ([] if self._labels is None else [self._labels])
        stem, number = safe_name(Path(self.path).stem), 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            cells = [file.read_row_group(group, columns=[name])[name].to_pylist() for name in columns]
            for row in range(count):
                place: Any = RowPlace(located(self.path), group, row, image)
                if kind == "path":
                    place = _file_of(place)
                label, notes = self._label([values[row] for values in cells])
                yield Item(f"{self.path}#{number}", f"{stem}/{number:06d}", place, label, notes)
                number += 1

    def count(self) -> int:
        return int(_open(self.path).metadata.num_rows)

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
        if chosen := several_named(self.label_column, self._schema.names, self.path):
            return tuple(self._schema.names[place] for place in chosen)
        if self._labels is not None or self.label_column is not None:
            return ()
        names = [field.name for field in self._schema if holds_numbers(field.type)]
        return tuple(names[place] for place in flags_among(names, (), self._rows(names)))

    def _label(self, cells: Sequence[Any]) -> tuple[Label, tuple[str, ...]]:
        if self.flags:
            return label_of_flags(self.flags, cells, f"a row of {self.path!r}")
        if not cells:
            return None, ()
        label, notes = read_label(cells[0], f"column {self._labels!r} of {self.path!r}")
        names = self._classes.get(self._labels or "")
        return (label if names is None else class_of(label, names)), notes

    def _rows(self, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """Cells of some columns, row after row; a row group is in memory."""
        file = _open(self.path)
        for group in range(file.num_row_groups if columns else 0):
            table = file.read_row_group(group, columns=list(columns))
            yield from zip(*(table[name].to_pylist() for name in columns), strict=True)

    @cached_property
    def _schema(self) -> Any:
        return _open(self.path).schema_arrow

    @cached_property
    def _classes(self) -> dict[str, tuple[str, ...]]:
        return classes_of(self._schema.metadata)

    @cached_property
    def _images(self) -> tuple[str, str]:
        """The column of images, and what it holds: `"bytes"` or `"path"`."""
        schema = self._schema
        if self.image_column is not None:
            named(self.image_column, schema.names, self.path)
        kinds = {field.name: image_kind(field.type) for field in schema}
        for kind, names in (("bytes", (IMAGES, schema.names)), ("path", (PATHS, ()))):
            order = [schema.names[place] for place in usual(schema.names, names[0])] + list(names[1])
            order = [self.image_column] if self.image_column else order
            found = next((name for name in order if kinds[name] == kind), None)
            if found is not None:
                return found, kind
        raise errors.DatasetError(
            "a table must have a column of images: bytes, a struct with bytes, or paths; "
            f"{self.path!r} has {', '.join(f'{field.name} ({field.type})' for field in schema)}; name "
            "it: image_column."
        )

    @cached_property
    def _labels(self) -> str | None:
        """The column of labels."""
        schema, image = self._schema, self._images[0]
        if several_named(self.label_column, schema.names, self.path):
            return None
        if self.label_column:
            named(self.label_column, schema.names, self.path)
        found = self.label_column
        if found is None:
            places = usual(schema.names, LABELS)
            found = chosen(self._classes, [schema.names[one] for one in places], image, self.path)
        if found in ("", image, None):
            return None
        kind = schema.field(found).type
        if not can_be_labels(kind):
            raise errors.DatasetError(
                "a column of labels must hold names, whole numbers or lists of these; column "
                f"{found!r} of {self.path!r} holds {kind}; name another one as label_column, or '' for none."
            )
        return found


@dataclass(frozen=True)
class RowPlace:
    """A cell of a Parquet file.

    Args:
        path: of the file, or its address.
        group: its row group; the last one that was read is kept.
        row: in the group.
        column: with the images.
    """

    path: str
    group: int
    row: int
    column: str

    def read(self) -> bytes:
        value = self.value()
        if isinstance(value, dict):
            value = value.get("bytes")
        if not isinstance(value, bytes):
            raise errors.PhotographError("a cell must hold the bytes of a picture; this one is empty.")
        return value

    def value(self) -> Any:
        """What the cell holds."""
        import pyarrow as pa

        try:
            with _lock:
                column = _group(self.path, self.group, self.column)
        except (OSError, pa.ArrowException) as error:
            raise errors.PhotographError(f"a table must be readable; {error}.") from error
        return column[self.row].as_py()


_lock = threading.Lock()


@functools.lru_cache(maxsize=2)
def _group(path: str, group: int, column: str) -> Any:
    """A column of a row group; two, so that threads at a border do not read both in turns."""
    return _open(path).read_row_group(group, columns=[column])[column]


def _file_of(place: RowPlace) -> FilePlace:
    """The file that a cell names, in the table's folder: a table may come from anywhere."""
    text = str(place.value() or "")
    if is_address(place.path):
        return FilePlace(f"{place.path.rpartition('/')[0]}/{_relative(text)}")
    folder = Path(place.path).parent
    return FilePlace(str(folder / text), str(folder))


def _relative(text: str) -> str:
    return "/".join(part for part in text.split("/") if part not in ("", ".", ".."))


def _open(path: str) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise errors.MissingPackageError("pyarrow", "dataset") from None
    try:
        if is_address(path):
            filesystem, inner = file_system(path)
            return pq.ParquetFile(inner, filesystem=filesystem)
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise errors.DatasetError(
            f"a table must be a Parquet file; {path!r} cannot be read as one ({error})."
        ) from error
