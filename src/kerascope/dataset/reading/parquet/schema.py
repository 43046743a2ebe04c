"""What the fields of a Parquet table can be: images, labels, and classes as Hugging Face notes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kerascope import errors
from kerascope.dataset.labels.label import Label


def image_kind(type_: Any) -> str | None:
    """What a column of images holds, `"bytes"` or `"path"`, by its type; None where it can be none."""
    import pyarrow.types as types

    if types.is_binary(type_) or types.is_large_binary(type_):
        return "bytes"
    if types.is_struct(type_):
        fields = {type_.field(place).name for place in range(type_.num_fields)}
        return "bytes" if "bytes" in fields else None
    return "path" if types.is_string(type_) or types.is_large_string(type_) else None


def holds_numbers(type_: Any) -> bool:
    """Whether a column holds true and false, or numbers."""
    import pyarrow.types as types

    return any(test(type_) for test in (types.is_boolean, types.is_integer, types.is_floating))


def can_be_labels(type_: Any) -> bool:
    """Whether what a column holds can be labels: names, numbers, or lists of these."""
    import pyarrow.types as types

    if types.is_dictionary(type_):
        return can_be_labels(type_.value_type)
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return not types.is_nested(type_.value_type) and can_be_labels(type_.value_type)
    texts = (types.is_string, types.is_large_string, types.is_decimal, types.is_null)
    return holds_numbers(type_) or any(test(type_) for test in texts)


def read_classes(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Names of the classes by column, where the Hugging Face libraries wrote them into a table.

    Args:
        metadata: of the schema.
    """
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: names for name, feature in features.items() if (names := _names(feature))}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def choose_label_column(
    classes: Mapping[str, Any], usual: Sequence[str], image: str, path: str
) -> str | None:
    """The column of labels: the one that the table says holds classes, else the first of a usual name.

    Args:
        classes: names of the classes, by the columns that hold them.
        usual: columns with usual names, the most usual first.
        image: the column of images.
        path: of the table, for the error.

    Raises:
        DatasetError: several hold classes, and not one of them has a usual name.
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
    """A label of a column of classes, by name; a number below 0 says there that it is not known.

    Args:
        label: of such a column.
        names: of the classes.
    """
    if isinstance(label, tuple):
        return tuple(
            one for one in (to_class_name(one, names) for one in label) if isinstance(one, str | int)
        )
    if not isinstance(label, int):
        return label
    return None if label < 0 else names[label] if label < len(names) else label


def _names(feature: Any) -> tuple[str, ...] | None:
    """Names of the classes of a feature, also of a sequence of classes."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names(feature[0])
    if not isinstance(feature, dict):
        return None
    if isinstance(names := feature.get("names"), list):
        return tuple(map(str, names))
    return _names(feature.get("feature"))
