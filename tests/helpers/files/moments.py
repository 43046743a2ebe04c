"""What a kill would leave of a folder, at every moment of a run that changes it.

A kill leaves files as they are. So the folder is copied in the middle of each writing and after each change,
and the run goes on: it shows all moments, in a single thread. Module `signals` kills a process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kerascope import errors
from kerascope.dataset.writing.store import Store

PARTIAL = f".kerascope-{os.getpid()}.partial"


@contextmanager
def moments(folder: Path, copies: Path) -> Iterator[dict[str, Path]]:
    """Copies of a folder by what was done last, such as `"manifest.json moved"`, in order.

    Args:
        folder: that is changed within the block.
        copies: where copies go. Files that this process has not finished are those of another one there.

    At every moment another run is refused: the lock is held from the first change to the last.
    """
    found: dict[str, Path] = {}

    def keep(path: Path, state: str) -> None:
        name = path.relative_to(folder).with_name(path.name.removeprefix(".").removesuffix(PARTIAL))
        moment = f"{name.as_posix()} {state}"
        while moment in found:
            moment += " again"
        with pytest.raises(errors.LockedError), Store(folder).lock:
            pass
        found[moment] = copies / f"{len(found):03d}"
        shutil.copytree(folder, found[moment])
        for partial in found[moment].rglob(f"*{PARTIAL}"):
            partial.rename(partial.with_name(partial.name.replace(PARTIAL, ".kerascope-1.partial")))

    def written(write: Callable[..., Any]) -> Callable[..., Any]:
        """`Path.write_bytes`, or pyarrow's, seen in the middle and at the end."""

        def whole(*arguments: Any, **options: Any) -> Any:
            path = next(one for one in arguments if isinstance(one, Path))
            result = write(*arguments, **options)
            if path.is_relative_to(folder):
                content = path.read_bytes()
                with path.open("wb") as file:
                    file.write(content[: len(content) // 2])
                    file.flush()
                    keep(path, "half written")
                    file.write(content[len(content) // 2 :])
                keep(path, "written")
            return result

        return whole

    def replaced(path: Path, target: Path) -> Path:
        result = replace(path, target)
        if target.is_relative_to(folder):
            keep(target, "moved")
        return result

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        there = path.exists()
        unlink(path, missing_ok)
        if there and path.is_relative_to(folder):
            keep(path, "removed")

    def rmdired(path: Path) -> None:
        rmdir(path)
        if path.is_relative_to(folder):
            keep(path, "removed")

    replace, unlink, rmdir = Path.replace, Path.unlink, Path.rmdir
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", written(Path.write_bytes))
        patch.setattr(pq, "write_table", written(pq.write_table))
        patch.setattr(Path, "replace", replaced)
        patch.setattr(Path, "unlink", unlinked)
        patch.setattr(Path, "rmdir", rmdired)
        yield found


def files(folder: Path) -> list[str]:
    """All that is in a folder, hidden files too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
