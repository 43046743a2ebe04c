"""Conversion of plain values, such as a class index or a function, to targets."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.target.base import (
    Target,
    TargetLike,
)
from kerascope.target.classes import Class
from kerascope.target.function import Function


def as_target(value: TargetLike) -> Target:
    """Convert a plain value to a target.

    Args:
        value: a `Target`; None for the predicted class; a class index or name, or one per image; or a
            function of the outputs.
    """
    if isinstance(value, Target):
        return value
    if value is None or isinstance(value, str):
        return Class(value)
    if callable(value):
        return Function(value)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.ndim < 2 and array.dtype.kind in "iuU":
        return Class(array.item() if array.ndim == 0 else array.tolist())
    raise errors.TargetError(
        "a target must be None, a class index or name, one of them per image, a kerascope target or a "
        f"function of the outputs; got {value!r}."
    )
