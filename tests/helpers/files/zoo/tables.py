"""Parquet tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.helpers.files.zoo.kind import JPEG, PNG, good, kind


def written(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    """A table."""
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def no_utf_8(*cells: bytes) -> pa.Array:
    """A column of texts whose bytes are any."""
    return pa.array(cells, pa.binary()).view(pa.string())


@kind(1, 1, "empty")
def empty_cell(folder: Path) -> Path:
    return written(folder, {"image": [PNG, None]})


@kind(1, 2, "formats|0 bytes")
def cells_that_are_no_pictures(folder: Path) -> Path:
    return written(folder, {"image": [PNG, b"no picture", b""]})


@kind(1, 1, "empty")
def struct_without_bytes(folder: Path) -> Path:
    return written(folder, {"image": [{"bytes": PNG, "path": "a"}, {"bytes": None, "path": "b"}]})


@kind(1, 4, "No such file|empty|leads out|UTF-8|utf-8")
def paths_of_a_table(folder: Path) -> Path:
    good(folder)
    return written(folder, {"path": no_utf_8(b"good.png", b"gone.png", b"", b"../../up.png", b"s\xff.png")})


@kind(1, 1, "empty")
def path_that_is_null(folder: Path) -> Path:
    good(folder)
    return written(folder, {"path": ["good.png", None]})


@kind(2, 0, "label")
def labels_that_are_no_utf_8(folder: Path) -> Path:
    return written(folder, {"image": [PNG, JPEG], "label": no_utf_8(b"cat", b"s\xff")})


@kind(3, 0, "label must be")
def labels_that_are_fractions(folder: Path) -> Path:
    return written(folder, {"image": [PNG] * 3, "target": [0.5, float("nan"), 1e300]})


@kind(3, 0, "different names or numbers")
def labels_that_are_lists(folder: Path) -> Path:
    return written(folder, {"image": [PNG] * 3, "label": [[1, 1], [], [None, 2]]})


@kind(2)
def labels_that_are_huge(folder: Path) -> Path:
    return written(folder, {"image": [PNG] * 2, "label": pa.array([2**64 - 1, 2**31], pa.uint64())})


@kind(4, 4, "row group|must be readable")
def damaged_row_group(folder: Path) -> Path:
    path = written(
        folder,
        {"image": [PNG + bytes([one]) for one in range(8)], "label": list("abcdabcd")},
        row_group_size=4,
    )
    group = pq.ParquetFile(path).metadata.row_group(1)
    found = bytearray(path.read_bytes())
    for column in range(group.num_columns):
        start = group.column(column).dictionary_page_offset or group.column(column).data_page_offset
        found[start : start + 8] = b"\xff" * 8
    path.write_bytes(found)
    return path


@kind(0, 1, "Parquet")
def cut_table(folder: Path) -> Path:
    path = written(folder, {"image": [PNG] * 4})
    path.write_bytes(path.read_bytes()[:-20])
    return path


@kind(0, 1, "Parquet")
def empty_file_named_table(folder: Path) -> Path:
    (folder / "table.parquet").touch()
    return folder / "table.parquet"


@kind(1, 1, "Parquet")
def folder_of_tables_of_which_one_is_cut(folder: Path) -> Path:
    path = written(folder, {"image": [PNG]})
    (folder / "other.parquet").write_bytes(path.read_bytes()[:50])
    return folder


@kind(0)
def table_of_no_rows(folder: Path) -> Path:
    return written(folder, {"image": pa.array([], pa.binary())})
