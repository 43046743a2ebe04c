"""The folder that a run writes: shards of a table, overlays, a manifest, a lock."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.dataset.readable import readable

MANIFEST = "manifest.json"
DATA = "data"
OVERLAYS = "overlays"
SHARED_MODEL = ".model.keras"
"""The model, while workers need it."""
_LOCK = ".lock"
_FORMAT = 1


class Store:
    """A folder of results.

        manifest.json            what was done, with which model, options and versions, and how many
        data/part-00000.parquet  a row for each image and explained class; see `kerascope.dataset.schema`
        overlays/                pictures, in folders like those of the images

    Shards are written beside their place and then moved to it, so that whatever stops a run leaves whole
    ones.

    Args:
        folder: where; it is made where it is missing.

    Raises:
        DatasetError: its name is not UTF-8, which pyarrow does not write to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if readable(str(self.folder)) != str(self.folder):
            raise errors.DatasetError(
                f"the folder of results must have a name in UTF-8; got {readable(str(self.folder))!r}; take "
                "another one, or a locale of UTF-8."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out; the lock goes with the process that holds it.

        Raises:
            LockedError: another run holds it.
        """
        try:
            from filelock import FileLock, Timeout
        except ImportError:
            raise errors.MissingPackageError("filelock", "dataset") from None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / _LOCK, timeout=0)
            with lock:
                yield
        except Timeout:
            raise errors.LockedError(
                f"one run at a time may write into a folder; another one writes into {str(self.folder)!r}; "
                "wait for it, or choose another folder."
            ) from None

    def manifest(self) -> dict[str, Any] | None:
        """What the manifest says, or None where there is none.

        Raises:
            DatasetError: it cannot be read.
        """
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise errors.DatasetError(
                f"a manifest must be a JSON file; {str(path)!r} cannot be read as one ({error})."
            ) from error
        if not isinstance(found, dict) or found.get("format", 0) > _FORMAT:
            raise errors.DatasetError(
                f"a manifest must be of format {_FORMAT} or older; {str(path)!r} is not; install a newer "
                "kerascope."
            )
        return found

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest."""
        text = json.dumps({"format": _FORMAT, **manifest}, indent=1, ensure_ascii=False)
        self.replace(MANIFEST, (text + "\n").encode())

    def shards(self) -> dict[int, Path]:
        """Whole shards by number."""
        found = sorted((self.folder / DATA).glob("part-*.parquet"))
        return {int(path.stem.removeprefix("part-")): path for path in found}

    def write_shard(self, number: int, table: Any) -> Path:
        """Write a shard: whole, or not at all."""
        import pyarrow.parquet as pq

        path = self._shard(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _whole(path) as partial:
            pq.write_table(table, partial, compression="zstd")
        return path

    def overlay(self, name: str, content: bytes) -> str:
        """Write a picture; its path, relative to the folder.

        Args:
            name: relative path, safe to be joined: see `kerascope.dataset.item.safe_name`.
            content: of the file.
        """
        path = self.folder / OVERLAYS / name
        try:
            path.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return f"{OVERLAYS}/{name}"

    def paths(self, number: int) -> list[str]:
        """The images of a whole shard, in order."""
        import pyarrow.parquet as pq

        table = pq.read_table(self._shard(number), columns=["index", "path"])
        by_index = dict(zip(table["index"].to_pylist(), table["path"].to_pylist(), strict=True))
        return [by_index[index] for index in sorted(by_index)]

    def tidy(self) -> None:
        """Remove what a run that was killed has left unfinished."""
        for path in (*(self.folder / DATA).glob(".part-*.partial"), self.folder / SHARED_MODEL):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove an earlier run, and nothing else that may be in the folder.

        First what says that results are there, last the shards, by which a removal that was stopped is known.
        """
        (self.folder / MANIFEST).unlink(missing_ok=True)
        self.tidy()
        if (self.folder / OVERLAYS).is_dir():
            shutil.rmtree(self.folder / OVERLAYS)
        for path in self.shards().values():
            path.unlink()

    def _shard(self, number: int) -> Path:
        return self.folder / DATA / f"part-{number:05d}.parquet"

    def replace(self, name: str, content: bytes) -> Path:
        """Write a file in the folder: whole, or not at all. What a killed run has left of it is removed.

        Args:
            name: of the file.
            content: of it.
        """
        path = self.folder / name
        for left in self.folder.glob(f".{name}.*.partial"):
            left.unlink()
        with _whole(path) as partial:
            partial.write_bytes(content)
        return path


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name to write to, beside a place, to which it is moved once it is on the disk; else it is gone."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        _settle(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _settle(path: Path) -> None:
    """Wait until a file is on the disk: a name must not be there before its content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """What differs between two nested options, a line each: `"target: 3 before, 5 now"`."""
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name}: {_short(old)} before, {_short(new)} now"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:40]} ... {text[-12:]}"


def options_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a manifest decides the results."""
    return {name: manifest.get(name) for name in ("model", "source", "options", "versions")}


def paths_differ(before: Sequence[str], now: Sequence[str]) -> str | None:
    """The first image that is another one, in words, or None."""
    for place in range(max(len(before), len(now))):
        old = before[place] if place < len(before) else "nothing"
        new = now[place] if place < len(now) else "nothing"
        if old != new:
            return f"{old} before, {new} now"
    return None
