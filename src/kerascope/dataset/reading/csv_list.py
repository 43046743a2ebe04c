"""Lists of images: CSV and other text files with a path in each line, and labels where there are any."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from kerascope import errors
from kerascope.dataset.decoding.formats import is_picture
from kerascope.dataset.labels.column_names import (
    LABELS,
    PATHS,
    detect_flag_columns,
    find_column,
    find_usual_columns,
    label_from_flags,
    select_flag_columns,
)
from kerascope.dataset.labels.label import Label, as_label
from kerascope.dataset.reading.address import is_address, resolve_name
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import (
    FileLocation,
    FileState,
    UnreadableLocation,
    check_unchanged,
    file_state,
    open_file,
    to_absolute,
)

_LOOKED_AT = 32
"""Rows whose files are checked for existence."""


@dataclass(frozen=True)
class ListFormat:
    """How the lines of a list are read.

    Args:
        separator: between columns.
        header: the names of the columns, or None where there are none.
        path: index of the column of paths.
        label: index of the column of labels, or None.
    """

    separator: str
    header: tuple[str, ...] | None
    path: int
    label: int | None

    def __str__(self) -> str:
        name = f" ({self.header[self.path]!r})" if self.header else ""
        return f"paths in column {self.path + 1}{name}, columns separated by {self.separator!r}"


@dataclass(frozen=True)
class ListPart:
    """Files named in a text file: one a line, or in columns with usual names, such as `path` and `label`.

    Columns are separated by commas, semicolons or tabs, or a path from its label by the last space. Relative
    paths start from the list's folder. Empty lines and lines that begin with # are skipped. A line that
    cannot be read is an image that fails. Without a column of labels, two or more columns of 0 and 1 are
    labels of their names.

    Args:
        path: of the list.
        image_column: with the paths; None for one of a usual name, else one whose cells end like pictures.
        label_column: with the labels; None for one of a usual name, `""` for none.
    """

    path: str
    image_column: str | None = None
    label_column: str | None = None

    def __iter__(self) -> Iterator[Item]:
        layout = self.format
        for line_number, cells in self._rows():
            where = f"{self.path}, line {line_number}"
            reason = cells if isinstance(cells, str) else f"it has no path ({layout})"
            name = "" if isinstance(cells, str) else "".join(cells[layout.path : layout.path + 1]).strip()
            if isinstance(cells, str) or not name:
                yield Item(
                    where, f"line {line_number}", UnreadableLocation(f"a line must be readable; {reason}.")
                )
                continue
            path = resolve_name(self.path, name)
            shown = str(path) if is_address(name) else name
            stem = safe_name(os.path.splitext(shown)[0])  # noqa: PTH122 (may be no local path)
            yield Item(str(path), stem, FileLocation(to_absolute(path)), *self._label(cells, where))

    @cached_property
    def _state(self) -> FileState:
        return file_state(self.path)

    @cached_property
    def format(self) -> ListFormat:
        """How the list is read, by its first two lines."""
        with closing(self._lines()) as lines:
            first = [line for _, line in islice(lines, 2)]
        separator = _separator(first[0] if first else "", self.path)
        rows = [cells for line in first if not isinstance(cells := _cells(line, separator), str)]
        top, second = ([cell.strip() for cell in row] for row in (*rows, [], [])[:2])
        path, has_header = self._path_column(top, second)
        label = self._label_column(top, path) if has_header else _other_column(path, len(top))
        label = None if self.label_column == "" else label
        return ListFormat(separator, tuple(top) if has_header else None, path, label)

    @cached_property
    def flags(self) -> tuple[int, ...]:
        """Indices of columns of 0 and 1 that are labels."""
        layout = self.format
        if layout.header is None:
            return ()
        if selected := select_flag_columns(self.label_column, layout.header, self.path):
            return tuple(selected)
        if layout.label is not None or self.label_column is not None:
            return ()
        rows = (cells for _, cells in self._rows() if not isinstance(cells, str))
        return tuple(detect_flag_columns(layout.header, [layout.path], rows))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the columns of 0 and 1 that are labels."""
        header = self.format.header
        return tuple(header[index] for index in self.flags) if header and self.flags else None

    def doubts(self) -> tuple[str, ...]:
        """Say how the list was read, where none of its first rows names a file that exists."""
        first = list(islice(self, _LOOKED_AT))
        paths = [item.location.path for item in first if isinstance(item.location, FileLocation)]
        if not first or any(is_address(path) or _exists(path) for path in paths):
            return ()
        doubt = (
            f"a list must name files that are there; none of the first {len(first)} rows of "
            f"{self.path!r} does; it was taken for {self.format}; paths start from its folder."
        )
        return (doubt,)

    def _label(self, cells: Sequence[str], where: str) -> tuple[Label, tuple[str, ...]]:
        if self.flags and self.format.header:
            names = [self.format.header[index] for index in self.flags]
            flags = [cells[index] for index in self.flags if index < len(cells)]
            return label_from_flags(names, flags, where)
        index = self.format.label
        return (as_label(cells[index]) if index is not None and index < len(cells) else None), ()

    def _path_column(self, top: Sequence[str], second: Sequence[str]) -> tuple[int, bool]:
        """The column of paths, by its name or its cells, and whether the first line is a header."""
        if self.image_column is not None:
            return find_column(self.image_column, top, self.path), True
        if indices := find_usual_columns(top, PATHS):
            return indices[0], True
        above, below = _find_pictures(top), _find_pictures(second)
        return next(iter(above or below), 0), bool(self.label_column) or bool(below and not above)

    def _label_column(self, top: Sequence[str], path: int) -> int | None:
        if select_flag_columns(self.label_column, top, self.path):
            return None
        if self.label_column:
            return find_column(self.label_column, top, self.path)
        return next((index for index in find_usual_columns(top, LABELS) if index != path), None)

    def _rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """The number and the cells of each line below the header, or the fault of the line."""
        header = self.format.header is not None
        for line_number, line in self._lines():
            if header:
                header = False
                continue
            cells = _cells(line, self.format.separator)
            if isinstance(cells, str) or any(cell.strip() for cell in cells):
                yield line_number, cells

    def _lines(self) -> Generator[tuple[int, str]]:
        """The number and the text of each line that is neither empty nor a comment."""
        try:
            check_unchanged(self.path, self._state)
            with open_file(self.path) as file:
                encoding = _encoding(file.read(2))
            # Names of files may have any bytes; surrogates keep those that are not UTF-8.
            with (
                open_file(self.path) as content,
                io.TextIOWrapper(content, encoding=encoding, errors="surrogateescape") as file,
            ):
                for line_number, line in enumerate(file, 1):
                    if line.strip() and not line.startswith("#"):
                        yield line_number, line.rstrip("\n")
            check_unchanged(self.path, self._state)
        except (OSError, UnicodeError, errors.PhotographError) as error:
            raise errors.UnreadableError(
                f"a list must be a text file with a path in each line; {self.path!r} cannot be read as one "
                f"({error})."
            ) from error


def _encoding(begin: bytes) -> str:
    """The encoding of a text by its first bytes: UTF-16 as Windows writes it, else UTF-8."""
    return "utf-16" if begin in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # bytes that no name can have
        return False


def _cells(line: str, separator: str) -> list[str] | str:
    """The cells of one line, or its fault: an open quote must not take the next lines in."""
    if separator == " ":  # between a path, which may have more of them, and its label
        return line.rsplit(" ", 1)
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        return f"its quotes must be closed ({error})"


def _separator(line: str, path: str) -> str:
    """The separator of columns: one with which the first line is a header, else the usual one."""
    for separator in ",;\t":
        cells = _cells(line, separator)
        if len(cells) > 1 and not isinstance(cells, str) and find_usual_columns(cells, PATHS):
            return separator
    if path.lower().endswith(".csv"):
        return next((separator for separator in ",;\t" if separator in line), ",")
    before, space, label = line.rstrip().rpartition(" ")
    return " " if space and is_picture(before) and not is_picture(label) else "\t"


def _find_pictures(cells: Sequence[str]) -> list[int]:
    return [index for index, cell in enumerate(cells) if is_picture(cell)]


def _other_column(path: int, count: int) -> int | None:
    """The column of labels where there is no header: the one behind the path, or the only other one."""
    if path == 0:
        return 1
    return 0 if count == 2 else None
