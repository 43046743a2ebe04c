"""The folder that a run writes: shards of a table, pictures, a manifest, a lock."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.result_folder import (
    AUDIT_PICTURES,
    DATA,
    MANIFEST,
    OVERLAYS,
    is_manifest,
)
from kerascope.dataset.writing.atomic_file import atomic_write, is_partial, is_regular_file
from kerascope.dataset.writing.signature import is_signed

LOCK = ".lock"
REMOVING = "removing"
"""The status of a run that is being removed."""
_FORMAT = 1
_SHARD = re.compile(r"part-(\d{5,})\.parquet")
_COLUMNS = frozenset({"index", "path", "digest", "map", "overlay", "status", "error"})
"""By which a shard is told from a table of others that is called like one."""


class Store:
    """A folder of results.

        manifest.json            what was done, with which model, options and versions, and how many
        data/part-00000.parquet  a row for each image and explained class; see
        `kerascope.dataset.writing.schema` overlays/                pictures, in folders like those of the
        images audit.json               of an audit: what was found; audit-pictures/: what is shown of it

    Files are written beside their place and then moved to it, so that whatever stops a run leaves whole
    ones. What others have put into the folder is left alone, and never read or written over.

    Args:
        folder: where; it is made where it is missing.

    Raises:
        DatasetError: its name is not UTF-8, which pyarrow does not write to.
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
        """A store as it is, with the lock that it may hold; or that of a folder."""
        return folder if isinstance(folder, Store) else cls(folder)

    @cached_property
    def _lock(self) -> Any:
        try:
            from filelock import FileLock
        except ImportError:
            raise errors.MissingPackageError("filelock", "dataset") from None
        return FileLock(self.folder / LOCK, timeout=0)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out; the lock goes with the process that holds it. A store may lock itself again.

        Raises:
            LockedError: another run holds it.
            DatasetError: the lock is a file of another program.
        """
        lock = self._lock
        from filelock import Timeout

        path = self.folder / LOCK
        if os.path.lexists(path) and not (is_regular_file(path) and path.stat().st_size == 0):
            # It would be emptied.
            raise errors.DatasetError(
                f"a lock must be an empty file; {str(path)!r} is of another program; take another folder."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with lock:
                yield
        except Timeout:
            raise errors.LockedError(
                f"one run at a time may write into a folder; another one writes into {str(self.folder)!r}; "
                "wait for it, or choose another folder."
            ) from None

    def read_manifest(self) -> dict[str, Any] | None:
        """What the manifest says, or None where there is none.

        Raises:
            DatasetError: it cannot be read, or is that of another program.
        """
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise errors.DatasetError(
                f"a manifest must be a JSON file; {str(path)!r} cannot be read as one ({error}); take "
                f"another folder; or, if it is one of kerascope's that was damaged, remove it, {DATA}/ and "
                f"{OVERLAYS}/ by hand."
            ) from error
        if path.is_symlink() or not is_manifest(found):
            raise errors.DatasetError(
                f"a manifest must be one of kerascope's; {str(path)!r} is of another program; take another "
                "folder."
            )
        if found["format"] > _FORMAT:
            raise errors.DatasetError(
                f"a manifest must be of format {_FORMAT} or older; {str(path)!r} is not; install a newer "
                "kerascope."
            )
        return dict(found)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest."""
        text = json.dumps({"format": _FORMAT, **manifest}, indent=1, ensure_ascii=False)
        self.write_file(MANIFEST, (text + "\n").encode())

    def shard_candidates(self) -> dict[int, Path]:
        """All that is called like a shard, by number."""
        folder = self.folder / DATA
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        matches = ((_SHARD.fullmatch(path.name), path) for path in found)
        return {int(match[1]): path for match, path in matches if match is not None}

    def shards(self) -> dict[int, Path]:
        """Whole shards by number; tables of others that are called alike are left out.

        Raises:
            DatasetError: one cannot be read.
        """
        states = {number: (path, is_shard(path)) for number, path in self.shard_candidates().items()}
        damaged = [path for path, state in states.values() if state is None]
        if damaged:
            raise errors.DatasetError(
                f"a shard must be a whole Parquet file; {str(damaged[0])!r} is damaged; resume the run, "
                "which explains its images anew."
            )
        return {number: path for number, (path, state) in states.items() if state}

    def write_shard(self, number: int, table: Any) -> Path:
        """Write a shard: whole, or not at all."""
        import pyarrow.parquet as pq

        path = self.folder / DATA / f"part-{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            pq.write_table(table, partial, compression="zstd")
        return path

    def write_overlay(self, name: str, content: bytes) -> str:
        """Write an overlay: see `picture`.

        Args:
            name: relative path, safe to be joined: see `kerascope.dataset.reading.item.safe_name`.
            content: of the file.
        """
        return self.write_picture(f"{OVERLAYS}/{name}", content)

    def write_picture(self, name: str, content: bytes) -> str:
        """Write a signed picture: whole, or not at all; its path, relative to the folder.

        Args:
            name: that path.
            content: of the file.

        Raises:
            DatasetError: another one's file or link is in its place.
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
                f"a picture must not be written over what is not kerascope's; {str(path)!r} is such a file; "
                "move it elsewhere, or take another folder."
            )
        with atomic_write(path, settled=False) as partial:
            partial.write_bytes(content)
        return name

    def read_paths(self, number: int) -> list[str]:
        """The images of a whole shard, in order."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.shard_candidates()[number], columns=["index", "path"])
        by_index = dict(zip(table["index"].to_pylist(), table["path"].to_pylist(), strict=True))
        return [by_index[index] for index in sorted(by_index)]

    def find_partial_files(self) -> Iterator[Path]:
        """Files that a run that was killed has not finished."""
        for path in (self.folder, self.folder / DATA):
            yield from (one for one in path.glob(".*.partial") if is_partial(one))
        for name in (OVERLAYS, AUDIT_PICTURES):
            if not (self.folder / name).is_symlink():
                yield from (one for one in (self.folder / name).rglob(".*.partial") if is_partial(one))

    def remove_partial_files(self) -> None:
        """Remove what a run that was killed has left unfinished."""
        for path in list(self.find_partial_files()):
            path.unlink()
            for above in path.relative_to(self.folder).parents[:-1]:
                remove_empty(self.folder / above)

    def write_file(self, name: str, content: bytes) -> Path:
        """Write a file in the folder: whole, or not at all. What a killed run has left of it is removed.

        Args:
            name: of the file.
            content: of it.
        """
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
    """What a disk does not take as an error that says what to do.

    Raises:
        DatasetError: a file could not be written.
    """
    try:
        yield
    except OSError as error:
        raise errors.DatasetError(
            f"results must be written to {str(folder)!r}; {error.strerror or error}; whole shards are kept: "
            "make room, then resume."
        ) from error
