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
"""Files that are looked through for what was passed over."""
_END = ("", False)
"""In the place of a name, when a folder has no more."""


@dataclass(frozen=True)
class FilePart:
    """One file."""

    path: str

    def __iter__(self) -> Iterator[Item]:
        yield Item(self.path, safe_name(Path(self.path).stem), FileLocation(to_absolute(self.path)))


@dataclass(frozen=True)
class FolderPart:
    """Every picture in a folder and its subfolders, sorted by name, folder after folder.

    Pictures that kerascope has made of others are passed over, and folders with its results are no classes.

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
        walked = _walk(Path(self.path), self.follow)
        return ((file, fault) for file, fault in walked if fault is not None or is_picture(file.name))

    def doubts(self) -> tuple[str, ...]:
        """What was passed over: links to folders, and results of kerascope's."""
        left = _Skipped()
        with suppress(errors.UnreadableError):
            for _ in islice(_walk(Path(self.path), self.follow, left), _LOOKED_AT):
                pass
        return tuple(
            f"{self.path!r}: {what} ({len(paths):,}), such as {to_readable(str(paths[0]))!r}{advice}."
            for paths, what, advice in (
                (left.links, "links to folders were not followed", "; follow them with follow_links"),
                (left.results, "pictures of results of kerascope's were passed over", ""),
            )
            if paths
        )

    @property
    def names(self) -> Iterator[str]:
        """Names of all files, but for hidden ones and what links lead to."""
        with suppress(errors.UnreadableError):
            yield from (file.name for file, fault in _walk(Path(self.path), False) if fault is None)


def list_subfolders(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the subfolders, sorted, without links, hidden ones, and results of kerascope's.

    Raises:
        UnreadableError: the folder cannot be read.
    """
    return tuple(
        name
        for name, is_folder in list_folder(path)
        if is_folder and not name.startswith(".") and not _holds_only_results(Path(path, name))
    )


def _holds_only_results(folder: Path) -> bool:
    """Whether a folder holds results of kerascope's, and no pictures of others."""
    if not holds_results(folder):
        return False
    return all(
        name in PICTURE_FOLDERS or name == DATA or _holds_only_results(folder / name)
        if is_folder
        else not is_picture(name)
        for name, is_folder in list_folder(folder)
    )


def list_folder(path: str | os.PathLike[str], follow: bool = False) -> list[tuple[str, bool]]:
    """Sorted names in a folder, and whether each is a folder.

    Args:
        path: of the folder.
        follow: a link to a folder is one, too.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        with os.scandir(path) as scanned:
            return sorted((entry.name, _is_folder(entry, follow)) for entry in scanned)
    except OSError as error:
        raise errors.UnreadableError(
            f"a folder must be readable; {os.fspath(path)!r} is not ({describe_error(error)})."
        ) from error


def _is_folder(entry: os.DirEntry[str], follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a link that leads round in a circle, or to where nobody may look
        return False


@dataclass
class _Skipped:
    """What a walk has left out: links to folders, and folders with results."""

    links: list[Path] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)


def _walk(folder: Path, follow: bool, left: _Skipped | None = None) -> Iterator[tuple[Path, str | None]]:
    """Files by name, each with what is wrong where that is known; names of folders on the way are held.

    It does not call itself: folders may lie in one another more often than Python allows calls.

    Args:
        folder: where it begins.
        follow: follow links to folders.
        left: where what is left out is noted, or None.
    """
    # What is still to come of each folder on the way, and the folders that links must not lead back to.
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
                    found = [one for one in list_folder(below, follow) if not one[0].startswith(".")]
                    if not PICTURE_FOLDERS.isdisjoint(one[0] for one in found) and holds_results(below):
                        found = [one for one in found if one[0] not in PICTURE_FOLDERS]
                        if left is not None:
                            left.results.append(below)
                    ways.append((below, iter(found), above | real))
            except (errors.UnreadableError, OSError, RuntimeError) as error:
                if len(ways) == 1:
                    raise
                yield below, f"a folder must be readable; {_cause(error)}."
        else:
            path = folder / name
            if (
                left is not None
                and not follow
                and not is_picture(name)
                and path.is_symlink()
                and _links_to_folder(path)
            ):
                left.links.append(path)
            yield path, None


def _links_to_folder(link: Path) -> bool:
    try:
        return link.is_dir()
    except (OSError, RuntimeError):  # round in a circle
        return False


def _cause(error: Exception) -> str:
    return describe_error(error.__cause__ if isinstance(error.__cause__, OSError) else error)
