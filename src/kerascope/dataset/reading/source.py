"""Sources: files, folders, patterns, lists, tables and archives as one stream of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from kerascope import errors
from kerascope.dataset.decoding.formats import PICTURE_ENDINGS, describe_unread, is_picture
from kerascope.dataset.labels.label import Label
from kerascope.dataset.photograph_errors import describe_error
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.reading.address import Address, is_address
from kerascope.dataset.reading.csv_list import ListPart
from kerascope.dataset.reading.dicom_frames import check_pydicom, split_frames
from kerascope.dataset.reading.folder import FilePart, FolderPart, list_folder, list_subfolders
from kerascope.dataset.reading.glob_pattern import find_matches
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import UnreadableLocation
from kerascope.dataset.reading.object_store import StorePart
from kerascope.dataset.reading.parquet.table import TablePart
from kerascope.dataset.reading.webdataset.samples import ArchivePart

TABLES = frozenset({".parquet", ".pq"})
ARCHIVES = frozenset({".tar"})
LISTS = frozenset({".csv", ".lst", ".tsv", ".txt"})
_NAMES = 100_000
"""Names of a folder that are searched for pictures of formats that are not read."""


AS_COLUMNS = "as the columns are named"
"""The order of classes that are columns of 0 and 1, in words."""


class Part(Protocol):
    """A part of a source, such as a folder or a table."""

    @property
    def path(self) -> str: ...
    def __iter__(self) -> Iterator[Item]: ...


@dataclass(frozen=True)
class Source:
    """Images in a fixed order, read as a stream.

    Args:
        paths: as they were given.
        parts: that the paths mean.
        class_names: names of the subfolders, sorted, where a folder has one for each class, or the names in a
            table or in the header of a list; else None.
        order: of the class names, in words.
        doubts: warnings about the paths, such as of files that were skipped.
        codes: names of classes by code, such as by the codes of WordNet that labels may be.
        change: a function that replaces each image, or None.
    """

    paths: tuple[str, ...]
    parts: tuple[Part, ...]
    class_names: tuple[str, ...] | None
    order: str = "sorted"
    doubts: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Item], Item] | None = None

    def __iter__(self) -> Iterator[Item]:
        for part in self.parts:
            yield from self.transform(read_part(part))

    def transform(self, items: Iterable[Item]) -> Iterator[Item]:
        """Split files into frames, replace codes by names, and apply the change."""
        items = split_frames(items)
        if self.codes:
            items = (replace(item, label=self._rename(item.label)) for item in items)
        yield from items if self.change is None else map(self.change, items)

    def rename_labels(self, codes: Mapping[str, str]) -> Source:
        """The same images, with codes in labels replaced by names of classes.

        Args:
            codes: names by code; other labels stay as they are.
        """
        names = (
            None if self.class_names is None else tuple(codes.get(name, name) for name in self.class_names)
        )
        return replace(self, class_names=names, codes=codes)

    def relabel(self, change: Callable[[Item], Item]) -> Source:
        """The same images with other labels, to which the class names no longer apply.

        Args:
            change: from an image to the image with its new label.
        """
        return replace(self, class_names=None, change=change)

    def _rename(self, label: Label) -> Label:
        if isinstance(label, tuple):
            return tuple(self.codes.get(part, part) if isinstance(part, str) else part for part in label)
        return self.codes.get(label, label) if isinstance(label, str) else label

    def count(self) -> int:
        """Count the images: names are listed, and only headers of files with several images are read."""
        return sum(_count(part) for part in self.parts)


def find_images(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    image_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
) -> Source:
    """Find the images that paths mean.

    Args:
        paths: one or several of: a picture; a folder, whose subfolders are classes where there are two or
            more and no picture next to them; a pattern such as `photos/**/*.jpg`; a list (`.txt`, `.lst`,
            `.csv`, `.tsv`) of paths, with labels if it likes; a Parquet table, or a folder of nothing else,
            with a column of images (bytes, bytes in a struct as the Hugging Face libraries write them, or
            paths); a WebDataset (`.tar`); or the address of one of these in a store, `s3://bucket/photos`.
        image_column: of a table or list; None for one of a usual name, else the first that can be one.
        label_column: of a table or list, or columns of 0 and 1 with commas between, `"cat,dog"`; None for the
            one that the table marks as classes, else one of a usual name (label, class, category, target,
            ...), else two or more columns of 0 and 1; `""` for none.
        follow_links: follow links that lead out of a folder, and to other folders.

    Raises:
        DatasetError: a path leads to nothing or to no picture, or a column cannot hold labels.
        MissingPackageError: pyarrow is not installed, for tables and addresses.

    Example:
        >>> import tempfile, pathlib
        >>> from kerascope.dataset import find_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         pathlib.Path(folder, name, "1.jpg").touch()
        ...     source = find_images(folder)
        ...     [(item.name, item.label) for item in source], source.class_names
        ([('cat/1', 'cat'), ('dog/1', 'dog')], ('cat', 'dog'))
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    given = tuple(map(_to_text, several))
    if not given:
        raise errors.DatasetError("there must be a path to look for images; got none.")
    parts: list[Part] = []
    names: list[tuple[tuple[str, ...], str]] = []
    doubts: list[str] = []
    for path in given:
        found = _to_parts(path, image_column, label_column, follow_links)
        parts += found
        doubts += [] if (doubt := _doubt(path, found)) is None else [doubt]
        for part in found:
            # One that cannot be read is an image that fails, see `read_part`.
            with suppress(errors.UnreadableError):
                names += [] if (own := _find_class_names(part)) is None else [own]
                doubts += _doubts(part)
    are_same = len({own for own, _ in names}) == 1
    known, order = names[0] if are_same else (None, "")
    known = None if known is None else tuple(map(to_readable, known))
    _check_pictures(parts, given)
    check_pydicom(item for part in parts for item in read_part(part))
    return Source(tuple(map(to_readable, given)), tuple(parts), known, order, tuple(doubts))


def read_part(part: Part) -> Iterator[Item]:
    """Read the images of a part; where it cannot be read to its end, the last one fails and says so."""
    try:
        yield from part
    except (errors.UnreadableError, OSError) as error:
        location = UnreadableLocation(
            f"what holds images must be readable to its end; {describe_error(error)}."
        )
        yield Item(part.path, f"{safe_name(Path(part.path).stem)}/rest", location)


def _count(part: Part) -> int:
    try:
        if isinstance(part, TablePart | ArchivePart) and part.holds_files:
            return part.count()
    except (errors.UnreadableError, OSError):
        pass
    return sum(1 for _ in split_frames(read_part(part)))


def _check_pictures(parts: Iterable[Part], given: Sequence[str]) -> None:
    """Check that there is one picture at least."""
    fault: errors.UnreadableError | None = None
    for part in parts:
        try:
            if next(iter(part), None) is not None:
                return
        except errors.UnreadableError as error:
            fault = fault or error
    raise fault or errors.DatasetError(
        f"there must be pictures ({', '.join(sorted(PICTURE_ENDINGS))}) in {', '.join(map(repr, given))}; "
        "there are none."
    )


def _to_text(path: Any) -> str:
    """Convert a path to text."""
    try:
        found = os.fsdecode(path)
    except TypeError:
        found = ""
    if not found or "\0" in found:
        raise errors.DatasetError(f"a path must be a text that names something; got {path!r:.60}.")
    return Address.of(found) if is_address(found) else found


def _to_parts(path: str, image_column: str | None, label_column: str | None, follow: bool) -> Sequence[Part]:
    if isinstance(path, Address):
        return _store_parts(path, image_column, label_column)
    if os.path.isdir(path):  # noqa: PTH112 (Path raises where nobody may look)
        try:
            names = [name for name, _ in list_folder(path) if not name.startswith((".", "_"))]
        except errors.UnreadableError:
            return [FolderPart(path, False, follow)]
        if names and all(_ending(name) in TABLES for name in names):
            return [TablePart(str(Path(path, name)), image_column, label_column) for name in names]
        return [FolderPart(path, len(list_subfolders(path)) > 1 and not _has_pictures(path), follow)]
    if not os.path.lexists(path):
        fitting = sorted(set(find_matches(path)))
        if not fitting:
            raise errors.DatasetError(
                "there must be a file, a folder or something that fits the pattern; there is nothing at "
                f"{path!r}."
            )
        folders = {match for match in fitting if os.path.isdir(match)}  # noqa: PTH112
        files = [match for match in fitting if match not in folders]
        # A pattern such as ** matches the folders of its matches, too.
        return [FilePart(match) for match in files if _ending(match) in PICTURE_ENDINGS] or [
            part for match in fitting for part in _to_parts(match, image_column, label_column, follow)
        ]
    return [_file_part(path, image_column, label_column) or FilePart(path)]


def _store_parts(path: Address, image_column: str | None, label_column: str | None) -> Sequence[Part]:
    """The parts that an address means."""
    found = _file_part(path, image_column, label_column)
    if found is not None:
        return [found]
    part = StorePart(path)
    try:
        names = [name for name in part.names if not name.startswith("_")]
    except errors.UnreadableError:
        return [part]
    if names and all(_ending(name) in TABLES and "/" not in name for name in names):
        return [TablePart(path.joinpath(name), image_column, label_column) for name in names]
    return [part]


def _file_part(path: str, image_column: str | None, label_column: str | None) -> Part | None:
    """The part of a file of several images, by its ending; None for other files."""
    ending = _ending(path)
    if ending in TABLES:
        return TablePart(path, image_column, label_column)
    if ending in ARCHIVES:
        return ArchivePart(path)
    if ending in LISTS:
        return ListPart(path, image_column, label_column)
    if path.lower().endswith((".tar.gz", ".tgz", ".tar.zst", ".zip")):
        raise errors.DatasetError(
            f"an archive must be a plain .tar, whose members can be read one by one; got {path!r}; unpack "
            "it first."
        )
    return None


def _ending(path: str) -> str:
    return Path(path).suffix.lower()


def _find_class_names(part: Part) -> tuple[tuple[str, ...], str] | None:
    """Class names of a part, and their order in words."""
    if isinstance(part, FolderPart):
        return (list_subfolders(part.path), "sorted") if part.classes else None
    if isinstance(part, StorePart):
        return (part.class_names, "sorted") if part.class_names else None
    if isinstance(part, TablePart | ListPart):
        names, order = part.class_names, AS_COLUMNS
        if isinstance(part, TablePart) and not part.flags:
            order = "as the table names them"
        return None if names is None else (names, order)
    return None


def _doubts(part: Part) -> tuple[str, ...]:
    return part.doubts() if isinstance(part, FolderPart | ListPart | ArchivePart) else ()


def _doubt(path: str, parts: Sequence[Part]) -> str | None:
    """Warn of pictures of formats that are not read."""
    if not is_address(path) and not os.path.lexists(path):
        return describe_unread(islice(find_matches(path), _NAMES))
    if parts and isinstance(parts[0], FolderPart | StorePart):
        text = describe_unread(islice(parts[0].names, _NAMES))
        return None if text is None else f"{path!r}: {text}"
    return None


def _has_pictures(path: str) -> bool:
    return any(is_picture(name) and not is_folder for name, is_folder in list_folder(path, follow=True))
