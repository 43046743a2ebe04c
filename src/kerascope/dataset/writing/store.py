"""The folder of a run: shards of its table, pictures, and files, each written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.result_folder import (
    AUDIT_PICTURES,
    DATA,
    OVERLAYS,
)
from kerascope.dataset.writing.lock import FolderLock
from kerascope.dataset.writing.signature import is_signed
from kerascope.persistence import atomic_write, is_partial, is_regular_file

_SHARD = re.compile(r"part-(\d{5,})\.parquet")
_COLUMNS = frozenset({"index", "path", "digest", "map", "overlay", "status", "error"})
"""Columns that distinguish a shard from a table of another program."""


class Store:
    """A folder of results.

    * `manifest.json`: the model, options, versions, status and counts of the run
    * `data/part-00000.parquet`: a row for each image and explained class, see `schema`
    * `overlays/`: pictures, in folders like those of the images
    * `audit.json`, `audit-pictures/`: of an audit

    Files are written under a temporary name and then renamed, so that an interrupted run leaves whole ones.
    Files of other programs are neither read nor replaced.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if to_readable(str(self.folder)) != str(self.folder):
            raise errors.DatasetError(
                f"the folder of results must have a name in UTF-8; got {to_readable(str(self.folder))!r}; "
                "take another one, or a locale of UTF-8."
            )
        self._ready: set[Path] = set()

    @classmethod
    def of(cls, folder: Store | str | os.PathLike[str]) -> Store:
        """Return a store as it is, with the lock that it may hold, or the store of a folder."""
        return folder if isinstance(folder, Store) else cls(folder)

    @cached_property
    def lock(self) -> FolderLock:
        """The lock of the folder."""
        return FolderLock(self.folder)

    def shard_candidates(self) -> dict[int, Path]:
        """Return all files that are named like a shard, by number."""
        folder = self.folder / DATA
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        matches = ((_SHARD.fullmatch(path.name), path) for path in found)
        return {int(match[1]): path for match, path in matches if match is not None}

    def shards(self) -> dict[int, Path]:
        """Return whole shards by number, without tables of other programs."""
        states = {shard: (path, is_shard(path)) for shard, path in self.shard_candidates().items()}
        damaged = [path for path, state in states.values() if state is None]
        if damaged:
            raise errors.DatasetError(
                f"a shard must be a whole Parquet file; {str(damaged[0])!r} is damaged; resume the run, "
                "which explains its images again."
            )
        return {shard: path for shard, (path, state) in states.items() if state}

    def write_shard(self, number: int, table: Any) -> Path:
        """Write a shard: whole, or not at all."""
        import pyarrow.parquet as pq

        path = self.folder / DATA / f"part-{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            pq.write_table(table, partial, compression="zstd")
        return path

    def write_overlay(self, name: str, content: bytes) -> str:
        """Write an overlay: see `write_picture`."""
        return self.write_picture(f"{OVERLAYS}/{name}", content)

    def write_picture(self, name: str, content: bytes) -> str:
        """Write a signed picture: whole, or not at all.

        Returns:
            `name`.
        """
        path = self.folder / name
        if path.parent not in self._ready:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.resolve() != self.folder.resolve() / Path(name).parent:
                raise errors.DatasetError(
                    f"pictures must be written into the folder of results; a link leads from "
                    f"{str(path.parent)!r} elsewhere; remove the link, or take another folder."
                )
            self._ready.add(path.parent)
        if os.path.lexists(path) and not is_signed(path):
            raise errors.DatasetError(
                f"a picture must not replace a file of another program; {str(path)!r} is one; "
                "move it elsewhere, or take another folder."
            )
        with atomic_write(path, sync=False) as partial:
            partial.write_bytes(content)
        return name

    def read_paths(self, number: int) -> list[str]:
        """Read the paths of the images of a whole shard, in order."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.shard_candidates()[number], columns=["index", "path"])
        by_index = dict(zip(table["index"].to_pylist(), table["path"].to_pylist(), strict=True))
        return [by_index[index] for index in sorted(by_index)]

    def find_partial_files(self) -> Iterator[Path]:
        """Find the unfinished files of a killed run."""
        for path in (self.folder, self.folder / DATA):
            yield from (file for file in path.glob(".*.partial") if is_partial(file))
        for name in (OVERLAYS, AUDIT_PICTURES):
            if not (self.folder / name).is_symlink():
                yield from (file for file in (self.folder / name).rglob(".*.partial") if is_partial(file))

    def remove_partial_files(self) -> None:
        """Remove the unfinished files of a killed run."""
        for path in list(self.find_partial_files()):
            path.unlink()
            for above in path.relative_to(self.folder).parents[:-1]:
                remove_empty(self.folder / above)

    def write_file(self, name: str, content: bytes) -> Path:
        """Write a file in the folder: whole, or not at all. Unfinished ones of a killed run are removed."""
        path = self.folder / name
        for left in self.folder.glob(f".{name}.*.partial"):
            if is_partial(left):
                left.unlink()
        with atomic_write(path) as partial:
            partial.write_bytes(content)
        return path


def is_shard(path: Path) -> bool | None:
    """Whether a file is a shard; None where it cannot be read as a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not is_regular_file(path):
        return False
    try:
        return set(pq.read_schema(path).names) >= _COLUMNS
    except (OSError, pa.ArrowException):
        return None


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing; any other one stays."""
    if not folder.is_symlink():
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def wrap_disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the disk into a `DatasetError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise errors.DatasetError(
            f"results must be written to {str(folder)!r}; {error.strerror or error}; whole shards are kept: "
            "make room, then resume."
        ) from error
