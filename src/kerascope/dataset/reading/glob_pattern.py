"""Paths that match a pattern such as `photos/**/*.jpg`."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerascope import errors
from kerascope.dataset.reading.folder import list_folder

_MAGIC = re.compile(r"[*?[]")


def find_matches(pattern: str) -> Iterator[str]:
    """Find paths that match a pattern, as in a shell: `**` matches any number of folders.

    Unlike `glob` it does not follow links to folders at `**`, which may be circular, and is not recursive.
    Hidden names match only patterns that begin with a dot; a folder that may not be read has no matches.

    Args:
        pattern: with `*`, `?`, `[...]` and `**`.

    Example:
        >>> import pathlib, tempfile
        >>> from kerascope.dataset.reading.glob_pattern import find_matches
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pathlib.Path(folder, "a", "b").mkdir(parents=True)
        ...     pathlib.Path(folder, "a", "b", "1.jpg").touch()
        ...     [pathlib.Path(path).name for path in find_matches(f"{folder}/**/*.jpg")]
        ['1.jpg']
    """
    path = Path(pattern)
    parts = path.parts[bool(path.anchor) :]
    found: Iterable[str] = [path.anchor]
    for depth, part in enumerate(parts, 1):
        found = _match_part(found, part, last=depth == len(parts))
    return iter(found)


def _match_part(folders: Iterable[str], part: str, last: bool) -> Iterator[str]:
    """Paths in some folders that match one part of a pattern."""
    for folder in folders:
        if part == "**":
            yield from _walk(folder, files=last)
        elif _MAGIC.search(part) is None:
            path = os.path.join(folder, part)  # noqa: PTH118 (an empty folder stays none)
            if os.path.lexists(path):
                yield path
        else:
            names = [name for name, _ in _names(folder) if part.startswith(".") or not name.startswith(".")]
            yield from (os.path.join(folder, name) for name in fnmatch.filter(names, part))  # noqa: PTH118


def _walk(folder: str, files: bool) -> Iterator[str]:
    """A folder and all folders in it that are no links, or also the files in them."""
    left = [folder]
    while left:
        folder = left.pop()
        yield folder
        names = [entry for entry in _names(folder) if not entry[0].startswith(".")]
        paths = [(os.path.join(folder, name), is_folder) for name, is_folder in names]  # noqa: PTH118
        yield from (path for path, is_folder in paths if files and not is_folder)
        left += [path for path, is_folder in reversed(paths) if is_folder]


def _names(folder: str) -> list[tuple[str, bool]]:
    try:
        return list_folder(folder or ".")
    except errors.UnreadableError:
        return []
