"""One image of a data set: where its bytes are, what it is called, and its label."""

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
"""Bytes of a name that is made; file systems take 255, and some are added to it."""
_DEEPEST = 1000
"""Bytes of a path that is made, below the folder that it is joined to; systems take 4,096 in all."""


@dataclass(frozen=True)
class Item:
    """One image.

    Its path, label and notes are made readable, see `kerascope.dataset.readable_text`. Its place is not: that
    is opened.

    Args:
        path: what it is called in results: its path, or its table or archive and its place in that.
        name: what files made of it are called: a relative path without ending, safe to be joined to a folder.
        place: where its bytes are.
        label: the name or the place of its class, several of these, or None; see `as_label`.
        notes: what is doubtful about it, such as a cell that is no label.
    """

    path: str
    name: str
    location: Location
    label: Label = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = (
            tuple(map(_to_readable, self.label))
            if isinstance(self.label, tuple)
            else _to_readable(self.label)
        )
        for name, value in (
            ("path", to_readable(self.path)),
            ("label", label),
            ("notes", tuple(map(to_readable, self.notes))),
        ):
            object.__setattr__(self, name, value)


def safe_name(text: str) -> str:
    """A relative path that can be joined to a folder and stays in it, of usual characters and lengths."""
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
    """A text without what the names of files cannot have here."""
    encoding = sys.getfilesystemencoding()
    return text.encode(encoding, "replace").decode(encoding)


def _tail(text: str, size: int) -> str:
    """As much of the end of a text as so many bytes hold."""
    return text.encode()[-size:].decode("utf-8", "ignore")


def _to_readable(label: Any) -> Any:
    return to_readable(label) if isinstance(label, str) else label
