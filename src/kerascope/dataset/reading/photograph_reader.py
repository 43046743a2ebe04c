"""A photograph, read and decoded as soon as there is room for it, and held no longer than it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kerascope.dataset.decoding.memory_budget import FILES, PIXELS, return_memory
from kerascope.dataset.decoding.photograph import LARGEST_FILE, Photograph, decode
from kerascope.dataset.photograph_errors import guarded
from kerascope.dataset.reading.address import is_address
from kerascope.dataset.reading.dicom_frames import FramePlace
from kerascope.dataset.reading.location import FilePlace, PartPlace, Place

_LARGE = 1 << 26
"""Bytes of pictures after which memory is given to the system at once."""


@contextmanager
def photographed(place: Place) -> Iterator[tuple[Photograph, str]]:
    """A photograph and the SHA-256 of its file; in the block, its bytes count as held.

    Whoever works beside others forgets the photograph before the block ends, since others begin then.

    Args:
        place: where it is.

    Raises:
        PhotographError: it cannot be read or decoded.
        MissingPackageError: a package that decodes it is not installed.
    """
    held = 0
    with ExitStack() as pixels:

        def admit(count: int) -> None:
            nonlocal held
            pixels.enter_context(PIXELS.holding(count))
            held = count

        try:
            yield _opened(place, admit)
        finally:
            if held >= _LARGE:
                return_memory()


def _opened(place: Place, admit: Callable[[int], object]) -> tuple[Photograph, str]:
    """A photograph and the digest of its file, which is gone by then."""
    with ExitStack() as file:
        known = _size(place)
        if known:
            file.enter_context(FILES.holding(known))
        with guarded("an image must be readable"):
            content = place.read()
        if not known:
            file.enter_context(FILES.holding(len(content)))
        frame = place.frame if isinstance(place, FramePlace) else None
        return decode(content, frame, admit), hashlib.sha256(content).hexdigest()


def _size(place: Place) -> int:
    """Bytes that reading will take, where that is known before; else 0."""
    if isinstance(place, FramePlace):
        return _size(place.place)
    if isinstance(place, PartPlace):
        return min(place.size, LARGEST_FILE)
    if isinstance(place, FilePlace) and not is_address(place.path):
        try:
            return min(Path(place.path).stat().st_size, LARGEST_FILE)
        except (OSError, ValueError):
            return 0
    return 0
