"""Indices in targets: classes, steps and values, one for all images or one per image."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import Context
from kerascope.typing import Array


def one_output(context: Context, what: str) -> int:
    """Return the index of the model's only output."""
    if len(context.outputs) != 1:
        names = list(context.outputs)
        raise errors.TargetError(
            f"{what} needs a model with one output; this model has {len(names)}: {names}; choose one with "
            f"ks.Output({names[0]!r}, target), or give a function of the outputs."
        )
    return 0


def check_names(classes: int, context: Context) -> None:
    """Check that there is one name per class, if there are names; raise `TargetError` if not."""
    names = context.class_names
    if names is not None and len(names) != classes:
        raise errors.TargetError(
            f"there must be one class name per class; got {len(names)} names for {classes} classes."
        )


def per_image(value: Any, count: int, what: str) -> list[Any]:
    """Return a list with one entry per image, or with one entry for all."""
    several = not isinstance(value, str) and np.ndim(value) > 0
    values = list(value) if several else [value]
    if several and len(values) != count:
        raise errors.TargetError(
            f"a target per image must have one entry for each of the {count} images; got {len(values)}; give "
            f"one {what} for all images, or one per image."
        )
    return values


def class_indices(value: Any, classes: int, context: Context) -> Array:
    """Return the class index of each image, (N,) int32, from an index or name, or one per image."""
    names = context.class_names
    indices = [_class_index(entry, classes, names) for entry in per_image(value, context.count, "class")]
    return to_rows(indices, context.count)


def whole_numbers(value: Any, low: int, high: int, context: Context, what: str, hint: str) -> Array:
    """Return a whole number from `low` to `high` for each image, (N,) int32."""
    values = per_image(value, context.count, what)
    for entry in values:
        whole = isinstance(entry, int | np.integer) and not isinstance(entry, bool)
        if not whole or not low <= entry <= high:
            raise errors.TargetError(
                f"a {what} must be a whole number from {low} to {high}; got {entry!r}; {hint}"
            )
    return to_rows([int(entry) for entry in values], context.count)


def to_rows(values: Any, count: int, dtype: str = "int32") -> Array:
    """Return an array with one row per image, from one row for all or one per image."""
    array = np.asarray(values, dtype)
    return np.broadcast_to(array, (count, *array.shape[1:])).copy()


def take_per_image(tensor: Any, indices: Any) -> Any:
    """Return one entry of (N, T, ...) per image, (N, ...), by indices (N,) int32."""
    index = ops.reshape(indices, (-1, *[1] * (len(tensor.shape) - 1)))
    index = ops.broadcast_to(index, (tensor.shape[0], 1, *tensor.shape[2:]))
    return ops.take_along_axis(tensor, index, axis=1)[:, 0]


def _class_index(value: Any, classes: int, names: tuple[str, ...] | None) -> int:
    if isinstance(value, str):
        if names is None:
            raise errors.TargetError(
                f"a class name needs a probe with class names; got {value!r}; use "
                "ks.Probe(model, class_names=[...])."
            )
        if value not in names:
            raise errors.UnknownClassError(
                f"a class name must be one of the {len(names)} names of the probe; got {value!r}; "
                f"{errors.nearest(value, names)}"
            )
        if names.count(value) > 1:
            indices = " and ".join(str(index) for index, name in enumerate(names) if name == value)
            raise errors.TargetError(
                f"a class name must be unique; {value!r} names classes {indices}; give the index."
            )
        return names.index(value)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise errors.TargetError(
            f"a class must be an index or a name; got {value!r} ({type(value).__name__})."
        )
    if not 0 <= value < classes:
        raise errors.TargetError(
            f"a class index must be from 0 to {classes - 1}; got {value}; classes are counted from 0."
        )
    return int(value)
