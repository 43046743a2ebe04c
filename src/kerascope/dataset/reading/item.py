"""One image of a data set: its names, its location and its label."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

from kerascope.dataset.labels.label import Label
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.reading.location import Location

_UNSAFE = re.compile(r"[^\w.,+=@() -]")
_LONGEST = 200
"""Bytes of the longest name; file systems take 255, and kerascope adds an ending."""
_DEEPEST = 1000
"""Bytes of the longest path below a folder of results; systems take 4,096 in all."""


@dataclass(frozen=True)
class Item:
    """One image.

    Its path, label and notes are converted to readable text; its location is not, since that is opened.

    Args:
        path: its path in results, or the path of its table or archive with its position there.
        name: of files that are made of it: a relative path without ending, safe to be joined to a folder.
        location: of its bytes.
        label: the name or the index of its class, several of these, or None; see `as_label`.
        notes: warnings about it, such as of a cell that is no label.
    """

    path: str
    name: str
    location: Location
    label: Label = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("path", "label", "notes"):
            object.__setattr__(self, name, _to_readable(getattr(self, name)))


def safe_name(text: str) -> str:
    """Make a relative path that stays in the folder it is joined to, of usual characters and lengths."""
    parts = [_UNSAFE.sub("_", _to_encodable(part))[-100:] for part in re.split(r"[/\\]+", text)]
    parts = [_tail(part, _LONGEST).strip() for part in parts]
    kept, length = list[str](), 0
    for part in reversed([part for part in parts if part.strip(". ")]):
        length += len(part.encode()) + 1
        if length > _DEEPEST:
            break
        kept.append(part)
    return "/".join(reversed(kept)) or "image"


def _to_encodable(text: str) -> str:
    """Replace characters that names of files cannot have on this system."""
    encoding = sys.getfilesystemencoding()
    return text.encode(encoding, "replace").decode(encoding)


def _tail(text: str, size: int) -> str:
    """The end of a text, of at most some bytes."""
    return text.encode()[-size:].decode("utf-8", "ignore")


def _to_readable(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_to_readable, value))
    return to_readable(value) if isinstance(value, str) else value
