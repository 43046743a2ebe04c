"""What targets check of the numbers that they are given: classes, places and steps, one or one per image."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import Context
from kerascope.typing import Array


def one_output(context: Context, what: str) -> int:
    """Position of the model's only output.

    Args:
        context: of the model.
        what: what needs it, such as `"a class"`.

    Raises:
        TargetError: there are several.
    """
    if len(context.outputs) != 1:
        names = list(context.outputs)
        raise errors.TargetError(
            f"{what} needs a model with one output; this one has {len(names)}: {names}; choose one with "
            f"ks.Output({names[0]!r}, target), or give a function of the outputs."
        )
    return 0


def check_names(classes: int, context: Context) -> None:
    """Check that there are as many class names as classes.

    Raises:
        TargetError: there are not.
    """
    names = context.class_names
    if names is not None and len(names) != classes:
        raise errors.TargetError(
            f"there must be one class name per class; got {len(names)} names for {classes} classes."
        )


def per_image(value: Any, count: int, what: str) -> list[Any]:
    """What was given as a list with one entry per image, or with one entry for all.

    Args:
        value: one value, or one per image.
        count: number of images.
        what: what it is, such as `"class"`.

    Raises:
        TargetError: there are several, and not as many as images.
    """
    several = not isinstance(value, str) and np.ndim(value) > 0
    values = list(value) if several else [value]
    if several and len(values) != count:
        raise errors.TargetError(
            f"a target per image must have one entry for each of the {count} images; got "
            f"{len(values)}; give one {what} for all, or as many as images."
        )
    return values


def class_indices(value: Any, classes: int, context: Context) -> Array:
    """The class index of each image, (N,) int32.

    Args:
        value: a class index or name, or one per image.
        classes: number of classes.
        context: gives the number of images and the names.

    Raises:
        TargetError: no such class, or not as many as images.
    """
    values = per_image(value, context.count, "class")
    return rows([_class_index(one, classes, context.class_names) for one in values], context.count)


def whole_numbers(value: Any, low: int, high: int, context: Context, what: str, hint: str) -> Array:
    """A whole number for each image, (N,) int32.

    Args:
        value: one for all, or one per image.
        low: the least.
        high: the greatest.
        context: gives the number of images.
        what: what it is, such as `"step"`.
        hint: what to do.

    Raises:
        TargetError: not a whole number, out of range, or not as many as images.
    """
    values = per_image(value, context.count, what)
    for one in values:
        whole = isinstance(one, int | np.integer) and not isinstance(one, bool)
        if not whole or not low <= one <= high:
            raise errors.TargetError(
                f"a {what} must be a whole number from {low} to {high}; got {one!r}; {hint}"
            )
    return rows([int(one) for one in values], context.count)


def rows(values: Any, count: int, dtype: str = "int32") -> Array:
    """An array with one row per image, from one row for all or one for each."""
    array = np.asarray(values, dtype)
    return np.broadcast_to(array, (count, *array.shape[1:])).copy()


def taken(tensor: Any, places: Any) -> Any:
    """Of (N, T, ...), what stands at one place of each image, (N, ...), in backend tensors.

    Args:
        tensor: (N, T, ...).
        places: (N,) int32.
    """
    index = ops.reshape(places, (-1, *[1] * (len(tensor.shape) - 1)))
    index = ops.broadcast_to(index, (tensor.shape[0], 1, *tensor.shape[2:]))
    return ops.take_along_axis(tensor, index, axis=1)[:, 0]


def _class_index(value: Any, classes: int, names: tuple[str, ...] | None) -> int:
    if isinstance(value, str):
        if names is None:
            raise errors.TargetError(
                f"a class name needs the names of the classes; got {value!r} without any; make the probe "
                "with ks.Probe(model, class_names=[...])."
            )
        if value not in names:
            raise errors.UnknownClassError(
                f"a class name must be one of the {len(names)} names of the probe; got {value!r}; "
                f"{errors.nearest(value, names)}"
            )
        if names.count(value) > 1:
            where = " and ".join(str(place) for place, name in enumerate(names) if name == value)
            raise errors.TargetError(
                f"a class name must be unique; {value!r} stands for outputs {where}; give the index."
            )
        return names.index(value)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise errors.TargetError(
            f"a class must be a whole number or a name; got {value!r} ({type(value).__name__})."
        )
    if not 0 <= value < classes:
        raise errors.TargetError(
            f"a class index must be from 0 to {classes - 1}; got {value}; classes are counted from 0."
        )
    return int(value)
