"""The progress bar of everything that takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 3.0
"""Seconds after which a bar appears unless it was asked for."""


class Progress:
    """A progress bar on standard error, as a context manager.

    Args:
        total: the number of steps.
        show: True from the start, False never, None on a terminal after some seconds.
        title: shown before the bar.
        unit: of a step, such as `"images"`; given, the speed is shown.
        patience: the seconds after which a bar appears for None.
        clock: returns the seconds.
    """

    def __init__(
        self,
        total: int,
        show: bool | None,
        title: str,
        unit: str | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._title, self._unit, self._clock = total, title, unit, clock
        hidden = show is False or (show is None and not sys.stderr.isatty())
        self._start = float("inf") if hidden else clock() + (0 if show else patience)
        self._done, self._failed = 0, 0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        self._update(0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, count: int = 1, failed: int = 0) -> None:
        """Count steps that are done.

        Args:
            count: how many.
            failed: how many of them failed.
        """
        self._failed += failed
        self._update(count)

    def _update(self, count: int) -> None:
        self._done += count
        if self._clock() < self._start:
            return
        if self._bar is None:
            self._bar = _create_bar(self._unit)
            self._task = self._bar.add_task(self._title, total=self._total, failed="")
            self._bar.start()
        failed = f"{self._failed} failed" if self._failed else ""
        self._bar.update(self._task, completed=self._done, total=max(self._total, self._done), failed=failed)


def _create_bar(unit: str | None) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Speed(TextColumn):
        def render(self, task: Any) -> Any:
            speed = task.finished_speed or task.speed
            self.text_format = "" if speed is None else f"{speed:.1f} {unit}/s"
            return super().render(task)

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *([] if unit is None else [Speed("")]),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}"),
        console=Console(stderr=True),
    )
