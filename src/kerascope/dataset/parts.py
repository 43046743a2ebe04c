"""Files, folders and addresses as streams of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerascope import errors
from kerascope.dataset.item import FilePlace, Item, NoPlace, Place, file_system, located, safe_name
from kerascope.dataset.kinds import is_hidden, is_picture


@dataclass(frozen=True)
class FilePart:
    """One file."""

    path: str

    def __iter__(self) -> Iterator[Item]:
        yield Item(self.path, safe_name(Path(self.path).stem), FilePlace(located(self.path)))

    def count(self) -> int:
        return 1


@dataclass(frozen=True)
class FolderPart:
    """Every picture in a folder and its subfolders, sorted by name, folder after folder.

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
        inside = None if self.follow else located(self.path)
        for file, fault in _walk(root, self.follow, frozenset()):
            relative = file.relative_to(root)
            label = relative.parts[0] if self.classes and len(relative.parts) > 1 else None
            place: Place = FilePlace(located(str(file)), inside) if fault is None else NoPlace(fault)
            yield Item(file.as_posix(), safe_name(relative.with_suffix("").as_posix()), place, label)

    def count(self) -> int:
        return sum(1 for _ in _walk(Path(self.path), self.follow, frozenset()))

    @property
    def names(self) -> Iterator[str]:
        """Names of all files, but for hidden ones and what links lead to."""
        for _, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (name for name in files if not name.startswith("."))


@dataclass(frozen=True)
class StorePart:
    """Every picture below an address, sorted by path; like `FolderPart`, but without links."""

    address: str

    def __iter__(self) -> Iterator[Item]:
        for relative in self._pictures:
            where = f"{self.address.rstrip('/')}/{relative}" if relative else self.address
            label = relative.split("/")[0] if self.classes else None
            stem = os.path.splitext(relative or Path(self.address).name)[0]  # noqa: PTH122 (no local path)
            yield Item(where, safe_name(stem), FilePlace(where), label)

    def count(self) -> int:
        return len(self._pictures)

    @cached_property
    def names(self) -> list[str]:
        """Sorted paths of all files below the address, relative to it, but for hidden ones."""
        return _listed(self.address)

    @cached_property
    def classes(self) -> bool:
        """The first subfolder on the way to a picture is its class."""
        parts = [path.split("/") for path in self._pictures]
        return all(len(one) > 1 for one in parts) and len({one[0] for one in parts}) > 1

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the subfolders, sorted, where they are classes."""
        folders = {path.split("/")[0] for path in self.names if "/" in path}
        return tuple(sorted(folders)) if self.classes else None

    @cached_property
    def _pictures(self) -> list[str]:
        return [path for path in self.names if is_picture(path or self.address)]


def subfolders(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the subfolders, sorted, without links and hidden ones."""
    return tuple(
        one.name
        for one in sorted(Path(path).iterdir())
        if one.is_dir() and not one.is_symlink() and not one.name.startswith(".")
    )


def _walk(folder: Path, follow: bool, above: frozenset[Path]) -> Iterator[tuple[Path, str | None]]:
    """Pictures by name, each with what is wrong where that is known; only one folder's names are held."""
    try:
        with os.scandir(folder) as scanned:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=follow)) for entry in scanned)
    except OSError as error:
        yield folder, f"a folder must be readable; {error.strerror or error}."
        return
    above |= {folder.resolve()} if follow else frozenset()
    for name, is_folder in entries:
        path = folder / name
        if name.startswith("."):
            continue
        if is_folder:
            # A link back to a folder above would never end.
            if not follow or path.resolve() not in above:
                yield from _walk(path, follow, above)
        elif is_picture(name):
            yield path, None


def _listed(address: str) -> list[str]:
    """Sorted paths of the files below an address, relative to it; of a single file, an empty one."""
    from pyarrow import fs

    filesystem, root = file_system(address)
    try:
        if filesystem.get_file_info(root).type == fs.FileType.File:
            return [""]
        infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
    except OSError as error:
        raise errors.DatasetError(f"{address!r} must be readable; it is not ({error}).") from error
    found = (info.path.removeprefix(root).lstrip("/") for info in infos if info.type == fs.FileType.File)
    return sorted(path for path in found if not is_hidden(path))
