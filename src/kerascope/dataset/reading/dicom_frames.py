"""Frames of DICOM files, each an image of its own."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from kerascope import errors
from kerascope.dataset.decoding.dicom import count_frames
from kerascope.dataset.decoding.formats import is_dicom_name
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.reading.address import is_address
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.location import FileLocation, Location, UnreadableLocation


@dataclass(frozen=True)
class FrameLocation:
    """A frame of a DICOM file.

    Args:
        location: of the file.
        frame: from 0.
    """

    location: Location
    frame: int

    @property
    def path(self) -> str | None:
        """Path of the file, where it has one."""
        return getattr(self.location, "path", None)

    def read(self) -> bytes:
        """Read the bytes of the whole file."""
        return self.location.read()


def split_frames(items: Iterable[Item]) -> Iterator[Item]:
    """Split each DICOM file into its frames: `x.dcm#1`, `x.dcm#2` and so on, or `x.dcm` where there is one.

    Args:
        items: images of any format; the endings of their names show which are DICOM.
    """
    for item in items:
        if not _is_dicom(item):
            yield item
            continue
        try:
            count = _count(item.location)
        except errors.MissingPackageError as error:
            # With pictures of other formats it is the fault of this image only.
            yield replace(item, location=UnreadableLocation(str(error)))
            continue
        for frame in range(count):
            path = item.path if count == 1 else f"{item.path}#{frame + 1}"
            name = item.name if count == 1 else f"{item.name}-{frame + 1:05d}"
            yield replace(item, path=path, name=name, location=FrameLocation(item.location, frame))


def check_pydicom(items: Iterable[Item]) -> None:
    """Check that pydicom is installed, where all images are DICOM."""
    if find_spec("pydicom") is None and all(map(_is_dicom, items)):
        raise errors.MissingPackageError("pydicom", "dicom")


def _is_dicom(item: Item) -> bool:
    return is_dicom_name(item.path) or (
        isinstance(item.location, FileLocation) and is_dicom_name(item.location.path)
    )


def _count(location: Location) -> int:
    """Count the frames of a file; of a local file only the header is read."""
    if isinstance(location, UnreadableLocation):
        return 1
    try:
        with convert_errors("a file must be readable"):
            if isinstance(location, FileLocation) and not is_address(location.path):
                location.check()
                with Path(location.path).open("rb") as file:
                    return count_frames(file, os.fstat(file.fileno()).st_size)
            content = location.read()
            return count_frames(io.BytesIO(content), len(content))
    except errors.PhotographError:
        return 1
