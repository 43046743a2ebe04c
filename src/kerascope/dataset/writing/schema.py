"""The schema of the table of results, and rows as a table. It imports pyarrow: import it where used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.readable_text import to_readable

try:
    import pyarrow as pa
except ImportError:
    raise errors.MissingPackageError("pyarrow", "dataset") from None

TIMINGS = ("read", "explain", "render")
"""Seconds per image: reading and decoding; its share of a batch; mapping back, drawing and writing."""


def schema(map_shape: tuple[int, ...], map_type: str, more: Sequence[tuple[str, Any]] = ()) -> pa.Schema:
    """Return the columns of the table: a row per image and explained class.

    Args:
        map_shape: (h, w) of the heat maps.
        map_type: `"float16"` or `"float32"`.
        more: names and types of further columns.
    """
    value = {"float16": pa.float16(), "float32": pa.float32()}[map_type]
    return pa.schema(
        [
            ("index", pa.int64()),  # position in the source
            ("path", pa.string()),
            ("digest", pa.string()),  # SHA-256 of the file's bytes
            ("height", pa.int32()),  # of the upright photograph
            ("width", pa.int32()),
            ("box", pa.list_(pa.int32(), 4)),  # top, left, bottom, right: what the model was shown
            ("label", pa.string()),
            ("label_index", pa.int32()),  # where there is one
            ("label_indices", pa.list_(pa.int32())),  # of all its labels
            ("prediction", pa.int32()),
            ("prediction_name", pa.string()),
            ("rank", pa.int32()),  # 1, and on for a target of several classes
            ("target", pa.int32()),
            ("target_name", pa.string()),
            ("score", pa.float32()),
            ("probability", pa.float32()),
            ("method", pa.string()),
            ("layer", pa.string()),
            ("map", pa.fixed_shape_tensor(value, map_shape)),
            ("overlay", pa.string()),
            ("warnings", pa.list_(pa.string())),
            ("status", pa.string()),  # "explained" or "failed"
            ("error", pa.string()),
            ("timings", pa.struct([(name, pa.float32()) for name in TIMINGS])),
            *more,
        ]
    )


def table(rows: Sequence[Mapping[str, Any]], columns: pa.Schema) -> pa.Table:
    """Convert rows to a table; missing values are null.

    Args:
        rows: by the names of the columns; maps as arrays.
        columns: of `schema`.
    """
    arrays = []
    for column in columns:
        values = [_storable(row.get(column.name)) for row in rows]
        if column.name == "map":
            storage = _maps(values, column.type)
            arrays.append(pa.ExtensionArray.from_storage(column.type, storage))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.Table.from_arrays(arrays, schema=columns)


def _storable(value: Any) -> Any:
    """Return a value with readable text: errors quote names that are not UTF-8."""
    if isinstance(value, str):
        return to_readable(value)
    return [_storable(element) for element in value] if isinstance(value, list) else value


def _maps(values: Sequence[Any], kind: Any) -> pa.Array:
    """Convert maps to an array of fixed-size lists, null where there is none."""
    size = int(np.prod(kind.shape))
    dtype = np.dtype(kind.value_type.to_pandas_dtype())
    flat = np.zeros((len(values), size), dtype)
    for row, value in enumerate(values):
        if value is not None:
            flat[row] = np.asarray(value, dtype).reshape(-1)
    missing = np.array([value is None for value in values])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), size, mask=pa.array(missing))
