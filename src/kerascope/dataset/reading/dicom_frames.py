"""Frames of files that have several, each an image of its own."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from kerascope import errors
from kerascope.dataset.decoding.dicom import frames_of
from kerascope.dataset.decoding.formats import is_scan
from kerascope.dataset.photograph_errors import guarded
from kerascope.dataset.reading.address import is_address
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.location import FilePlace, NoPlace, Place


@dataclass(frozen=True)
class FramePlace:
    """A frame of a DICOM file.

    Args:
        place: of the file.
        frame: from 0.
    """

    place: Place
    frame: int

    @property
    def path(self) -> str | None:
        """Of the file, where it has one."""
        return getattr(self.place, "path", None)

    def read(self) -> bytes:
        """The bytes of the whole file."""
        return self.place.read()


def by_frames(items: Iterable[Item]) -> Iterator[Item]:
    """Images, and for each DICOM file its frames: `x.dcm`, or `x.dcm#1` and on where it has several.

    Args:
        items: of any kind; which of them are DICOM is told by the endings of their names.
    """
    for item in items:
        if not _is_scan(item):
            yield item
            continue
        try:
            count = _count(item.place)
        except errors.MissingPackageError as error:
            # Beside pictures of other kinds it is a fault of this one.
            yield replace(item, place=NoPlace(str(error)))
            continue
        for frame in range(count):
            path = item.path if count == 1 else f"{item.path}#{frame + 1}"
            name = item.name if count == 1 else f"{item.name}-{frame + 1:05d}"
            yield replace(item, path=path, name=name, place=FramePlace(item.place, frame))


def check_installed(items: Iterable[Item]) -> None:
    """Check that something decodes DICOM, where there is nothing else.

    Raises:
        MissingPackageError: pydicom is not installed.
    """
    if find_spec("pydicom") is None and all(map(_is_scan, items)):
        raise errors.MissingPackageError("pydicom", "dicom")


def _is_scan(item: Item) -> bool:
    return is_scan(item.path) or (isinstance(item.place, FilePlace) and is_scan(item.place.path))


def _count(place: Place) -> int:
    """How many frames a file has; only its head is read where it is one on this machine."""
    if isinstance(place, NoPlace):
        return 1
    try:
        with guarded("a file must be readable"):
            if isinstance(place, FilePlace) and not is_address(place.path):
                place.check()
                with Path(place.path).open("rb") as file:
                    return frames_of(file, os.fstat(file.fileno()).st_size)
            content = place.read()
            return frames_of(io.BytesIO(content), len(content))
    except errors.PhotographError:
        return 1
