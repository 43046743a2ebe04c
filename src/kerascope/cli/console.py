"""The output of commands: results on standard output, everything else on standard error."""

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
"""The most failures that are grouped by their errors."""
_REASONS = 10
"""The most errors that are printed."""


class _Output:
    """A stream whose reader may stop reading; further output is discarded."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write and flush: a process that is ended by Ctrl-C does not flush."""
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
    """Within the block, a reader that stops reading, as `head -1` does, is no error."""
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
    """Print a value as JSON, with letters that the terminal cannot show escaped."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    show(text if _printable(text, sys.stdout) == text else json.dumps(value, indent=1))


def print_lines(lines: Sequence[tuple[str, str]]) -> None:
    """Print names and texts in two columns."""
    width = max((len(name) for name, _ in lines), default=0)
    if lines:
        show("\n".join(f"{name:<{width}}  {_line(text)}" for name, text in lines))


def warn(text: str) -> None:
    """Print a warning."""
    print(_printable(f"warning: {_line(text)}", sys.stderr), file=sys.stderr)


def warn_failures(failures: Iterable[tuple[str, str]]) -> None:
    """Print failed images, those with the same error in one line."""
    alike: dict[str, list[str]] = {}
    for path, error in islice(failures, _LOOKED_AT):
        alike.setdefault(error, []).append(path)
    for error, paths in list(alike.items())[:_REASONS]:
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        warn(f"{paths[0]}{more}: {error}")
    if len(alike) > _REASONS:
        warn("and others: see the column error of the table.")


def _line(text: str) -> str:
    """Return a text as one line: file names may hold line feeds and control sequences."""
    from kerascope.dataset.readable_text import to_readable

    text = to_readable(text)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def _printable(text: str, stream: TextIO) -> str:
    """Return a text in characters of a stream's encoding."""
    from kerascope.dataset.readable_text import to_readable

    encoding = stream.encoding or "utf-8"
    return to_readable(text).encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def show_warnings() -> Iterator[None]:
    """Print the warnings of kerascope once each, and no others."""
    printed: set[str] = set()

    def show(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        text = str(message)
        if issubclass(category, errors.KerascopeWarning) and text not in printed:
            printed.add(text)
            warn(text)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", errors.KerascopeWarning)
        warnings.showwarning = show
        yield
