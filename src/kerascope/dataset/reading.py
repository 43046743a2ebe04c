"""A photograph, read and decoded as soon as there is room for it, and held no longer than it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kerascope.dataset.budget import FILES, PIXELS
from kerascope.dataset.frames import FramePlace
from kerascope.dataset.item import FilePlace, PartPlace, Place, is_address
from kerascope.dataset.photograph import LARGEST_FILE, Photograph, decode


@contextmanager
def photographed(place: Place) -> Iterator[tuple[Photograph, str]]:
    """A photograph and the SHA-256 of its file; in the block, its bytes count as held.

    Args:
        place: where it is.

    Raises:
        PhotographError: it cannot be read or decoded.
        MissingPackageError: a package that decodes it is not installed.
    """
    with ExitStack() as pixels:
        with ExitStack() as file:
            known = _size(place)
            if known:
                file.enter_context(FILES.holding(known))
            content = place.read()
            if not known:
                file.enter_context(FILES.holding(len(content)))
            digest = hashlib.sha256(content).hexdigest()
            frame = place.frame if isinstance(place, FramePlace) else None
            photograph = decode(content, frame, lambda count: pixels.enter_context(PIXELS.holding(count)))
            del content
        yield photograph, digest


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
