"""Members of tar files, up to the end or to where a file is damaged."""

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
"""Compressions by the first bytes of a file."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class UnreadableRest:
    """The rest of an archive that cannot be read.

    Args:
        offset: of its first byte.
        reason: why it cannot be read.
    """

    offset: int
    reason: str


def read_members(path: str) -> Iterator[tarfile.TarInfo | UnreadableRest]:
    """Read members in their order, and last the unreadable rest, where the archive is cut off or damaged.

    `tarfile` ends at anything that is no header, but a whole archive ends with blocks of zeros.
    """
    some = False
    try:
        with open_file(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            some = True
            try:
                while (member := archive.next()) is not None:
                    # The list of members would grow with the archive.
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
    """Find the rest behind the last member; None where it is the end of the archive."""
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
    """Find the next byte that is not zero, from the current position on."""
    position = file.tell()
    while chunk := file.read(_CHUNK):
        if (zeros := len(chunk) - len(chunk.lstrip(b"\0"))) < len(chunk):
            return int(position + zeros)
        position += len(chunk)
    return None


def _find_compression(path: str) -> str | None:
    """Find the compression of a file, in words."""
    with suppress(OSError), open_file(path) as file:
        begin = bytes(file.read(8))
        for magic, name in _COMPRESSIONS.items():
            if begin.startswith(magic):
                return f"it is packed by {name}; unpack it first"
    return None
