"""Atomic writing: a file is written under a temporary name and then renamed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = re.compile(r"\..+\.kerascope-\d+\.partial")


@contextmanager
def atomic_write(path: Path, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path, which is renamed at the end of the block, and removed after an error.

    Args:
        path: of the file; a link is followed, and a device, such as /dev/stdout, is written to directly.
        sync: wait until the content is on the disk before the file is renamed.

    Example:
        >>> import tempfile, pathlib
        >>> from kerascope.dataset.writing.atomic_file import atomic_write
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "page.html")
        ...     with atomic_write(file) as partial:
        ...         written = partial.write_text("whole")
        ...     file.read_text(), len(list(file.parent.iterdir()))
        ('whole', 1)
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        yield path
        return
    # A name has at most 255 bytes; those of a run begin with a number of their own.
    short = path.name.encode()[:160].decode(errors="ignore")
    partial = path.with_name(f".{short}.kerascope-{os.getpid()}.partial")
    try:
        yield partial
        if sync:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(path: Path) -> bool:
    """Return whether a file is an unfinished one, by its name."""
    return _PARTIAL.fullmatch(path.name) is not None and is_regular_file(path)


def is_regular_file(path: Path) -> bool:
    """Return whether a path is a file, and not a link, a folder, or a device."""
    return path.is_file() and not path.is_symlink()
