"""One bar for a whole run: how many of how many, images a second, the time left, errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Advance:
    """Called with the first row of each image that is done."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task
        self.failed = 0

    def __call__(self, row: Mapping[str, Any]) -> None:
        self.failed += row["status"] == "failed"
        self.more(1)

    def more(self, count: int, failed: int = 0) -> None:
        """So many images more are done."""
        self.failed += failed
        if self._bar is not None:
            self._bar.update(self._task, advance=count, failed=f"{self.failed} failed" if self.failed else "")

    def skip(self, count: int) -> None:
        """So many images were done by an earlier run."""
        if self._bar is not None:
            # As if it had begun with them, so that the speed is that of this run.
            self._bar.update(self._task, advance=count)


@contextmanager
def progress(total: int, wanted: bool | None, title: str) -> Iterator[Advance]:
    """A bar on the standard error stream.

    Args:
        total: number of images.
        wanted: True or False; None for yes on a terminal.
        title: what is done.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield Advance(None, None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Speed(TextColumn):
        def render(self, task: Any) -> Any:
            speed = task.finished_speed or task.speed
            self.text_format = "" if speed is None else f"{speed:.1f} images/s"
            return super().render(task)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(""),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Advance(bar, bar.add_task(title, total=total, failed=""))
