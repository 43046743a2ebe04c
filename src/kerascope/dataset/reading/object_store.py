"""Addresses in object stores as streams of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerascope import errors
from kerascope.dataset.decoding.formats import is_picture
from kerascope.dataset.photograph_errors import describe_error
from kerascope.dataset.reading.address import Address, file_system
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import FileLocation


@dataclass(frozen=True)
class StorePart:
    """Every picture below an address, sorted by path."""

    address: Address

    @property
    def path(self) -> str:
        """The address."""
        return self.address

    def __iter__(self) -> Iterator[Item]:
        for relative in self._pictures:
            address = self.address.joinpath(relative) if relative else self.address
            label = relative.split("/")[0] if self.classes else None
            stem = os.path.splitext(relative or Path(self.address).name)[0]  # noqa: PTH122 (no local path)
            yield Item(str(address), safe_name(stem), FileLocation(address), label)

    @cached_property
    def names(self) -> list[str]:
        """Sorted paths of all files below the address, relative to it, except hidden ones."""
        return _list_files(self.address)

    @cached_property
    def classes(self) -> bool:
        """The first subfolder on the way to a picture is its class."""
        parts = [path.split("/") for path in self._pictures]
        return all(len(names) > 1 for names in parts) and len({names[0] for names in parts}) > 1

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the subfolders, sorted, where they are classes."""
        folders = {path.split("/")[0] for path in self.names if "/" in path}
        return tuple(sorted(folders)) if self.classes else None

    @cached_property
    def _pictures(self) -> list[str]:
        return [path for path in self.names if is_picture(path or self.address)]


def _list_files(address: Address) -> list[str]:
    """List the files below an address: sorted paths relative to it, an empty one of a single file."""
    from pyarrow import fs

    filesystem, root = file_system(address)
    try:
        if filesystem.get_file_info(root).type == fs.FileType.File:
            return [""]
        infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
        paths = [info.path for info in infos if info.type == fs.FileType.File]
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UnreadableError(
            f"{str(address)!r} must be readable; it is not ({describe_error(error)})."
        ) from error
    found = (path.removeprefix(root).lstrip("/") for path in paths)
    return sorted(path for path in found if not _is_hidden(path))


def _is_hidden(relative: str) -> bool:
    """Whether a name on the way to a file, from the folder that was given, begins with a dot."""
    return any(part.startswith(".") for part in relative.split("/"))
