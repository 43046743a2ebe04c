"""One image of a data set: where its bytes are, what it is called, and its label."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerascope import errors
from kerascope.dataset.label import Label, places_of
from kerascope.dataset.photograph import LARGEST_FILE

_UNSAFE = re.compile(r"[^\w.,+=@() -]")


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
            PhotographError: it leads out of the folder, or is no regular file.
            OSError: it is not there, or must not be looked at.
        """
        if self.root is not None and not is_inside(Path(self.path), Path(self.root)):
            raise errors.PhotographError(
                "a link must stay in the folder that was given; this one leads out of it; name the file "
                "itself, or follow links on purpose."
            )
        # Opening a pipe would wait for ever.
        if not is_address(self.path) and not stat.S_ISREG(Path(self.path).stat().st_mode):
            raise errors.PhotographError("it must be a regular file; it is something else.")

    def read(self) -> bytes:
        try:
            self.check()
            with opened(self.path) as file:
                content = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise errors.PhotographError(f"a file must be readable; {_reason(error)}.") from error
        if len(content) > LARGEST_FILE:
            raise errors.PhotographError(
                f"a file must have at most {LARGEST_FILE:,} bytes; this one is larger."
            )
        return bytes(content)


@dataclass(frozen=True)
class PartPlace:
    """A part of a file, such as a member of an archive.

    Args:
        path: of the file, or its address.
        offset: of its first byte.
        size: in bytes.
    """

    path: str
    offset: int
    size: int

    def read(self) -> bytes:
        if self.size > LARGEST_FILE:
            raise errors.PhotographError(
                f"a member must have at most {LARGEST_FILE:,} bytes; got {self.size:,}."
            )
        try:
            with opened(self.path) as file:
                file.seek(self.offset)
                return bytes(file.read(self.size))
        except OSError as error:
            raise errors.PhotographError(f"an archive must be readable; {_reason(error)}.") from error


@dataclass(frozen=True)
class NoPlace:
    """Nowhere: something of which it is known already that it cannot be read.

    Args:
        reason: why.
    """

    reason: str

    def read(self) -> bytes:
        raise errors.PhotographError(self.reason)


def is_address(path: str) -> bool:
    """Whether it is an address, `s3://bucket/photos`, rather than a path."""
    return "://" in path


def located(path: str) -> str:
    """A path that another process can open, whatever folder it works in."""
    return path if is_address(path) else str(Path(path).absolute())


def opened(path: str) -> Any:
    """A file or object, open for reading from any place of it."""
    if not is_address(path):
        return Path(path).open("rb")
    filesystem, inner = file_system(path)
    return filesystem.open_input_file(inner)


def file_system(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        DatasetError: pyarrow knows no such file system.
        MissingPackageError: pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, fs
    except ImportError:
        raise errors.MissingPackageError("pyarrow", "dataset") from None
    try:
        found: tuple[Any, str] = fs.FileSystem.from_uri(address)
    except (ArrowException, ValueError, OSError) as error:
        raise errors.DatasetError(
            "an address must be of a file system that pyarrow knows, such as s3://, gs:// or file://; "
            f"{address!r} is not ({error})."
        ) from error
    return found


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path leads to something in the folder, links followed."""
    return path.resolve().is_relative_to(root.resolve())


def safe_name(text: str) -> str:
    """A relative path that can be joined to a folder and stays in it, of usual characters."""
    parts = [_UNSAFE.sub("_", part)[-100:].strip() for part in re.split(r"[/\\]+", text)]
    return "/".join(part for part in parts if part.strip(". ")) or "image"


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
