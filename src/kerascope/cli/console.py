"""What commands print: results to standard output, all else to standard error."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TextIO

from kerascope import errors

_LOOKED_AT = 10_000
"""Failures that are counted by their reasons."""
_REASONS = 10
"""Reasons of failures that are told."""


class _Output:
    """A stream whose reader may stop reading; from then on what is said goes nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and hand it on at once: a process that Ctrl-C ends does not flush."""
        try:
            count: int = self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            return len(text)
        return count

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)


@contextmanager
def allow_readers_to_leave() -> Iterator[None]:
    """Within the block, readers of what is printed may stop reading, as `head -1` does; that is no error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Output, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def show(result: object) -> None:
    """Print a result."""
    print(_printable(str(result), sys.stdout))


def print_json(value: Any) -> None:
    """A value as JSON; letters that the terminal cannot show are escaped as JSON does."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    show(text if _printable(text, sys.stdout) == text else json.dumps(value, indent=1))


def print_lines(lines: Sequence[tuple[str, str]]) -> None:
    """Names and what is said of them, in two columns."""
    width = max((len(name) for name, _ in lines), default=0)
    if lines:
        show("\n".join(f"{name:<{width}}  {_line(text)}" for name, text in lines))


def warn(text: str) -> None:
    """A warning to the user."""
    print(_printable(f"warning: {_line(text)}", sys.stderr), file=sys.stderr)


def warn_failures(failures: Iterable[tuple[str, str]]) -> None:
    """Images that failed, those with the same reason in one line.

    Args:
        failures: path and reason of each.
    """
    alike: dict[str, list[str]] = {}
    for path, error in islice(failures, _LOOKED_AT):
        alike.setdefault(error, []).append(path)
    for error, paths in list(alike.items())[:_REASONS]:
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        warn(f"{paths[0]}{more}: {error}")
    if len(alike) > _REASONS:
        warn("and others: see the column error of the table.")


def _line(text: str) -> str:
    """A text in one line: names of files may have line feeds in them, and orders to a terminal."""
    from kerascope.dataset.readable_text import to_readable

    text = to_readable(text)
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _printable(text: str, stream: TextIO) -> str:
    """A text as its stream can write it."""
    from kerascope.dataset.readable_text import to_readable

    encoding = stream.encoding or "utf-8"
    return to_readable(text).encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def show_warnings() -> Iterator[None]:
    """Show kerascope's warnings as lines, each once; leave others out."""
    told: set[str] = set()

    def show(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        text = str(message)
        if issubclass(category, errors.KerascopeWarning) and text not in told:
            told.add(text)
            warn(text)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", errors.KerascopeWarning)
        warnings.showwarning = show
        yield
