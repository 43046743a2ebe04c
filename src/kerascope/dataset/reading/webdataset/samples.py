"""Samples of WebDataset archives: tar files with images and files of their labels."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.decoding.formats import PICTURE_ENDINGS, is_dicom_name
from kerascope.dataset.labels.column_names import LABELS, find_usual_columns
from kerascope.dataset.labels.label import Label, read_label
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import (
    FileState,
    Location,
    MemberLocation,
    UnreadableLocation,
    file_state,
    open_file,
    to_absolute,
)
from kerascope.dataset.reading.webdataset.tar import UnreadableRest, read_members

_LABELS = ("cls", "label.txt", "json")
_LARGEST_LABEL = 1 << 16
_UNKNOWN: tuple[Label, tuple[str, ...]] = (None, ())
_SHOWN = 6
_OTHERS = {
    tarfile.SYMTYPE: "symbolic links",
    tarfile.FIFOTYPE: "pipes",
    tarfile.CHRTYPE: "devices",
    tarfile.BLKTYPE: "devices",
}
"""Names of members that are no files."""


@dataclass
class _Sample:
    """Neighbouring files that share their name up to the first dot.

    Args:
        key: the shared name.
        plain: the picture with only one ending, `x.jpg`.
        compound: the first picture with several, `x.seg.png`.
        labels: members that may hold its label.
        left_out: endings of its further pictures.
        endings: of all other members.
    """

    key: str
    plain: tarfile.TarInfo | None = None
    compound: tarfile.TarInfo | None = None
    labels: list[tuple[str, tarfile.TarInfo]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)

    @property
    def picture(self) -> tarfile.TarInfo | None:
        return self.plain or self.compound

    def add(self, member: tarfile.TarInfo, extension: str) -> None:
        """Add a member."""
        if "." + extension.rpartition(".")[2] not in PICTURE_ENDINGS:
            if extension in _LABELS and member.size <= _LARGEST_LABEL:
                self.labels.append((extension, member))
            else:
                self.endings.append(extension)
        elif "." not in extension and self.plain is None:
            self.plain = member
            if self.compound is not None:
                self.left_out.append(_extension(self.compound.name))
        elif self.picture is None:
            self.compound = member
        else:
            self.left_out.append(extension)


@dataclass(frozen=True)
class ArchivePart:
    """The pictures in a tar file, in its order. Members are read where they lie; nothing is unpacked.

    Files that share their name up to the first dot are one sample; its label is the number or text of its
    `.cls`, or the label in its `.json`, also several. Of several pictures the one with a single ending is
    taken, else the first. Hard links are followed. Where the archive cannot be read to its end, an image that
    fails says from which byte on.

    Args:
        path: of the archive, or its address.
    """

    path: str

    def __iter__(self) -> Iterator[Item]:
        with ExitStack() as stack:
            labels: Any = None
            for found in self._samples():
                if isinstance(found, UnreadableRest):
                    where = f"{self.path}, from byte {found.offset:,} on"
                    yield Item(
                        where, f"{safe_name(Path(self.path).stem)}/rest", UnreadableLocation(found.reason)
                    )
                elif (picture := found.picture) is not None:
                    if found.labels:
                        labels = labels or stack.enter_context(open_file(self.path))
                    label, notes = self._label(found, labels)
                    location = self._locate(picture)
                    yield Item(f"{self.path}/{picture.name}", safe_name(found.key), location, label, notes)

    def count(self) -> int:
        return self._contents[0]

    @property
    def holds_files(self) -> bool:
        """Whether each picture is a file with one frame."""
        return not self._contents[2]

    def doubts(self) -> tuple[str, ...]:
        """Count what in the archive is no image of the source; it is read through once."""
        return self._contents[1]

    @cached_property
    def _state(self) -> FileState:
        try:
            return file_state(self.path)
        except OSError as error:
            raise errors.UnreadableError(
                f"an archive must be readable; {self.path!r} is not ({error})."
            ) from error

    @cached_property
    def _contents(self) -> tuple[int, tuple[str, ...], bool]:
        """The number of images, warnings about all else, and whether there is DICOM."""
        others: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        alone: Counter[str] = Counter()
        count = lost = dicom = 0
        for found in self._samples(others):
            if isinstance(found, UnreadableRest) or found.picture is not None:
                count += 1
            if isinstance(found, UnreadableRest):
                continue
            left_out.update(found.left_out)
            dicom += found.picture is not None and is_dicom_name(found.picture.name)
            if found.picture is None:
                lost += bool(found.labels)
                alone.update([*(extension for extension, _ in found.labels), *found.endings][:1])
        doubts = [] if count else ["there is no picture in it"]
        if left_out:
            doubts.append(
                f"{left_out.total():,} pictures were left out, since there is an image of their name: "
                f"{_format_counts(left_out)}; give each a name of its own"
            )
        if alone:
            more = f", of which {lost:,} may be labels whose picture is not next to them" if lost else ""
            doubts.append(
                f"{alone.total():,} names without a picture were passed over{more}: {_format_counts(alone)}"
            )
        if others:
            text = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common())
            doubts.append(f"members that are no files were passed over: {text}")
        return count, tuple(f"{self.path!r}: {doubt}." for doubt in doubts), dicom > 0

    def _samples(self, others: Counter[str] | None = None) -> Iterator[_Sample | UnreadableRest]:
        """Each sample, and last the rest that cannot be read.

        Args:
            others: counts members that are no files.
        """
        sample = _Sample("")
        for member in read_members(self.path):
            if isinstance(member, UnreadableRest):
                yield sample
                yield member
                return
            if not (member.isreg() or member.islnk()):
                if others is not None and not member.isdir():
                    others[_OTHERS.get(member.type, "of other kinds")] += 1
                continue
            key, extension = _split_name(member.name)
            if not key:
                continue
            if key != sample.key:
                yield sample
                sample = _Sample(key)
            sample.add(member, extension)
        yield sample

    def _locate(self, member: tarfile.TarInfo) -> Location:
        """Locate the bytes of a member."""
        found = self._targets.get(_normalize_name(member.linkname)) if member.islnk() else member
        if found is None:
            return UnreadableLocation(
                f"a hard link must lead to a file in the archive; there is no {member.linkname!r} in it."
            )
        if found.issparse():
            return UnreadableLocation(
                "a member must be stored whole; this one is sparse; write the archive without."
            )
        return MemberLocation(to_absolute(self.path), found.offset_data, found.size, self._state)

    @cached_property
    def _targets(self) -> dict[str, tarfile.TarInfo]:
        """Files that hard links lead to, by name; the archive is read through twice."""
        wanted = {_normalize_name(member.linkname) for member in self._members() if member.islnk()}
        files = ((_normalize_name(member.name), member) for member in self._members() if member.isreg())
        return {name: member for name, member in files if name in wanted}

    def _members(self) -> Iterator[tarfile.TarInfo]:
        return (member for member in read_members(self.path) if not isinstance(member, UnreadableRest))

    def _label(self, sample: _Sample, file: Any) -> tuple[Label, tuple[str, ...]]:
        """Read the label of a sample from the open archive."""
        for extension, member in sample.labels:
            location = self._locate(member)
            if isinstance(location, MemberLocation):
                file.seek(location.offset)
                found = _label(extension, bytes(file.read(location.size)))
                if found != _UNKNOWN:
                    return found
        return _UNKNOWN


def _split_name(name: str) -> tuple[str, str]:
    """Split a member's name into the key and the ending, in lower case; no key where it is hidden."""
    folder, _, file = name.rpartition("/")
    stem, _, extension = file.partition(".")
    if any(part.startswith(".") and part.strip(".") for part in (*folder.split("/"), file)):
        return "", ""
    return f"{folder}/{stem}" if folder and stem else stem, extension.lower()


def _extension(name: str) -> str:
    return _split_name(name)[1]


def _normalize_name(name: str) -> str:
    return name.removeprefix("./")


def _format_counts(endings: Counter[str]) -> str:
    shown = ", ".join(
        f"{count:,} {f'.{ending}' if ending else 'without ending'}"
        for ending, count in endings.most_common(_SHOWN)
    )
    return shown + (", ..." if len(endings) > _SHOWN else "")


def _label(extension: str, content: bytes) -> tuple[Label, tuple[str, ...]]:
    """Convert a member to a label, with a note where it is none."""
    text: Any = content.decode("utf-8", "replace").strip()
    if extension == "json":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None, ()
        index = next(iter(find_usual_columns(list(found), LABELS)), None) if isinstance(found, dict) else None
        text = None if index is None else list(found.values())[index]
    if isinstance(text, str) and text.isascii() and text.isdigit():
        text = int(text)
    return read_label(text, f"the label in its .{extension}")
