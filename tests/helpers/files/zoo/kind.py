"""What a kind of odd input is: how it is made, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.files.photographs import colours, encoded

JPEG = encoded(colours(), "JPEG")
PNG = encoded(colours(), "PNG")


@dataclass(frozen=True)
class Kind:
    """Odd input.

    Args:
        name: what it is.
        put: makes it in a folder of its own; the path that is to be given, None for that folder.
        explained: images that must be explained.
        failed: images that must fail.
        says: an expression that each error must fit; without failures, a warning of a row or of the run. An
            empty one is fitted by all.
        later: what becomes of it while it is read, or None.
    """

    name: str
    put: Callable[[Path], Path | None]
    explained: int
    failed: int
    says: str
    later: Callable[[Path], None] | None = None


KINDS: dict[str, Kind] = {}
"""All of them, by name."""

Put = Callable[[Path], Path | None]


def kind(
    explained: int = 1, failed: int = 0, says: str = "", later: Callable[[Path], None] | None = None
) -> Callable[[Put], Put]:
    """Take a function for a kind of odd input; see `Kind`. Its name is that of the function."""

    def taken(put: Put) -> Put:
        name = put.__name__.strip("_")
        assert name not in KINDS
        KINDS[name] = Kind(name, put, explained, failed, says, later)
        return put

    return taken


def content(ending: str, says: str = "", failed: bool = True) -> Callable[[Callable[[], bytes]], object]:
    """Take a function for a kind of file: what it returns lies in one beside a good picture.

    Args:
        ending: of its name.
        says: see `Kind`.
        failed: it cannot be read; else it can.
    """

    def taken(make: Callable[[], bytes]) -> object:
        def put(folder: Path) -> None:
            good(folder)
            (folder / f"odd.{ending}").write_bytes(make())

        put.__name__ = make.__name__
        kind(1 if failed else 2, int(failed), says)(put)
        return make

    return taken


def good(folder: Path, *names: str) -> None:
    """Put good pictures into a folder."""
    for name in names or ("good.png",):
        (folder / name).write_bytes(PNG)
