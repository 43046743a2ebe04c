"""Locations of images: where the bytes of each are, and how they are read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerascope import errors
from kerascope.dataset.decoding.photograph import MAX_FILE_SIZE
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.reading.address import file_system, is_address


class Location(Protocol):
    """Where the bytes of an image are; it can be sent to another process."""

    def read(self) -> bytes:
        """Read the bytes."""


@dataclass(frozen=True)
class FileLocation:
    """A whole file.

    Args:
        path: of the file, or its address.
        root: the folder that links must not lead out of; None for no such folder.
    """

    path: str
    root: str | None = None

    def check(self) -> None:
        """Check that it may be opened.

        Raises:
            PhotographError: it leads out of the folder, is no regular file, or is too large.
            OSError: it does not exist, or may not be read.
        """
        if self.root is not None and not is_inside(Path(self.path), Path(self.root)):
            raise errors.PhotographError(
                "a link must stay in the folder that was given; this one leads out of it; name the file "
                "itself, or follow links on purpose."
            )
        if not is_address(self.path):
            status = Path(self.path).stat()
            # Opening a pipe would wait for ever.
            if not stat.S_ISREG(status.st_mode):
                raise errors.PhotographError("it must be a regular file; it is something else.")
            _check_size(status.st_size)

    def read(self) -> bytes:
        with convert_errors("a file must be readable"):
            self.check()
            with open_file(self.path) as file:
                content = bytes(file.read(MAX_FILE_SIZE + 1))
        _check_size(len(content))
        return content


@dataclass(frozen=True)
class MemberLocation:
    """A part of a file, such as a member of an archive.

    Args:
        path: of the file, or its address.
        offset: of its first byte.
        size: in bytes.
        state: of the file when the part was found in it, see `file_state`.
    """

    path: str
    offset: int
    size: int
    state: FileState

    def read(self) -> bytes:
        if self.size > MAX_FILE_SIZE:
            raise errors.PhotographError(
                f"a member must have at most {MAX_FILE_SIZE:,} bytes; got {self.size:,}."
            )
        with convert_errors("an archive must be readable"):
            check_unchanged(self.path, self.state)
            with open_file(self.path) as file:
                file.seek(self.offset)
                content = bytes(file.read(self.size))
        if len(content) < self.size:
            raise errors.PhotographError(
                f"a member must be whole; the archive ends after {len(content):,} of its {self.size:,} bytes."
            )
        return content


@dataclass(frozen=True)
class UnreadableLocation:
    """Something that is known to be unreadable before it is read."""

    reason: str

    def read(self) -> bytes:
        raise errors.PhotographError(self.reason)


def _check_size(size: int) -> None:
    if size > MAX_FILE_SIZE:
        raise errors.PhotographError(f"a file must have at most {MAX_FILE_SIZE:,} bytes; this one is larger.")


def to_absolute(path: str) -> str:
    """Make a path absolute, so that another process can open it from any folder."""
    if is_address(path):
        return path
    if os.name == "posix":
        # A list is UTF-8 whatever the locale; names from the system stay as they are.
        path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return str(Path(path).absolute())


FileState = tuple[int, ...]
"""Distinguishes a file from another one of the same name; see `file_state`."""


def file_state(path: str) -> FileState:
    """Size, time of the last change and inode of a file; of an object in a store, size and time."""
    if is_address(path):
        filesystem, inner = file_system(path)
        info = filesystem.get_file_info(inner)
        return (info.size or 0, info.mtime_ns or 0)
    status = Path(path).stat()
    return (status.st_size, status.st_mtime_ns, status.st_ino)


def check_unchanged(path: str, state: FileState) -> None:
    """Check that a file is the one whose images were listed."""
    with convert_errors("a file of several images must stay in place while it is read"):
        if file_state(path) != state:
            raise errors.PhotographError(
                "a file of several images must not change while it is read; this one was changed since its "
                "images were listed; run again."
            )


def open_file(path: str) -> Any:
    """Open a file or an object for reading from any position."""
    if not is_address(path):
        return Path(path).open("rb")
    filesystem, inner = file_system(path)
    return filesystem.open_input_file(inner)


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path, with links followed, leads into a folder."""
    return path.resolve().is_relative_to(root.resolve())
