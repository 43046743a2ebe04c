"""Errors of foreign data: whatever reading an image raises becomes a `PhotographError` of this image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kerascope import errors
from kerascope.dataset.readable_text import to_readable


@contextmanager
def convert_errors(must: str) -> Iterator[None]:
    """Convert whatever is raised while one image is found, read or decoded to a `PhotographError`.

    Only code that reads and decodes foreign data belongs in the block, since it may raise anything. An error
    in kerascope's own arithmetic ends the run.

    Raises:
        PhotographError: anything was raised.
        MissingPackageError: a package is not installed, which is no fault of the image.

    Example:
        >>> from kerascope import errors
        >>> from kerascope.dataset.photograph_errors import convert_errors
        >>> try:
        ...     with convert_errors("a picture must be whole"):
        ...         raise RuntimeError("no more bytes")
        ... except errors.PhotographError as error:
        ...     print(error)
        a picture must be whole; RuntimeError: no more bytes.
    """
    try:
        yield
    except (errors.PhotographError, errors.MissingPackageError):
        raise
    except MemoryError as error:
        raise errors.PhotographError(
            "a picture must fit into the memory that is left; this one does not; make it smaller."
        ) from error
    except Exception as error:
        raise errors.PhotographError(f"{must}; {describe_error(error)}.") from error


def describe_error(error: Exception) -> str:
    """Describe an error in one line: by the reason of the system, else by its type and text."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, errors.KerascopeError):
        return str(error).rstrip(". ")
    return to_readable(f"{type(error).__name__}: {error}".rstrip(". :"))
