"""A progress bar that was not asked for appears after some seconds, on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from kerascope.progress import Progress

pytestmark = pytest.mark.once


class Screen(io.StringIO):
    """A terminal, or a file."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "wanted", "seconds", "drawn"),
    [
        (True, None, 2.9, False),
        (True, None, 3.1, True),
        (False, None, 3.1, False),
        (True, True, 0.0, True),
        (True, False, 3.1, False),
    ],
)
def test_a_bar_appears_after_three_seconds(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, wanted: bool | None, seconds: float, drawn: bool
) -> None:
    screen, now = Screen(terminal), [100.0]
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress(40, wanted, "explain", clock=lambda: now[0]) as bar:
        now[0] += seconds
        bar.advance(10)
    assert ("explain" in screen.getvalue()) is drawn
    assert ("10/40" in screen.getvalue()) is drawn
