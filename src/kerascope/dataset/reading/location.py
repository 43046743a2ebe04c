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
        """The bytes.

        Raises:
            PhotographError: they cannot be read.
        """


@dataclass(frozen=True)
class FileLocation:
    """A whole file.

    Args:
        path: of the file, or its address.
        root: the folder that the file must not lead out of by links; None for anywhere.
    """

    path: str
    root: str | None = None

    def check(self) -> None:
        """Check that it may be opened.

        Raises:
            PhotographError: it leads out of the folder, is no regular file, or is too large.
            OSError: it is not there, or must not be looked at.
        """
        if self.root is not None and not is_inside(Path(self.path), Path(self.root)):
            raise errors.PhotographError(
                "a link must stay in the folder that was given; this one leads out of it; name the file "
                "itself, or follow links on purpose."
            )
        if not is_address(self.path):
            found = Path(self.path).stat()
            # Opening a pipe would wait for ever.
            if not stat.S_ISREG(found.st_mode):
                raise errors.PhotographError("it must be a regular file; it is something else.")
            _check_size(found.st_size)

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
    """Nowhere: something of which it is known already that it cannot be read.

    Args:
        reason: why.
    """

    reason: str

    def read(self) -> bytes:
        raise errors.PhotographError(self.reason)


def _check_size(size: int) -> None:
    if size > MAX_FILE_SIZE:
        raise errors.PhotographError(f"a file must have at most {MAX_FILE_SIZE:,} bytes; this one is larger.")


def to_absolute(path: str) -> str:
    """A path that another process can open, whatever folder it works in."""
    if is_address(path):
        return path
    if os.name == "posix":
        # A list is UTF-8 whatever the locale; names of the system stay what they are.
        path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return str(Path(path).absolute())


FileState = tuple[int, ...]
"""What tells a file from one that has taken its name; see `file_state`."""


def file_state(path: str) -> FileState:
    """Size, time of the last change and number of a file, or what a store says of an object.

    Raises:
        OSError: it is gone, or cannot be reached.
    """
    if is_address(path):
        filesystem, inner = file_system(path)
        info = filesystem.get_file_info(inner)
        return (info.size or 0, info.mtime_ns or 0)
    found = Path(path).stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def check_unchanged(path: str, state: FileState) -> None:
    """Check that a file is still the one whose images were listed.

    Raises:
        PhotographError: it is another one now, or is gone.
    """
    with convert_errors("what holds images must stay there while it is read"):
        if file_state(path) != state:
            raise errors.PhotographError(
                "what holds images must stay what it was while it is read; this was changed since its images "
                "were listed; run again."
            )


def open_file(path: str) -> Any:
    """A file or object, open for reading from any place of it."""
    if not is_address(path):
        return Path(path).open("rb")
    filesystem, inner = file_system(path)
    return filesystem.open_input_file(inner)


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path leads to something in the folder, links followed."""
    return path.resolve().is_relative_to(root.resolve())
