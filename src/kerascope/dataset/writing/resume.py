"""Checks of a folder before a run starts or resumes in it; they change nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerascope import errors
from kerascope.dataset.reading.shard import to_shards
from kerascope.dataset.reading.source import Source
from kerascope.dataset.result_folder import DATA, OVERLAYS
from kerascope.dataset.writing.lock import LOCK
from kerascope.dataset.writing.manifest import REMOVING, read_manifest
from kerascope.dataset.writing.removal import read_audit
from kerascope.dataset.writing.store import Store, is_shard
from kerascope.persistence import is_partial


def check_folder_state(
    store: Store, resume: bool, overwrite: bool, overlays: bool
) -> Mapping[str, Any] | None:
    """Check that a run may start in a folder, or resume in it.

    Returns:
        The manifest of the run in it, or None.
    """
    folder = str(store.folder)
    before = read_manifest(store.folder)
    for path in (store.folder / DATA, store.folder / OVERLAYS):
        if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
            raise errors.DatasetError(
                f"results must be written into folders; {str(path)!r} is a file or a link; take "
                "another folder."
            )
    named = store.shard_candidates()
    foreign = [path for path in named.values() if is_shard(path) is False]
    if overwrite and before is None and read_audit(store.folder) is None and foreign_names(store):
        raise errors.DatasetError(
            f"only results of kerascope can be overwritten; {folder!r} holds files and no manifest of "
            "a run; take another folder, or remove the files by hand."
        )
    if before is None and named:
        raise errors.DatasetError(
            f"a folder of results must have a manifest; {folder!r} has shards and none; take another folder."
        )
    if foreign:
        raise errors.DatasetError(
            f"a file named like a shard must be one; {str(foreign[0])!r} is of another program; move it "
            "elsewhere, or take another folder."
        )
    pictures = store.folder / OVERLAYS
    if before is None and overlays and not all(path.is_dir() for path in pictures.rglob("*")):
        raise errors.DatasetError(
            f"a folder of overlays must be empty to begin with; {str(pictures)!r} holds files of another "
            "program; take another folder."
        )
    if before is None or overwrite:
        return before
    if before.get("status") == REMOVING:
        raise errors.DatasetError(
            f"a folder must hold whole results; those in {folder!r} were being removed, which was "
            "stopped; overwrite them, or take another folder."
        )
    if not resume:
        raise errors.DatasetError(
            f"the folder must hold no results; {folder!r} holds those of a run that is "
            f"{before.get('status')}; resume it, overwrite it, or take another folder."
        )
    return before


def foreign_names(store: Store) -> list[str]:
    """Return the names in a folder other than the lock and unfinished files of kerascope."""
    found = sorted(store.folder.iterdir()) if store.folder.is_dir() else []
    return [path.name for path in found if path.name != LOCK and not is_partial(path)]


def check_same_run(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a run is resumed with its own model and options."""
    changed = list(_differences(_result_part(before), _result_part(now)))
    if changed:
        raise errors.DatasetError(
            "a run must be resumed with the model and the options that it was started with; changed: "
            f"{'; '.join(changed)}; take another folder."
        )


def check_shards(store: Store, source: Source, size: int) -> tuple[set[int], list[int]]:
    """Return the numbers of the whole and of the damaged shards of a run that is resumed."""
    import pyarrow as pa

    damaged = [shard for shard, path in store.shard_candidates().items() if is_shard(path) is None]
    left = set(store.shard_candidates()) - set(damaged)
    done: set[int] = set()
    for shard in to_shards(source, size) if left else ():
        if shard.number not in left:
            continue
        left.remove(shard.number)
        try:
            before = store.read_paths(shard.number)
        except (OSError, pa.ArrowException):
            damaged.append(shard.number)
            continue
        changed = _first_difference(before, [item.path for item in shard.items])
        if changed is not None:
            raise errors.DatasetError(
                "a run must be resumed with the images that it was started with; changed in shard "
                f"{shard.number}: {changed}; take another folder."
            )
        done.add(shard.number)
        if not left:
            break
    if left:
        raise errors.DatasetError(
            f"a run must be resumed with the images that it was started with; those of {len(left)} shards "
            "are gone; take another folder."
        )
    return done, sorted(damaged)


def _result_part(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a manifest that decides the results."""
    return {name: manifest.get(name) for name in ("model", "source", "options", "versions")}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """What differs between two nested options, a line each: `"target: 3 before, 5 now"`."""
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name}: {_short(old)} before, {_short(new)} now"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:40]} ... {text[-12:]}"


def _first_difference(before: Sequence[str], now: Sequence[str]) -> str | None:
    """Describe the first image that differs; None where there is none."""
    for index in range(max(len(before), len(now))):
        old = before[index] if index < len(before) else "nothing"
        new = now[index] if index < len(now) else "nothing"
        if old != new:
            return f"{old} before, {new} now"
    return None
