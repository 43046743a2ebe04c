"""WebDataset archives: images in a tar file, each beside a file with its label."""

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
from kerascope.dataset.decoding.formats import is_dicom_name
from kerascope.dataset.labels.columns import LABELS, find_usual_columns
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
"""Members that are no files, and what they are called."""


@dataclass
class _Sample:
    """Files that are neighbours and share their name up to the first dot.

    Args:
        key: that name.
        plain: the picture of which nothing but the kind stands behind the first dot, `x.jpg`.
        compound: the first of the others, `x.seg.png`.
        labels: members that may say its label.
        left_out: endings of its further pictures.
        endings: of all else.
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

    def add(self, member: tarfile.TarInfo, extension: str, kinds: frozenset[str]) -> None:
        """Take a member up."""
        if "." + extension.rpartition(".")[2] not in kinds:
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
    `.cls`, or the label in its `.json`, also several. Of several pictures the one is taken that has nothing
    but its kind behind that dot, else the first. A hard link is what it leads to. Where the archive cannot be
    read to its end, an image that fails says from where on.

    Args:
        path: of the archive, or its address.
        kinds: endings of pictures.
    """

    path: str
    kinds: frozenset[str]

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
                    location = self._place(picture)
                    yield Item(f"{self.path}/{picture.name}", safe_name(found.key), location, label, notes)

    def count(self) -> int:
        return self._survey[0]

    @property
    def holds_files(self) -> bool:
        """Whether each picture is a file with one frame."""
        return not self._survey[2]

    def doubts(self) -> tuple[str, ...]:
        """What in the archive is no image of the source, counted; it is passed through once."""
        return self._survey[1]

    @cached_property
    def _state(self) -> FileState:
        try:
            return file_state(self.path)
        except OSError as error:
            raise errors.UnreadableError(
                f"an archive must be readable; {self.path!r} is not ({error})."
            ) from error

    @cached_property
    def _survey(self) -> tuple[int, tuple[str, ...], bool]:
        """How many images there are, what else there is, and whether there are scans."""
        others: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        alone: Counter[str] = Counter()
        count = lost = scans = 0
        for found in self._samples(others):
            if isinstance(found, UnreadableRest) or found.picture is not None:
                count += 1
            if isinstance(found, UnreadableRest):
                continue
            left_out.update(found.left_out)
            scans += found.picture is not None and is_dicom_name(found.picture.name)
            if found.picture is None:
                lost += bool(found.labels)
                alone.update([*(extension for extension, _ in found.labels), *found.endings][:1])
        told = [] if count else ["there is no picture in it"]
        if left_out:
            told.append(
                f"{left_out.total():,} pictures were left out, since there is an image of their name: "
                f"{_format_counts(left_out)}; give each a name of its own"
            )
        if alone:
            more = f", of which {lost:,} may be labels whose picture is not beside them" if lost else ""
            told.append(
                f"{alone.total():,} names without a picture were passed over{more}: {_format_counts(alone)}"
            )
        if others:
            text = ", ".join(f"{number:,} {kind}" for kind, number in others.most_common())
            told.append(f"members that are no files were passed over: {text}")
        return count, tuple(f"{self.path!r}: {one}." for one in told), scans > 0

    def _samples(self, others: Counter[str] | None = None) -> Iterator[_Sample | UnreadableRest]:
        """Each sample, and what cannot be read at the end.

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
            sample.add(member, extension, self.kinds)
        yield sample

    def _place(self, member: tarfile.TarInfo) -> Location:
        """Where the bytes of a member are."""
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
        """Where the files are that hard links lead to; the archive is passed through twice."""
        wanted = {
            _normalize_name(one.linkname)
            for one in read_members(self.path)
            if not isinstance(one, UnreadableRest) and one.islnk()
        }
        return {
            name: one
            for one in read_members(self.path)
            if not isinstance(one, UnreadableRest)
            and one.isreg()
            and (name := _normalize_name(one.name)) in wanted
        }

    def _label(self, sample: _Sample, file: Any) -> tuple[Label, tuple[str, ...]]:
        """The label of a sample, read from the open archive."""
        for extension, member in sample.labels:
            location = self._place(member)
            if isinstance(location, MemberLocation):
                file.seek(location.offset)
                found = _label(extension, bytes(file.read(location.size)))
                if found != _UNKNOWN:
                    return found
        return _UNKNOWN


def _split_name(name: str) -> tuple[str, str]:
    """The key and the lower ending of a member; no key where it is hidden."""
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
        f"{number:,} {f'.{ending}' if ending else 'without ending'}"
        for ending, number in endings.most_common(_SHOWN)
    )
    return shown + (", ..." if len(endings) > _SHOWN else "")


def _label(extension: str, content: bytes) -> tuple[Label, tuple[str, ...]]:
    """What a member says of the label, and what is wrong where it is none."""
    text: Any = content.decode("utf-8", "replace").strip()
    if extension == "json":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None, ()
        place = next(iter(find_usual_columns(list(found), LABELS)), None) if isinstance(found, dict) else None
        text = None if place is None else list(found.values())[place]
    if isinstance(text, str) and text.isascii() and text.isdigit():
        text = int(text)
    return read_label(text, f"the label in its .{extension}")
