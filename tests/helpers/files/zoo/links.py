"""Links, and files that are none."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from tests.helpers.files.zoo.kind import good, kind

ROUND = "[Ss]ymbolic link|[Ss]ymlink"


@kind(1, 2, ROUND)
def links_to_each_other(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to("b.png")
    (folder / "b.png").symlink_to("a.png")


@kind(1, 1, ROUND)
def link_to_itself(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to("a.png")


@kind(1, 1, ROUND)
def link_below_itself(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to("a.png/b.png")


@kind(1, 1, "No such file")
def link_to_nothing(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to("nowhere.png")


@kind(1, 1, "leads out")
def link_that_leads_out(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to("/etc/passwd")


@kind(1, 1, "regular file")
def link_to_a_folder(folder: Path) -> None:
    good(folder)
    (folder / "a.png").symlink_to(".")


@kind(2)
def hard_link(folder: Path) -> None:
    good(folder)
    (folder / "again.png").hardlink_to(folder / "good.png")


@kind(1, 1, "regular file")
def pipe(folder: Path) -> None:
    good(folder)
    os.mkfifo(folder / "pipe.png")


@kind(1, 1, "regular file")
def socket_in_a_folder(folder: Path) -> None:
    """Its path must be short, so it is made from within."""
    good(folder)
    with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.png")


@kind(0, 1, "regular file")
def device(folder: Path) -> Path:
    return folder / os.path.relpath("/dev/zero", folder)
