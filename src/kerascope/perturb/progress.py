"""A progress bar for what takes long, which can be switched off."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PATIENCE = 3.0
"""Seconds after which a bar appears that nobody asked for."""


@contextmanager
def progress(
    total: int, wanted: bool | None, title: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """A bar on the standard error stream.

    Args:
        total: how much there is to do.
        wanted: True from the start, False never, None on a terminal once it has taken some seconds.
        title: what is done.
        clock: tells the seconds.

    Yields:
        `advance(count)`, to be called when more was done.
    """
    bar: Any = None
    done, start = 0, clock()
    task: Any = None
    quiet = wanted is False or (wanted is None and not sys.stderr.isatty())

    def advance(count: int) -> None:
        nonlocal bar, done, task
        done += count
        if quiet:
            return
        if bar is None and (wanted or clock() - start > _PATIENCE):
            bar = _bar()
            task = bar.add_task(title, total=total)
            bar.start()
        if bar is not None:
            bar.update(task, completed=done, total=max(total, done))

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
