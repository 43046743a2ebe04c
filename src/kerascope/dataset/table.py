"""Parquet tables with a column of images."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.item import FilePlace, Item, file_system, is_address, located, safe_name

_IMAGES = ("image", "img", "picture", "photo", "jpg", "png")
_PATHS = ("path", "file", "file_name", "filename", "image_path")
_LABELS = ("label", "class", "category", "target", "cls")


@dataclass(frozen=True)
class TablePart:
    """The images of a Parquet file, in its order.

    Args:
        path: of the file, or its address.
        image_column: with the images; None for the first that can be one, by name and then by type.
        label_column: with their labels; None for one of a usual name, if there is one.
    """

    path: str
    image_column: str | None = None
    label_column: str | None = None

    def __iter__(self) -> Iterator[Item]:
        file = _open(self.path)
        image, kind, label = self._columns(file.schema_arrow)
        names = self.class_names
        stem, number = safe_name(Path(self.path).stem), 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            labels: list[Any] = [None] * count
            if label is not None:
                labels = file.read_row_group(group, columns=[label])[label].to_pylist()
            for row in range(count):
                place: Any = RowPlace(located(self.path), group, row, image)
                if kind == "path":
                    place = _file_of(place)
                known = labels[row]
                if names and isinstance(known, int) and 0 <= known < len(names):
                    known = names[known]
                yield Item(f"{self.path}#{number}", f"{stem}/{number:06d}", place, known)
                number += 1

    def count(self) -> int:
        return int(_open(self.path).metadata.num_rows)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, where the Hugging Face libraries wrote them into the table."""
        schema = _open(self.path).schema_arrow
        label = self._columns(schema)[2]
        try:
            features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
            names = features[label]["names"]
        except (KeyError, ValueError, TypeError):
            return None
        return tuple(map(str, names)) if isinstance(names, list) else None

    def _columns(self, schema: Any) -> tuple[str, str, str | None]:
        """Image column, what it holds (`"bytes"` or `"path"`), label column."""
        for wanted in (self.image_column, self.label_column):
            if wanted is not None and wanted not in schema.names:
                raise errors.DatasetError(
                    f"a table must have the column that is asked for; {self.path!r} has no {wanted!r}; "
                    f"{errors.nearest(wanted, schema.names)}"
                )
        kinds = {field.name: _kind(field.type) for field in schema}
        order = [self.image_column] if self.image_column else [*_IMAGES, *schema.names]
        image = next((name for name in order if kinds.get(name) == "bytes"), None)
        if image is None:
            order = [self.image_column] if self.image_column else [*_PATHS, *_IMAGES]
            image = next((name for name in order if kinds.get(name) == "path"), None)
        if image is None:
            raise errors.DatasetError(
                "a table must have a column of images: bytes, a struct with bytes, or paths; "
                f"{self.path!r} has {', '.join(f'{field.name} ({field.type})' for field in schema)}; name "
                "it: image_column."
            )
        label = self.label_column or next((name for name in _LABELS if name in schema.names), None)
        return image, str(kinds[image]), None if label == image else label


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


def _kind(type_: Any) -> str | None:
    import pyarrow.types as types

    if types.is_binary(type_) or types.is_large_binary(type_):
        return "bytes"
    if types.is_struct(type_):
        fields = {type_.field(place).name for place in range(type_.num_fields)}
        return "bytes" if "bytes" in fields else None
    return "path" if types.is_string(type_) or types.is_large_string(type_) else None
