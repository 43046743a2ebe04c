"""Cells of Parquet tables: row groups that are read when their turn comes, of the file that was listed."""

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
    """What a table says of itself.

    Args:
        schema: its columns.
        rows: the number of rows of each row group.
        state: of the file, see `kerascope.dataset.reading.location.file_state`.
    """

    schema: Any
    rows: tuple[int, ...]
    state: FileState


def read_header(path: str) -> TableHeader:
    """What a table says of itself.

    Raises:
        UnreadableError: it is no Parquet file.
    """
    try:
        state = file_state(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    file = open_table(path)
    metadata = file.metadata
    rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return TableHeader(file.schema_arrow, rows, state)


class RowGroups:
    """The column of images of a table, of which the row groups that were read last are kept.

    They are gone with the images that they belong to, and never those of a file that took the table's name.

    Args:
        path: of the file, or its address.
        column: with the images.
        state: of the file when its rows were counted.
    """

    def __init__(self, path: str, column: str, state: FileState) -> None:
        self.path, self.column, self.state = path, column, state
        self._lock = threading.Lock()
        self._kept: dict[int, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self.path, self.column, self.state)

    def __getitem__(self, group: int) -> Any:
        """A row group.

        Raises:
            PhotographError: it cannot be read, or the file is another one now.
        """
        with self._lock, convert_errors("a table must be readable"):
            if group not in self._kept:
                check_unchanged(self.path, self.state)
                found = open_table(self.path).read_row_group(group, columns=[self.column])[self.column]
                check_unchanged(self.path, self.state)
                # Two, so that threads at a border do not read both in turns.
                self._kept = dict([*self._kept.items(), (group, found)][-2:])
            return self._kept[group]


@functools.lru_cache(maxsize=1)
def _unpickle(path: str, column: str, state: FileState) -> RowGroups:
    """In another process one for all shards of a table: it would read a row group for each of them."""
    return RowGroups(path, column, state)


@dataclass(frozen=True)
class CellLocation:
    """A cell of a Parquet file.

    Args:
        groups: of the file.
        group: its row group.
        row: in the group.
    """

    groups: RowGroups
    group: int
    row: int

    @property
    def path(self) -> str:
        """Of the file."""
        return self.groups.path

    def read(self) -> bytes:
        value = self.value()
        if isinstance(value, dict):
            value = value.get("bytes")
        if not isinstance(value, bytes):
            raise errors.PhotographError("a cell must hold the bytes of a picture; this one is empty.")
        return value

    def value(self) -> Any:
        """What the cell holds."""
        return self.groups[self.group][self.row].as_py()


@dataclass(frozen=True)
class CellPathLocation:
    """The file that a cell names, in the table's folder: a table may come from anywhere.

    Args:
        cell: that names it.
    """

    cell: CellLocation

    @property
    def path(self) -> str:
        """Of the file; of the table, where its cell cannot be read."""
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
    """A Parquet file, open.

    Raises:
        UnreadableError: it is none.
        MissingPackageError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise errors.MissingPackageError("pyarrow", "dataset") from None
    try:
        if is_address(path):
            filesystem, inner = file_system(path)
            return pq.ParquetFile(inner, filesystem=filesystem)
        # By its bytes: pyarrow takes no name that is not UTF-8.
        return pq.ParquetFile(pa.OSFile(os.fsencode(path)))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> errors.UnreadableError:
    return errors.UnreadableError(
        f"a table must be a Parquet file; {path!r} cannot be read as one ({error})."
    )
