"""What fits a pattern such as `photos/**/*.jpg`."""

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
    """Paths that fit a pattern, as a shell reads it: `**` is any folders on the way, also none.

    `glob` follows links to folders at `**`, for ever where two lead back, and calls itself for each folder.
    This does neither. Hidden names fit only what begins with a dot; a folder that may not be read has nothing
    in it that fits.

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
    for place, part in enumerate(parts, 1):
        found = _match_part(found, part, last=place == len(parts))
    return iter(found)


def _match_part(folders: Iterable[str], part: str, last: bool) -> Iterator[str]:
    """What fits one part of a pattern in each of some folders."""
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
        one = left.pop()
        yield one
        names = [found for found in _names(one) if not found[0].startswith(".")]
        paths = [(os.path.join(one, name), is_folder) for name, is_folder in names]  # noqa: PTH118
        yield from (path for path, is_folder in paths if files and not is_folder)
        left += [path for path, is_folder in reversed(paths) if is_folder]


def _names(folder: str) -> list[tuple[str, bool]]:
    try:
        return list_folder(folder or ".")
    except errors.UnreadableError:
        return []
