"""Cells of Parquet tables, of row groups that are read when they are needed."""

from __future__ import annotations

import functools
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.reading.address import Address, file_system, is_address, join_inside
from kerascope.dataset.reading.location import (
    FileLocation,
    FileState,
    check_unchanged,
    file_state,
    to_absolute,
)


@dataclass(frozen=True)
class TableHeader:
    """The header of a table.

    Args:
        state: of the file, see `kerascope.dataset.reading.location.file_state`.
    """

    schema: Any
    rows: tuple[int, ...]
    state: FileState


def read_header(path: str) -> TableHeader:
    """Read the header of a table."""
    try:
        state = file_state(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    file = open_table(path)
    metadata = file.metadata
    rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return TableHeader(file.schema_arrow, rows, state)


class RowGroups:
    """Row groups of the column of images of a table, with a cache of the last ones.

    The cache is freed with the images. A file that replaces the table is not read.
    """

    def __init__(self, path: str, column: str, state: FileState) -> None:
        self.path, self.column, self.state = path, column, state
        self._lock = threading.Lock()
        self._cache: dict[int, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self.path, self.column, self.state)

    def __getitem__(self, group: int) -> Any:
        """Read a row group."""
        with self._lock, convert_errors("a table must be readable"):
            if group not in self._cache:
                check_unchanged(self.path, self.state)
                found = open_table(self.path).read_row_group(group, columns=[self.column])[self.column]
                check_unchanged(self.path, self.state)
                # Two, so that threads at a border do not read both by turns.
                self._cache = dict([*self._cache.items(), (group, found)][-2:])
            return self._cache[group]


@functools.lru_cache(maxsize=1)
def _unpickle(path: str, column: str, state: FileState) -> RowGroups:
    """Share one object between all shards of a table in a worker, so that each row group is read once."""
    return RowGroups(path, column, state)


@dataclass(frozen=True)
class CellLocation:
    """A cell of a Parquet file."""

    groups: RowGroups
    group: int
    row: int

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.groups.path

    def read(self) -> bytes:
        value = self.value()
        if isinstance(value, dict):
            value = value.get("bytes")
        if not isinstance(value, bytes):
            raise errors.PhotographError("a cell must hold the bytes of a picture; this one is empty.")
        return value

    def value(self) -> Any:
        """Read the value of the cell."""
        return self.groups[self.group][self.row].as_py()


@dataclass(frozen=True)
class CellPathLocation:
    """The file that a cell names, in the folder of the table only, since a table may come from anywhere."""

    cell: CellLocation

    @property
    def path(self) -> str:
        """Path of the file; of the table where the cell cannot be read."""
        try:
            return self._file().path
        except errors.PhotographError:
            return self.cell.path

    def read(self) -> bytes:
        return self._file().read()

    def _file(self) -> FileLocation:
        with convert_errors("a cell must be readable"):
            path, text = self.cell.path, self.cell.value()
            if not text:
                raise errors.PhotographError("a cell must hold the path of a picture; this one is empty.")
            if is_address(path):
                return FileLocation(join_inside(Address.of(path).parent, text))
            folder = Path(path).parent
            return FileLocation(to_absolute(str(folder / text)), str(folder))


def open_table(path: str) -> Any:
    """Open a Parquet file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise errors.MissingPackageError("pyarrow", "dataset") from None
    try:
        if is_address(path):
            filesystem, inner = file_system(path)
            return pq.ParquetFile(inner, filesystem=filesystem)
        # As bytes, since pyarrow takes no name that is not UTF-8.
        return pq.ParquetFile(pa.OSFile(os.fsencode(path)))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> errors.UnreadableError:
    return errors.UnreadableError(
        f"a table must be a Parquet file; {path!r} cannot be read as one ({error})."
    )
