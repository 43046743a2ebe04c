"""WebDataset archives: images in a tar file, each beside a file with its label."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kerascope import errors
from kerascope.dataset.columns import LABELS, usual
from kerascope.dataset.item import Item, PartPlace, located, opened, safe_name
from kerascope.dataset.label import Label, read_label

_LABELS = ("cls", "label.txt", "json")
_LARGEST_LABEL = 1 << 16
_UNKNOWN: tuple[Label, tuple[str, ...]] = (None, ())


@dataclass(frozen=True)
class ArchivePart:
    """The pictures in a tar file, in its order. Members are read where they lie; nothing is unpacked.

    Files that share their name up to the first dot are one sample; its label is the number or text of its
    `.cls`, or the label in its `.json`, also several.

    Args:
        path: of the archive, or its address.
        kinds: endings of pictures.
    """

    path: str
    kinds: frozenset[str]

    def __iter__(self) -> Iterator[Item]:
        for key, picture, (label, notes) in self._samples():
            place = PartPlace(located(self.path), picture.offset_data, picture.size)
            yield Item(f"{self.path}/{picture.name}", safe_name(key), place, label, notes)

    def count(self) -> int:
        return sum(1 for _ in self._samples())

    def _samples(self) -> Iterator[tuple[str, tarfile.TarInfo, tuple[Label, tuple[str, ...]]]]:
        """Key, picture and label of each sample."""
        key, picture, label = "", None, _UNKNOWN
        try:
            with opened(self.path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
                while (member := archive.next()) is not None:
                    # The list of what was read would grow with the archive.
                    archive.members = []  # type: ignore[attr-defined]
                    if not member.isreg():
                        continue
                    folder, _, name = member.name.rpartition("/")
                    stem, _, extension = name.partition(".")
                    if not stem:
                        continue
                    own = f"{folder}/{stem}" if folder else stem
                    if own != key:
                        if picture is not None:
                            yield key, picture, label
                        key, picture, label = own, None, _UNKNOWN
                    if "." + extension.lower().rpartition(".")[2] in self.kinds:
                        picture = picture or member
                    elif extension.lower() in _LABELS and member.size <= _LARGEST_LABEL:
                        found: Any = archive.extractfile(member)
                        label = _label(extension.lower(), found.read()) if label == _UNKNOWN else label
                if picture is not None:
                    yield key, picture, label
        except (OSError, tarfile.TarError) as error:
            raise errors.DatasetError(
                f"an archive must be a whole tar file; {self.path!r} cannot be read as one ({error})."
            ) from error


def _label(extension: str, content: bytes) -> tuple[Label, tuple[str, ...]]:
    """What a member says of the label, and what is wrong where it is none."""
    text: Any = content.decode("utf-8", "replace").strip()
    if extension == "json":
        try:
            found = json.loads(text)
        except ValueError:
            return None, ()
        place = next(iter(usual(list(found), LABELS)), None) if isinstance(found, dict) else None
        text = None if place is None else list(found.values())[place]
    if isinstance(text, str) and text.isascii() and text.isdigit():
        text = int(text)
    return read_label(text, f"the label in its .{extension}")
