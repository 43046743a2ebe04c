"""The members of a tar file up to its true end, or to where it cannot be read."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kerascope import errors
from kerascope.dataset.photograph_errors import describe_error
from kerascope.dataset.reading.location import open_file

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "zip",
}
"""How packed files begin."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class UnreadableRest:
    """What of an archive cannot be read.

    Args:
        offset: of its first byte.
        reason: what is wrong.
    """

    offset: int
    reason: str


def read_members(path: str) -> Iterator[tarfile.TarInfo | UnreadableRest]:
    """Members in their order, and last what cannot be read, where the archive is cut or damaged.

    `tarfile` takes whatever is no header for the end. A whole archive ends with blocks of zeros.

    Args:
        path: of the archive, or its address.

    Raises:
        UnreadableError: it is no tar file from its first byte on.
    """
    some = False
    try:
        with open_file(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            some = True
            try:
                while (member := archive.next()) is not None:
                    # The list of what was read would grow with the archive.
                    archive.members = []  # type: ignore[attr-defined]
                    yield member
                fault = ""
            except Exception as error:  # noqa: BLE001 (damaged headers: errors of numbers, text, recursion)
                fault = describe_error(error)
            rest = _find_rest(file, archive.offset, fault)
            if rest is not None:
                yield rest
    except Exception as error:
        if some:
            raise
        raise errors.UnreadableError(
            f"an archive must be a whole tar file; {path!r} cannot be read as one "
            f"({_find_compression(path) or error})."
        ) from error


def _find_rest(file: Any, offset: int, fault: str) -> UnreadableRest | None:
    """What lies where reading has stopped; None where that is the end."""
    size = file.seek(0, os.SEEK_END)
    size = file.tell() if size is None else size
    if not fault and offset < size:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
        if len(block) == tarfile.BLOCKSIZE and not any(block):
            behind = _find_nonzero(file)
            if behind is None:
                return None
            return UnreadableRest(
                behind,
                f"an archive must end with its first empty block; {size - behind:,} of {size:,} bytes lie "
                "behind it and were not read; two archives in one file, or a part that was wiped out?",
            )
    left = (
        f"the last {size - offset:,} of its {size:,} bytes cannot"
        if offset < size
        else "what is missing cannot"
    )
    reason = fault or (
        "there is no member where one must begin" if offset < size else "it ends without an end"
    )
    return UnreadableRest(
        min(offset, size),
        "an archive must be a whole tar file, with empty blocks at its end; from byte "
        f"{min(offset, size):,} on it is damaged or cut off ({reason}), so {left} be read; get it again.",
    )


def _find_nonzero(file: Any) -> int | None:
    """Where the next byte is that is not zero, from here on."""
    place = file.tell()
    while chunk := file.read(_CHUNK):
        if (zeros := len(chunk) - len(chunk.lstrip(b"\0"))) < len(chunk):
            return int(place + zeros)
        place += len(chunk)
    return None


def _find_compression(path: str) -> str | None:
    """What a file is packed by, in words."""
    with suppress(OSError), open_file(path) as file:
        begin = bytes(file.read(8))
        for mark, name in _COMPRESSIONS.items():
            if begin.startswith(mark):
                return f"it is packed by {name}; unpack it first"
    return None
