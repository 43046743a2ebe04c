"""Removal of an earlier run or audit: only of files that kerascope has written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from kerascope.dataset.result_folder import AUDIT, AUDIT_PICTURES, DATA, MANIFEST, OVERLAYS, is_audit
from kerascope.dataset.writing.manifest import REMOVING, read_manifest, write_manifest
from kerascope.dataset.writing.signature import is_signed
from kerascope.dataset.writing.store import Store, is_shard, remove_empty
from kerascope.persistence import is_regular_file

_OVERLAY = re.compile(r"\d{6,}_.*\.(jpg|png)")
_AUDIT_PICTURE = re.compile(r"\d{6,}\.(jpg|png)")


def remove_run(store: Store) -> None:
    """Remove a run and its audit.

    Files are removed that the manifest, shards and audit name, and signed pictures that are named like these,
    which a killed run may have left; then empty folders. The manifest says that a removal is under way, and
    goes last, so that an interrupted removal is recognised and can be continued.
    """
    before = read_manifest(store.folder)
    if before is not None and before.get("status") != REMOVING:
        write_manifest(store, {**before, "status": REMOVING})
    remove_audit(store.folder)
    store.remove_partial_files()
    if before is None:
        return
    for path in store.shard_candidates().values():
        if is_shard(path) is False:
            continue
        for overlay in _overlays_of(path):
            _remove(store.folder, overlay)
        path.unlink()
    for path in _files(store.folder / OVERLAYS):
        if _OVERLAY.fullmatch(path.name) and is_signed(path):
            _remove(store.folder, path.relative_to(store.folder).as_posix())
    for name in (DATA, OVERLAYS):
        remove_empty(store.folder / name)
    (store.folder / MANIFEST).unlink()


def remove_audit(folder: Path) -> None:
    """Remove an audit: first `audit.json`, then its pictures."""
    content = read_audit(folder)
    named = set() if content is None else set(picture_indices(content))
    if content is not None:
        (folder / AUDIT).unlink()
    for path in audit_pictures(folder, named).values():
        path.unlink()
    remove_empty(folder / AUDIT_PICTURES)


def read_audit(folder: Path) -> Mapping[str, Any] | None:
    """Read the audit of a folder; None where there is none, or another file."""
    try:
        found = json.loads((folder / AUDIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if is_audit(found) and is_regular_file(folder / AUDIT) else None


def audit_pictures(folder: Path, named: Iterable[int] = ()) -> dict[int, Path]:
    """Find the pictures of an audit by the index of their image: signed ones, and those that it names.

    Args:
        folder: of the audit.
        named: indices, of audits before pictures were signed.
    """
    pictures = folder / AUDIT_PICTURES
    if pictures.is_symlink() or not pictures.is_dir():
        return {}
    known = set(named)
    found = (path for path in sorted(pictures.iterdir()) if is_audit_picture(path.name))
    return {
        int(path.stem): path
        for path in found
        if is_signed(path) or (int(path.stem) in known and is_regular_file(path))
    }


def is_audit_picture(name: str) -> bool:
    """Return whether a file is named like a picture of an audit."""
    return _AUDIT_PICTURE.fullmatch(name) is not None


def picture_indices(audit: Mapping[str, Any]) -> Iterator[int]:
    """Yield the indices of the images that an audit shows; none where it is damaged."""
    with suppress(AttributeError, KeyError, TypeError):
        for finding in audit.get("findings", ()):
            yield from finding["examples"]
        for class_audit in audit.get("classes", ()):
            for strategy in class_audit["strategies"]:
                yield from strategy["prototypes"]


def _overlays_of(shard: Path) -> list[str]:
    """Read the paths of the overlays of a shard; none where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(shard, columns=["overlay"])["overlay"].to_pylist()
    except (OSError, pa.ArrowException):
        return []
    return [path for path in found if path]


def _files(folder: Path) -> Iterator[Path]:
    """Find all files in a folder, without following links."""
    if folder.is_symlink():
        return
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in sorted(names))


def _remove(folder: Path, name: str) -> None:
    """Remove an overlay by its path in the folder, and folders that it leaves empty; nothing elsewhere."""
    parts = PurePosixPath(name).parts
    if parts[0] != OVERLAYS or ".." in parts or not _OVERLAY.fullmatch(parts[-1]):
        return
    path = folder.joinpath(*parts)
    if path.parent.resolve() != folder.resolve().joinpath(*parts[:-1]) or not is_regular_file(path):
        return
    path.unlink()
    for above in path.parents[: len(parts) - 1]:
        remove_empty(above)
