"""One image of a data set: where its bytes are, what it is called, and its label."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerascope import errors
from kerascope.dataset.decoding.photograph import LARGEST_FILE
from kerascope.dataset.labels.label import Label, places_of
from kerascope.dataset.readable import readable
from kerascope.dataset.reading.address import file_system, is_address
from kerascope.dataset.running.guard import guarded

_UNSAFE = re.compile(r"[^\w.,+=@() -]")
_LONGEST = 200
"""Bytes of a name that is made; file systems take 255, and some are added to it."""
_DEEPEST = 1000
"""Bytes of a path that is made, below the folder that it is joined to; systems take 4,096 in all."""


class Place(Protocol):
    """Where the bytes of an image are; it can be sent to another process."""

    def read(self) -> bytes:
        """The bytes.

        Raises:
            PhotographError: they cannot be read.
        """


@dataclass(frozen=True)
class Item:
    """One image.

    What it is called, its label and its notes are made readable, see `kerascope.dataset.readable`; its place
    is not, since that is what is opened.

    Args:
        path: what it is called in results: its path, or its table or archive and its place in that.
        name: what files made of it are called: a relative path without ending, safe to be joined to a folder.
        place: where its bytes are.
        label: the name or the place of its class, several of these, or None; see `as_label`.
        notes: what is doubtful about it, such as a cell that is no label.
    """

    path: str
    name: str
    place: Place
    label: Label = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = tuple(map(_readable, self.label)) if isinstance(self.label, tuple) else _readable(self.label)
        for name, value in (
            ("path", readable(self.path)),
            ("label", label),
            ("notes", tuple(map(readable, self.notes))),
        ):
            object.__setattr__(self, name, value)

    def labels_among(self, places: Mapping[str, int], count: int | None) -> tuple[int, ...] | None:
        """The places of its labels among the classes, or None where one of them is not found.

        Args:
            places: of the classes by name.
            count: how many classes there are; None where the model has none.
        """
        return places_of(self.label, places, count)


@dataclass(frozen=True)
class FilePlace:
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
        with guarded("a file must be readable"):
            self.check()
            with opened(self.path) as file:
                content = bytes(file.read(LARGEST_FILE + 1))
        _check_size(len(content))
        return content


@dataclass(frozen=True)
class PartPlace:
    """A part of a file, such as a member of an archive.

    Args:
        path: of the file, or its address.
        offset: of its first byte.
        size: in bytes.
        state: of the file when the part was found in it, see `state_of`.
    """

    path: str
    offset: int
    size: int
    state: State

    def read(self) -> bytes:
        if self.size > LARGEST_FILE:
            raise errors.PhotographError(
                f"a member must have at most {LARGEST_FILE:,} bytes; got {self.size:,}."
            )
        with guarded("an archive must be readable"):
            check_unchanged(self.path, self.state)
            with opened(self.path) as file:
                file.seek(self.offset)
                content = bytes(file.read(self.size))
        if len(content) < self.size:
            raise errors.PhotographError(
                f"a member must be whole; the archive ends after {len(content):,} of its {self.size:,} bytes."
            )
        return content


@dataclass(frozen=True)
class NoPlace:
    """Nowhere: something of which it is known already that it cannot be read.

    Args:
        reason: why.
    """

    reason: str

    def read(self) -> bytes:
        raise errors.PhotographError(self.reason)


def _check_size(size: int) -> None:
    if size > LARGEST_FILE:
        raise errors.PhotographError(f"a file must have at most {LARGEST_FILE:,} bytes; this one is larger.")


def located(path: str) -> str:
    """A path that another process can open, whatever folder it works in."""
    if is_address(path):
        return path
    if os.name == "posix":
        # A list is UTF-8 whatever the locale; names of the system stay what they are.
        path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return str(Path(path).absolute())


State = tuple[int, ...]
"""What tells a file from one that has taken its name; see `state_of`."""


def state_of(path: str) -> State:
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


def check_unchanged(path: str, state: State) -> None:
    """Check that a file is still the one whose images were listed.

    Raises:
        PhotographError: it is another one now, or is gone.
    """
    with guarded("what holds images must stay there while it is read"):
        if state_of(path) != state:
            raise errors.PhotographError(
                "what holds images must stay what it was while it is read; this was changed since its images "
                "were listed; run again."
            )


def opened(path: str) -> Any:
    """A file or object, open for reading from any place of it."""
    if not is_address(path):
        return Path(path).open("rb")
    filesystem, inner = file_system(path)
    return filesystem.open_input_file(inner)


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path leads to something in the folder, links followed."""
    return path.resolve().is_relative_to(root.resolve())


def safe_name(text: str) -> str:
    """A relative path that can be joined to a folder and stays in it, of usual characters and lengths."""
    parts = [_UNSAFE.sub("_", _encodable(part))[-100:] for part in re.split(r"[/\\]+", text)]
    parts = [_ending(part, _LONGEST).strip() for part in parts]
    kept, length = list[str](), 0
    for part in reversed([part for part in parts if part.strip(". ")]):
        length += len(part.encode()) + 1
        if length > _DEEPEST:
            break
        kept.append(part)
    return "/".join(reversed(kept)) or "image"


def _encodable(text: str) -> str:
    """A text without what the names of files cannot have here."""
    encoding = sys.getfilesystemencoding()
    return text.encode(encoding, "replace").decode(encoding)


def _ending(text: str, size: int) -> str:
    """As much of the end of a text as so many bytes hold."""
    return text.encode()[-size:].decode("utf-8", "ignore")


def _readable(label: Any) -> Any:
    return readable(label) if isinstance(label, str) else label
