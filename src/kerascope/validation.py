"""Checks of parameters: one sentence for each kind, with what must hold and what was got."""

from __future__ import annotations

import math
from collections.abc import Iterable
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


def check_number(value: Any, name: str, least: float = 0.0) -> None:
    """Check that a parameter is a finite number of at least `least`; raise `ParameterError` if not."""
    if not is_number(value) or value < least:
        raise errors.ParameterError(f"{name} must be a number of at least {least:g}; got {value!r}.")


def check_positive(value: Any, name: str) -> None:
    """Check that a parameter is a finite number above 0; raise `ParameterError` if not."""
    if not is_number(value) or value <= 0:
        raise errors.ParameterError(f"{name} must be a number above 0; got {value!r}.")


def check_fraction(value: Any, name: str) -> None:
    """Check that a parameter is a number from 0 to 1; raise `ParameterError` if not."""
    if not is_number(value) or not 0 <= value <= 1:
        raise errors.ParameterError(f"{name} must be a number from 0 to 1; got {value!r}.")


def check_share(value: Any, name: str) -> None:
    """Check that a parameter is a number above 0 and at most 1; raise `ParameterError` if not."""
    if not is_number(value) or not 0 < value <= 1:
        raise errors.ParameterError(f"{name} must be a number above 0 and at most 1; got {value!r}.")


def check_inside(value: Any, name: str) -> None:
    """Check that a parameter is a number above 0 and below 1; raise `ParameterError` if not."""
    if not is_number(value) or not 0 < value < 1:
        raise errors.ParameterError(f"{name} must be a number above 0 and below 1; got {value!r}.")


def check_flag(value: Any, name: str) -> None:
    """Check that a parameter is True or False; raise `ParameterError` if not."""
    if not isinstance(value, bool):
        raise errors.ParameterError(f"{name} must be True or False; got {value!r}.")


def check_choice(value: Any, name: str, choices: Iterable[Any]) -> None:
    """Check that a parameter is one of some values; raise `ParameterError` if not."""
    known = list(choices)
    if not any(value is choice or (isinstance(value, type(choice)) and value == choice) for choice in known):
        raise errors.ParameterError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}.")
