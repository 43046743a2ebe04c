"""What a list of paths means: files, folders, patterns, lists, tables, archives, as a stream of images."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kerascope import errors
from kerascope.dataset.archive import ArchivePart
from kerascope.dataset.item import (
    FilePlace,
    Item,
    NoPlace,
    Place,
    file_system,
    is_address,
    located,
    safe_name,
)
from kerascope.dataset.table import TablePart

KINDS = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm"),
        *(".tif", ".tiff", ".webp"),
    }
)
"""Endings of files that are taken for pictures."""
TABLES = frozenset({".parquet", ".pq"})
ARCHIVES = frozenset({".tar"})
LISTS = frozenset({".csv", ".lst", ".tsv", ".txt"})
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "image")
_LABEL_COLUMNS = ("label", "class", "category")


class Part(Protocol):
    """A part of a source."""

    def __iter__(self) -> Iterator[Item]: ...
    def count(self) -> int: ...


@dataclass(frozen=True)
class Source:
    """Images in a fixed order, read as a stream.

    Args:
        paths: what was given.
        parts: what they mean.
        class_names: names of the subfolders, sorted, where a folder has one for each class; else None.
    """

    paths: tuple[str, ...]
    parts: tuple[Part, ...]
    class_names: tuple[str, ...] | None

    def __iter__(self) -> Iterator[Item]:
        for part in self.parts:
            yield from part

    def count(self) -> int:
        """How many images there are; names are listed, nothing is read but tables' heads."""
        return sum(part.count() for part in self.parts)


@dataclass(frozen=True)
class FilePart:
    """One file."""

    path: str

    def __iter__(self) -> Iterator[Item]:
        yield Item(self.path, safe_name(Path(self.path).stem), FilePlace(located(self.path)))

    def count(self) -> int:
        return 1


@dataclass(frozen=True)
class FolderPart:
    """Every picture in a folder and its subfolders, sorted by name, folder after folder.

    Args:
        path: of the folder.
        classes: the first subfolder on the way to a picture is its class.
        follow: follow links, also out of the folder.
    """

    path: str
    classes: bool
    follow: bool

    def __iter__(self) -> Iterator[Item]:
        root = Path(self.path)
        inside = None if self.follow else located(self.path)
        for file, fault in _walk(root, self.follow, frozenset()):
            relative = file.relative_to(root)
            label = relative.parts[0] if self.classes and len(relative.parts) > 1 else None
            place: Place = FilePlace(located(str(file)), inside) if fault is None else NoPlace(fault)
            yield Item(file.as_posix(), safe_name(relative.with_suffix("").as_posix()), place, label)

    def count(self) -> int:
        return sum(1 for _ in _walk(Path(self.path), self.follow, frozenset()))


@dataclass(frozen=True)
class StorePart:
    """Every picture below an address, sorted by path; like `FolderPart`, but without links."""

    address: str
    classes: bool

    def __iter__(self) -> Iterator[Item]:
        root, found = _listed(self.address)
        for path in found:
            relative = path.removeprefix(root).lstrip("/")
            parts = relative.split("/")
            where = f"{self.address.rstrip('/')}/{relative}" if relative else self.address
            label = parts[0] if self.classes and len(parts) > 1 else None
            stem = os.path.splitext(relative or Path(path).name)[0]  # noqa: PTH122 (no local path)
            yield Item(where, safe_name(stem), FilePlace(where), label)

    def count(self) -> int:
        return len(_listed(self.address)[1])


@dataclass(frozen=True)
class ListPart:
    """Files named in a text file: one a line, or columns `path` and `label` separated by commas or tabs.

    Relative paths start from the list's folder. Empty lines and lines that begin with # are passed over.
    """

    path: str

    def __iter__(self) -> Iterator[Item]:
        folder = Path(self.path).parent
        for name, label in self._rows():
            path = name if is_address(name) else str(folder / name)
            yield Item(path, safe_name(os.path.splitext(name)[0]), FilePlace(located(path)), label)  # noqa: PTH122

    def count(self) -> int:
        return sum(1 for _ in self._rows())

    def _rows(self) -> Iterator[tuple[str, str | None]]:
        separator = "," if self.path.lower().endswith(".csv") else "\t"
        try:
            with Path(self.path).open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file, delimiter=separator)
                path_column, label_column, first = 0, 1, True
                for row in rows:
                    if not row or not row[0].strip() or row[0].startswith("#"):
                        continue
                    lowered = [cell.strip().lower() for cell in row]
                    if first and (heads := [name for name in _PATH_COLUMNS if name in lowered]):
                        path_column = lowered.index(heads[0])
                        labels = [lowered.index(name) for name in _LABEL_COLUMNS if name in lowered]
                        label_column = labels[0] if labels else len(row)
                    elif path_column < len(row):
                        label = row[label_column].strip() if label_column < len(row) else ""
                        yield row[path_column].strip(), label or None
                    first = False
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise errors.DatasetError(
                f"a list must be a text file with a path in each line; {self.path!r} cannot be read as one "
                f"({error})."
            ) from error


def find_images(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    image_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
) -> Source:
    """What paths mean.

    Args:
        paths: one or several of: a picture; a folder, whose subfolders are classes where there are two or
            more and no picture beside them; a pattern such as `photos/**/*.jpg`; a list (`.txt`, `.lst`,
            `.csv`, `.tsv`) of paths, with labels if it likes; a Parquet table, or a folder of nothing else,
            with a column of images (bytes, bytes in a struct as the Hugging Face libraries write them, or
            paths); a WebDataset (`.tar`); or the address of one of these in a store, `s3://bucket/photos`.
        image_column: of a table; None for the first that can be one.
        label_column: of a table; None for one named label, class, category or target.
        follow_links: follow links that lead out of a folder, and to other folders.

    Raises:
        DatasetError: there is nothing, or no picture in it.
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
    given = tuple(os.fspath(path) for path in several)
    if not given:
        raise errors.DatasetError("there must be a path to look for images; got none.")
    parts: list[Part] = []
    names: list[tuple[str, ...]] = []
    for path in given:
        found = _part(path, image_column, label_column, follow_links)
        parts += found
        names += [subfolders(part.path) for part in found if isinstance(part, FolderPart) and part.classes]
        names += [part.class_names for part in found if isinstance(part, TablePart) and part.class_names]
    source = Source(given, tuple(parts), names[0] if len(set(names)) == 1 else None)
    if next(iter(source), None) is None:
        raise errors.DatasetError(
            f"there must be pictures ({', '.join(sorted(KINDS))}) in {', '.join(map(repr, given))}; there "
            "are none."
        )
    return source


def _part(path: str, image_column: str | None, label_column: str | None, follow: bool) -> Sequence[Part]:
    suffix = Path(path).suffix.lower()
    if is_address(path):
        if suffix in TABLES:
            return [TablePart(path, image_column, label_column)]
        if suffix in ARCHIVES:
            return [ArchivePart(path, KINDS)]
        return [StorePart(path, _store_has_classes(path))]
    if Path(path).is_dir():
        tables = [one for one in sorted(Path(path).iterdir()) if not one.name.startswith((".", "_"))]
        if tables and all(one.suffix.lower() in TABLES for one in tables):
            return [TablePart(str(one), image_column, label_column) for one in tables]
        return [FolderPart(path, len(subfolders(path)) > 1 and not _has_pictures(path), follow)]
    if not os.path.lexists(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (also of absolute patterns)
        if not matches:
            raise errors.DatasetError(
                "there must be a file, a folder or something that fits the pattern; there is nothing at "
                f"{path!r}."
            )
        folders = [match for match in matches if Path(match).is_dir()]
        files = [match for match in matches if match not in set(folders)]
        # A pattern such as ** fits the folders of what it fits, too.
        return [FilePart(match) for match in files if Path(match).suffix.lower() in KINDS] or [
            part for match in matches for part in _part(match, image_column, label_column, follow)
        ]
    if suffix in TABLES:
        return [TablePart(path, image_column, label_column)]
    if suffix in ARCHIVES:
        return [ArchivePart(path, KINDS)]
    if suffix in LISTS:
        return [ListPart(path)]
    if path.lower().endswith((".tar.gz", ".tgz", ".tar.zst", ".zip")):
        raise errors.DatasetError(
            f"an archive must be a plain .tar, whose members can be read one by one; got {path!r}; unpack "
            "it first."
        )
    return [FilePart(path)]


def _walk(folder: Path, follow: bool, above: frozenset[Path]) -> Iterator[tuple[Path, str | None]]:
    """Pictures by name, each with what is wrong where that is known; only one folder's names are held."""
    try:
        with os.scandir(folder) as scanned:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=follow)) for entry in scanned)
    except OSError as error:
        yield folder, f"a folder must be readable; {error.strerror or error}."
        return
    above |= {folder.resolve()} if follow else frozenset()
    for name, is_folder in entries:
        path = folder / name
        if name.startswith("."):
            continue
        if is_folder:
            # A link back to a folder above would never end.
            if not follow or path.resolve() not in above:
                yield from _walk(path, follow, above)
        elif path.suffix.lower() in KINDS:
            yield path, None


def subfolders(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the subfolders, sorted, without links and hidden ones."""
    return tuple(
        one.name
        for one in sorted(Path(path).iterdir())
        if one.is_dir() and not one.is_symlink() and not one.name.startswith(".")
    )


def _has_pictures(path: str) -> bool:
    return any(one.suffix.lower() in KINDS and not one.is_dir() for one in Path(path).iterdir())


def _listed(address: str) -> tuple[str, list[str]]:
    """Root and sorted paths of the pictures below an address."""
    from pyarrow import fs

    filesystem, root = file_system(address)
    try:
        top = filesystem.get_file_info(root)
        if top.type == fs.FileType.File:
            return root, [root]
        infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
    except OSError as error:
        raise errors.DatasetError(f"{address!r} must be readable; it is not ({error}).") from error
    return root, sorted(
        info.path
        for info in infos
        if info.type == fs.FileType.File and os.path.splitext(info.path)[1].lower() in KINDS  # noqa: PTH122
    )


def _store_has_classes(address: str) -> bool:
    root, found = _listed(address)
    parts = [path.removeprefix(root).lstrip("/").split("/") for path in found]
    return all(len(one) > 1 for one in parts) and len({one[0] for one in parts}) > 1
