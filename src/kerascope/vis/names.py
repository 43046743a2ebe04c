"""What a name stands for; not a module of keras-vis, which had this in `vis.utils.utils.get_identifier`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from kerascope import errors

T = TypeVar("T", bound=Callable[..., Any])


def named(identifier: str | T, known: Mapping[str, T], parameter: str) -> T:
    """What a name stands for; a callable as it is.

    Args:
        identifier: a name, or what it would stand for.
        known: what there is, by name.
        parameter: whose value it is, for the error.

    Raises:
        ParameterError (a ValueError): neither callable nor a known name.
    """
    if not isinstance(identifier, str) and callable(identifier):
        return identifier
    if isinstance(identifier, str) and identifier in known:
        return known[identifier]
    hint = f"; {errors.nearest(identifier, known)}" if isinstance(identifier, str) else ""
    raise errors.ParameterError(
        f"{parameter} must be None, a function, or one of {sorted(known)}; got {identifier!r}{hint}"
    )
