"""Whether a run may begin in a folder, or go on: known before anything in the folder is changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kerascope import errors
from kerascope.dataset.reading.shard import to_shards
from kerascope.dataset.reading.source import Source
from kerascope.dataset.result_folder import DATA, OVERLAYS
from kerascope.dataset.writing.atomic_file import is_partial
from kerascope.dataset.writing.removal import read_audit
from kerascope.dataset.writing.store import LOCK, REMOVING, Store, is_shard


@contextmanager
def lock_folder(store: Store, check: Callable[[], object]) -> Iterator[None]:
    """A folder for one run alone, once a check has passed.

    Args:
        store: of the folder.
        check: what raises where a run may not begin; called before a lock is made, so that a folder that is
            refused is left as it was, and again under the lock.

    Raises:
        LockedError: another run holds it.
    """
    if not os.path.lexists(store.folder / LOCK):
        check()
    with store.lock():
        check()
        yield


def check_folder_state(
    store: Store, resume: bool, overwrite: bool, overlays: bool
) -> Mapping[str, Any] | None:
    """Whether a run may begin in a folder, or go on in it; nothing is changed.

    Args:
        store: of the folder.
        resume: go on with what is there.
        overwrite: remove what is there.
        overlays: pictures are to be written.

    Returns:
        The manifest of the run that is there, or None.

    Raises:
        DatasetError: what is there is not kerascope's, or may not be changed as asked.
    """
    folder = str(store.folder)
    before = store.read_manifest()
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
            f"what is overwritten must be kerascope's; {folder!r} holds files and no manifest of a run; take "
            "another folder, or remove by hand what is not wanted."
        )
    if before is None and named:
        raise errors.DatasetError(
            f"a folder of results must have a manifest; {folder!r} has shards and none; take another folder."
        )
    if foreign:
        raise errors.DatasetError(
            f"what is called like a shard must be one; {str(foreign[0])!r} is of another program; move "
            "it elsewhere, or take another folder."
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
    """Names in a folder of what is no lock and no unfinished file of kerascope's."""
    found = sorted(store.folder.iterdir()) if store.folder.is_dir() else []
    return [path.name for path in found if path.name != LOCK and not is_partial(path)]


def check_same_run(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """An error where a run is resumed that was begun with another model or other options.

    Raises:
        DatasetError: what has changed.
    """
    changed = list(_differences(_deciding(before), _deciding(now)))
    if changed:
        raise errors.DatasetError(
            "a run must be resumed with the model and the options that it was begun with; changed: "
            f"{'; '.join(changed)}; take another folder."
        )


def check_shards(store: Store, source: Source, size: int) -> tuple[set[int], list[int]]:
    """The shards of a run that is resumed: those that are whole, and those that are damaged.

    Args:
        store: of the run.
        source: of the images.
        size: images of a shard.

    Raises:
        DatasetError: the images of a whole shard are others now.
    """
    import pyarrow as pa

    damaged = [number for number, path in store.shard_candidates().items() if is_shard(path) is None]
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
        changed = _paths_differ(before, [item.path for item in shard.items])
        if changed is not None:
            raise errors.DatasetError(
                "a run must be resumed with the images that it was begun with; changed in shard "
                f"{shard.number}: {changed}; take another folder."
            )
        done.add(shard.number)
        if not left:
            break
    if left:
        raise errors.DatasetError(
            f"a run must be resumed with the images that it was begun with; those of {len(left)} shards "
            "are gone; take another folder."
        )
    return done, sorted(damaged)


def _deciding(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a manifest decides the results."""
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


def _paths_differ(before: Sequence[str], now: Sequence[str]) -> str | None:
    """The first image that is another one, in words, or None."""
    for place in range(max(len(before), len(now))):
        old = before[place] if place < len(before) else "nothing"
        new = now[place] if place < len(now) else "nothing"
        if old != new:
            return f"{old} before, {new} now"
    return None
