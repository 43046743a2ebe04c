"""Schemas of Parquet tables: columns of images and labels, and class names of Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kerascope import errors
from kerascope.dataset.labels.label import Label


def image_kind(type_: Any) -> str | None:
    """The kind of a column of images by its type: `"bytes"`, `"path"`, or None where it has no images."""
    import pyarrow.types as types

    if types.is_binary(type_) or types.is_large_binary(type_):
        return "bytes"
    if types.is_struct(type_):
        fields = {type_.field(index).name for index in range(type_.num_fields)}
        return "bytes" if "bytes" in fields else None
    return "path" if types.is_string(type_) or types.is_large_string(type_) else None


def holds_numbers(type_: Any) -> bool:
    """Whether a column holds numbers, or true and false."""
    import pyarrow.types as types

    return any(test(type_) for test in (types.is_boolean, types.is_integer, types.is_floating))


def can_be_labels(type_: Any) -> bool:
    """Whether a column can hold labels: names, numbers, or lists of these."""
    import pyarrow.types as types

    if types.is_dictionary(type_):
        return can_be_labels(type_.value_type)
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return not types.is_nested(type_.value_type) and can_be_labels(type_.value_type)
    texts = (types.is_string, types.is_large_string, types.is_decimal, types.is_null)
    return holds_numbers(type_) or any(test(type_) for test in texts)


def read_classes(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Read class names by column, where the Hugging Face libraries wrote them into a table."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: names for name, feature in features.items() if (names := _names(feature))}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def choose_label_column(
    classes: Mapping[str, Any], usual: Sequence[str], image: str, path: str
) -> str | None:
    """Choose the column of labels: the one with class names, else the first of a usual name.

    Args:
        classes: class names by column.
        usual: columns with usual names, the most usual first.
        image: the column of images.
        path: of the table, for the error.
    """
    of_usual_name = [name for name in usual if name in classes]
    several = of_usual_name if len(of_usual_name) == 1 else list(classes)
    if len(several) > 1:
        raise errors.DatasetError(
            f"a table must have one column of classes; {path!r} has {len(classes)}: "
            f"{', '.join(map(repr, classes))}; choose one: label_column (--label-column)."
        )
    return next((name for name in (*several, *usual) if name != image), None)


def to_class_name(label: Label, names: Sequence[str]) -> Label:
    """Replace an index in a column with class names by the name; below 0 it means an unknown label."""
    if isinstance(label, tuple):
        parts = (to_class_name(part, names) for part in label)
        return tuple(part for part in parts if isinstance(part, str | int))
    if not isinstance(label, int):
        return label
    return None if label < 0 else names[label] if label < len(names) else label


def _names(feature: Any) -> tuple[str, ...] | None:
    """Class names of a feature, also of a sequence of classes."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names(feature[0])
    if not isinstance(feature, dict):
        return None
    if isinstance(names := feature.get("names"), list):
        return tuple(map(str, names))
    return _names(feature.get("feature"))
