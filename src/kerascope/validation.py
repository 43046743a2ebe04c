"""What methods check of the numbers that they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerascope import errors


def is_number(value: Any) -> bool:
    """Whether it is a finite real number, Python's or NumPy's, and no truth value."""
    known = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return known and math.isfinite(value)


def check_whole(value: Any, name: str, least: int = 1) -> None:
    """Check that a parameter is a whole number.

    Args:
        value: of the parameter.
        name: of the parameter.
        least: the least that it may be.

    Raises:
        ParameterError: it is not, or less than `least`.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise errors.ParameterError(f"{name} must be a whole number of at least {least}; got {value!r}.")
