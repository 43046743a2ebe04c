"""Lists: text files that name pictures, one a line or in columns, with labels where there are any."""

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
from kerascope.dataset.labels.columns import (
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
"""Rows that are looked at before a list is doubted."""


@dataclass(frozen=True)
class ListFormat:
    """What a list is taken for.

    Args:
        separator: between columns.
        header: the names of the columns, or None where there are none.
        path: position of the column with the paths.
        label: position of that with the labels, or None.
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
    paths start from the list's folder. Empty lines and lines that begin with # are passed over. A line that
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
        form = self.form
        for number, cells in self._rows():
            where = f"{self.path}, line {number}"
            name = cells[form.path].strip() if not isinstance(cells, str) and form.path < len(cells) else ""
            if isinstance(cells, str) or not name:
                reason = cells if isinstance(cells, str) else f"it has no path ({form})"
                yield Item(where, f"line {number}", UnreadableLocation(f"a line must be readable; {reason}."))
                continue
            path = resolve_name(self.path, name)
            told = str(path) if is_address(name) else name
            stem = safe_name(os.path.splitext(told)[0])  # noqa: PTH122 (may be no local path)
            yield Item(str(path), stem, FileLocation(to_absolute(path)), *self._label(cells, where))

    @cached_property
    def _state(self) -> FileState:
        return file_state(self.path)

    @cached_property
    def form(self) -> ListFormat:
        """What the list is taken for, by its first two lines."""
        with closing(self._lines()) as lines:
            first = [line for _, line in islice(lines, 2)]
        separator = _separator(first[0] if first else "", self.path)
        rows = [cells for line in first if not isinstance(cells := _cells(line, separator), str)]
        head, second = ([cell.strip() for cell in row] for row in (*rows, [], [])[:2])
        path, header = self._path_column(head, second)
        label = self._label_column(head, path) if header else _other_column(path, len(head))
        label = None if self.label_column == "" else label
        return ListFormat(separator, tuple(head) if header else None, path, label)

    @cached_property
    def flags(self) -> tuple[int, ...]:
        """Positions of columns of 0 and 1 that are labels."""
        form = self.form
        if form.header is not None and (
            chosen := select_flag_columns(self.label_column, form.header, self.path)
        ):
            return tuple(chosen)
        if form.header is None or form.label is not None or self.label_column is not None:
            return ()
        rows = (cells for _, cells in self._rows() if not isinstance(cells, str))
        return tuple(detect_flag_columns(form.header, [form.path], rows))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the columns of 0 and 1 that are labels."""
        header = self.form.header
        return tuple(header[place] for place in self.flags) if header and self.flags else None

    def doubts(self) -> tuple[str, ...]:
        """What the list was taken for, where none of its first rows names a file that is there."""
        looked_at = list(islice(self, _LOOKED_AT))
        paths = [item.location.path for item in looked_at if isinstance(item.location, FileLocation)]
        if not looked_at or any(is_address(path) or _is_there(path) for path in paths):
            return ()
        doubt = (
            f"a list must name files that are there; none of the first {len(looked_at)} rows of "
            f"{self.path!r} does; it was taken for {self.form}; paths start from its folder."
        )
        return (doubt,)

    def _label(self, cells: Sequence[str], where: str) -> tuple[Label, tuple[str, ...]]:
        if self.flags and self.form.header:
            names = [self.form.header[place] for place in self.flags]
            return label_from_flags(
                names, [cells[place] for place in self.flags if place < len(cells)], where
            )
        place = self.form.label
        return (as_label(cells[place]) if place is not None and place < len(cells) else None), ()

    def _path_column(self, head: Sequence[str], second: Sequence[str]) -> tuple[int, bool]:
        """Where the paths are, by its name or by how cells end, and whether the first line is a header."""
        if self.image_column is not None:
            return find_column(self.image_column, head, self.path), True
        if places := find_usual_columns(head, PATHS):
            return places[0], True
        above, below = _pictures(head), _pictures(second)
        return next(iter(above or below), 0), bool(self.label_column) or bool(below and not above)

    def _label_column(self, head: Sequence[str], path: int) -> int | None:
        if select_flag_columns(self.label_column, head, self.path):
            return None
        if self.label_column:
            return find_column(self.label_column, head, self.path)
        return next((place for place in find_usual_columns(head, LABELS) if place != path), None)

    def _rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """Number and cells of each line below the header, or what is wrong with it."""
        header = self.form.header is not None
        for number, line in self._lines():
            if header:
                header = False
                continue
            cells = _cells(line, self.form.separator)
            if isinstance(cells, str) or any(cell.strip() for cell in cells):
                yield number, cells

    def _lines(self) -> Generator[tuple[int, str]]:
        """Number and text of each line that says something."""
        try:
            check_unchanged(self.path, self._state)
            with open_file(self.path) as file:
                encoding = _encoding(file.read(2))
            # A name may be of any bytes: one that is not UTF-8 is found as the system finds it.
            with (
                open_file(self.path) as content,
                io.TextIOWrapper(content, encoding=encoding, errors="surrogateescape") as file,
            ):
                for number, line in enumerate(file, 1):
                    if line.strip() and not line.startswith("#"):
                        yield number, line.rstrip("\n")
            check_unchanged(self.path, self._state)
        except (OSError, UnicodeError, errors.PhotographError) as error:
            raise errors.UnreadableError(
                f"a list must be a text file with a path in each line; {self.path!r} cannot be read as one "
                f"({error})."
            ) from error


def _encoding(begin: bytes) -> str:
    """Of a text by its first bytes: UTF-16 as Windows writes it, else UTF-8."""
    return "utf-16" if begin in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _is_there(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # bytes that no name can have
        return False


def _cells(line: str, separator: str) -> list[str] | str:
    """The cells of a line by itself, or what is wrong: an open quote must not swallow the lines below."""
    if separator == " ":  # between a path, which may have more of them, and its label
        return line.rsplit(" ", 1)
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        return f"its quotes must be closed ({error})"


def _separator(line: str, path: str) -> str:
    """What separates columns: what makes a header of the first line, else what is usual for such a file."""
    for one in ",;\t":
        cells = _cells(line, one)
        if len(cells) > 1 and not isinstance(cells, str) and find_usual_columns(cells, PATHS):
            return one
    if path.lower().endswith(".csv"):
        return next((one for one in ",;\t" if one in line), ",")
    before, space, label = line.rstrip().rpartition(" ")
    return " " if space and is_picture(before) and not is_picture(label) else "\t"


def _pictures(cells: Sequence[str]) -> list[int]:
    return [place for place, cell in enumerate(cells) if is_picture(cell)]


def _other_column(path: int, count: int) -> int | None:
    """The column of labels where no header says it: the one behind the path, or the only other one."""
    if path == 0:
        return 1
    return 0 if count == 2 else None
