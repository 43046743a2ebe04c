"""Files and folders as streams of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from kerascope import errors
from kerascope.dataset.decoding.formats import is_picture
from kerascope.dataset.photograph_errors import describe_error
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import FileLocation, Location, UnreadableLocation, to_absolute
from kerascope.dataset.result_folder import DATA, PICTURE_FOLDERS, holds_results

_LOOKED_AT = 100_000
"""Files that are searched for pictures and links that were skipped."""
_END = ("", False)
"""In place of an entry, when a folder has no more."""


@dataclass(frozen=True)
class FilePart:
    """One file."""

    path: str

    def __iter__(self) -> Iterator[Item]:
        yield Item(self.path, safe_name(Path(self.path).stem), FileLocation(to_absolute(self.path)))


@dataclass(frozen=True)
class FolderPart:
    """Every picture in a folder and its subfolders, sorted by name, folder after folder.

    Pictures in results of kerascope are skipped, and folders with its results are no classes.

    Args:
        path: of the folder.
        classes: the first subfolder on the way to a picture is its class.
        follow: follow links, also out of the folder.
    """

    path: str
    classes: bool
    follow: bool

    def __iter__(self) -> Iterator[Item]:
        root = Path(self.path)
        inside = None if self.follow else to_absolute(self.path)
        for file, fault in self._pictures():
            relative = file.relative_to(root)
            label = relative.parts[0] if self.classes and len(relative.parts) > 1 else None
            location: Location = (
                FileLocation(to_absolute(str(file)), inside) if fault is None else UnreadableLocation(fault)
            )
            yield Item(
                file.as_posix(), safe_name((relative.parent / relative.stem).as_posix()), location, label
            )

    def _pictures(self) -> Iterator[tuple[Path, str | None]]:
        files = _walk(Path(self.path), self.follow)
        return ((file, fault) for file, fault in files if fault is not None or is_picture(file.name))

    def doubts(self) -> tuple[str, ...]:
        """Warn of links to folders and of results of kerascope that were skipped."""
        skipped = _Skipped()
        with suppress(errors.UnreadableError):
            for _ in islice(_walk(Path(self.path), self.follow, skipped), _LOOKED_AT):
                pass
        return tuple(
            f"{self.path!r}: {subject} ({len(paths):,}), such as {to_readable(str(paths[0]))!r}{advice}."
            for paths, subject, advice in (
                (skipped.links, "links to folders were not followed", "; follow them with follow_links"),
                (skipped.results, "pictures of results of kerascope's were passed over", ""),
            )
            if paths
        )

    @property
    def names(self) -> Iterator[str]:
        """Names of all files, except hidden ones and those behind links."""
        with suppress(errors.UnreadableError):
            yield from (file.name for file, fault in _walk(Path(self.path), False) if fault is None)


def list_subfolders(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """List the names of subfolders, sorted, without links, hidden ones and results of kerascope."""
    return tuple(
        name
        for name, is_folder in list_folder(path)
        if is_folder and not name.startswith(".") and not _holds_only_results(Path(path, name))
    )


def _holds_only_results(folder: Path) -> bool:
    """Whether a folder holds results of kerascope and no other pictures."""
    if not holds_results(folder):
        return False
    return all(
        name in PICTURE_FOLDERS or name == DATA or _holds_only_results(folder / name)
        if is_folder
        else not is_picture(name)
        for name, is_folder in list_folder(folder)
    )


def list_folder(path: str | os.PathLike[str], follow: bool = False) -> list[tuple[str, bool]]:
    """List the names in a folder, sorted, and whether each is a folder.

    Args:
        path: of the folder.
        follow: count a link to a folder as a folder.
    """
    try:
        with os.scandir(path) as entries:
            return sorted((entry.name, _is_folder(entry, follow)) for entry in entries)
    except OSError as error:
        raise errors.UnreadableError(
            f"a folder must be readable; {os.fspath(path)!r} is not ({describe_error(error)})."
        ) from error


def _is_folder(entry: os.DirEntry[str], follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a circular link, or one to a place without permission
        return False


@dataclass
class _Skipped:
    """Links to folders, and folders with results, that a walk has skipped."""

    links: list[Path] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)


def _walk(folder: Path, follow: bool, skipped: _Skipped | None = None) -> Iterator[tuple[Path, str | None]]:
    """Walk through a folder: its files by name, each with its fault where one is known already.

    It is not recursive: folders may be nested deeper than Python allows calls.

    Args:
        folder: to begin with.
        follow: follow links to folders.
        skipped: collects links and results, or None.
    """
    # Of each folder on the way: its remaining entries, and the folders that links must not lead back to.
    ways = [(folder, iter([("", True)]), frozenset[Path]())]
    while ways:
        folder, names, above = ways[-1]
        name, is_folder = next(names, _END)
        if (name, is_folder) == _END:
            ways.pop()
        elif is_folder:
            below = folder / name
            try:
                real = frozenset({below.resolve()}) if follow else frozenset()
                if not real & above:
                    entries = [entry for entry in list_folder(below, follow) if not entry[0].startswith(".")]
                    if not PICTURE_FOLDERS.isdisjoint(entry[0] for entry in entries) and holds_results(below):
                        entries = [entry for entry in entries if entry[0] not in PICTURE_FOLDERS]
                        if skipped is not None:
                            skipped.results.append(below)
                    ways.append((below, iter(entries), above | real))
            except (errors.UnreadableError, OSError, RuntimeError) as error:
                if len(ways) == 1:
                    raise
                yield below, f"a folder must be readable; {_cause(error)}."
        else:
            path = folder / name
            if skipped is not None and not follow and not is_picture(name) and _links_to_folder(path):
                skipped.links.append(path)
            yield path, None


def _links_to_folder(path: Path) -> bool:
    try:
        return path.is_symlink() and path.is_dir()
    except (OSError, RuntimeError):  # a circular link
        return False


def _cause(error: Exception) -> str:
    return describe_error(error.__cause__ if isinstance(error.__cause__, OSError) else error)
