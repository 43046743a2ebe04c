"""The lock of a folder of results: one run at a time writes into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope import errors
from kerascope.persistence import is_regular_file

if TYPE_CHECKING:
    from kerascope.dataset.writing.store import Store

LOCK = ".lock"


class FolderLock:
    """A reentrant lock, as a context manager; it ends with the process that holds it.

    Args:
        folder: that is locked; it is created on entering.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _file_lock(self) -> Any:
        try:
            from filelock import FileLock
        except ImportError:
            raise errors.MissingPackageError("filelock", "dataset") from None
        return FileLock(self._folder / LOCK, timeout=0)

    def __enter__(self) -> None:
        lock, path = self._file_lock, self._folder / LOCK
        from filelock import Timeout

        if os.path.lexists(path) and not (is_regular_file(path) and path.stat().st_size == 0):
            # It would be emptied.
            raise errors.DatasetError(
                f"a lock must be an empty file; {str(path)!r} is of another program; take another folder."
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise errors.LockedError(
                f"one run at a time may write into a folder; another one writes into {str(self._folder)!r}; "
                "wait for it, or choose another folder."
            ) from None

    def __exit__(self, *_: object) -> None:
        self._file_lock.release()


@contextmanager
def lock_folder(store: Store, check: Callable[[], object]) -> Iterator[None]:
    """Lock a folder for a run, once a check has passed.

    Args:
        store: of the folder.
        check: raises where the run may not start; called before a lock is created, so that a folder that is
            refused stays as it is, and again under the lock.
    """
    if not os.path.lexists(store.folder / LOCK):
        check()
    with store.lock:
        check()
        yield
