"""A file that is written whole or not at all: beside its place, then moved to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = re.compile(r"\..+\.kerascope-\d+\.partial")


@contextmanager
def atomic_write(path: Path, settled: bool = True) -> Iterator[Path]:
    """A name to write to, beside a place, to which it is moved at the end; after an error it is gone.

    Args:
        path: the place; what is no file, such as /dev/stdout, is written to as it is, and a link followed.
        settled: wait until the file is on the disk, so that a name is never there before its content.

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
        if settled:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(path: Path) -> bool:
    """Whether it is a file that was not moved to its place, by its name."""
    return _PARTIAL.fullmatch(path.name) is not None and is_regular_file(path)


def is_regular_file(path: Path) -> bool:
    """Whether it is a file, and not a link to one, a folder, or something else."""
    return path.is_file() and not path.is_symlink()
