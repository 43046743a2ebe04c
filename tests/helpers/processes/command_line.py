"""The command line, run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from kerascope.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Kerascope = Callable[..., Ran]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kerascope:
    """Runs the command line with arguments, and tells what it said and exited with."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["kerascope", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return Ran(stopped.value.code, said.out, said.err)

    return run
