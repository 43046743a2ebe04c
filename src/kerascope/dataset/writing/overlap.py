"""Checks that no input lies in a folder or file that a run replaces."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.reading.address import is_address
from kerascope.dataset.reading.item import Item


def check_no_overlap(
    target: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]], items: Iterable[Item] = ()
) -> None:
    """Check that no input is, or lies in, a file or folder that is replaced; links are followed."""
    root = os.path.realpath(target)

    @functools.lru_cache(maxsize=1024)
    def resolve(folder: str) -> str:
        return os.path.realpath(folder)

    def check(path: str) -> None:
        if is_address(path):
            scheme, _, path = path.partition("://")
            if scheme != "file":
                return
        # Most files are no links, and many lie in one folder.
        folder, name = os.path.split(path)
        linked = Path(path).is_symlink()
        real = os.path.realpath(path) if linked else f"{resolve(folder or '.').rstrip(os.sep)}{os.sep}{name}"
        if f"{real}{os.sep}".startswith(f"{root.rstrip(os.sep)}{os.sep}"):
            raise errors.DatasetError(
                f"an input must not be replaced; {path!r} lies in {str(target)!r}, or is it; write elsewhere."
            )

    for given in (os.fspath(path) for path in inputs):
        check(given if is_address(given) else os.path.realpath(given))
    for item in items:
        path = getattr(item.location, "path", None)
        if isinstance(path, str):
            check(path)


def existing_paths(*values: Any) -> Iterator[str]:
    """Yield the values that are paths of existing files or folders."""
    for value in values:
        if isinstance(value, str | os.PathLike) and os.path.lexists(value):
            yield os.fspath(value)
