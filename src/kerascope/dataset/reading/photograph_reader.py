"""Photographs read and decoded from their locations, within the memory budgets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kerascope.dataset.decoding.memory_budget import FILES, PIXELS, release_memory
from kerascope.dataset.decoding.photograph import MAX_FILE_SIZE, Photograph, decode
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.reading.address import is_address
from kerascope.dataset.reading.dicom_frames import FrameLocation
from kerascope.dataset.reading.location import FileLocation, Location, MemberLocation

_LARGE = 1 << 26
"""Bytes of a picture after which memory is returned to the system at once."""


@contextmanager
def open_photograph(location: Location) -> Iterator[tuple[Photograph, str]]:
    """Open a photograph, as a context: yields it and the SHA-256 of its file while its bytes count as held.

    The caller drops the photograph before the block ends, since another thread may take its memory then.
    """
    held = 0
    with ExitStack() as pixels:

        def admit(count: int) -> None:
            nonlocal held
            pixels.enter_context(PIXELS.hold(count))
            held = count

        try:
            yield _read(location, admit)
        finally:
            if held >= _LARGE:
                release_memory()


def _read(location: Location, admit: Callable[[int], object]) -> tuple[Photograph, str]:
    """Decode a photograph, and hash its file, whose bytes are released then."""
    with ExitStack() as file:
        known = _size(location)
        if known:
            file.enter_context(FILES.hold(known))
        with convert_errors("an image must be readable"):
            content = location.read()
        if not known:
            file.enter_context(FILES.hold(len(content)))
        frame = location.frame if isinstance(location, FrameLocation) else None
        return decode(content, frame, admit), hashlib.sha256(content).hexdigest()


def _size(location: Location) -> int:
    """Bytes that reading will take, where this is known before; else 0."""
    if isinstance(location, FrameLocation):
        return _size(location.location)
    if isinstance(location, MemberLocation):
        return min(location.size, MAX_FILE_SIZE)
    if isinstance(location, FileLocation) and not is_address(location.path):
        try:
            return min(Path(location.path).stat().st_size, MAX_FILE_SIZE)
        except (OSError, ValueError):
            return 0
    return 0
