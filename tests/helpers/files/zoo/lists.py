"""Lists of paths."""

from __future__ import annotations

import os
from pathlib import Path

from tests.helpers.files.zoo.kind import good, kind


def written(folder: Path, content: bytes | str, name: str = "list.csv") -> Path:
    """A list beside a good picture."""
    good(folder)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@kind(1, 1, "No such file")
def list_of_what_is_gone(folder: Path) -> Path:
    return written(folder, "path\ngood.png\ngone.png\n")


@kind(1, 1, "null")
def zero_in_a_name(folder: Path) -> Path:
    return written(folder, "path\ngood.png\nb\0c.png\n")


@kind(2)
def list_that_is_no_utf_8(folder: Path) -> Path:
    good(folder, os.fsdecode(b"K\xe4se.png"))
    return written(folder, b"path,label\ngood.png,a\nK\xe4se.png,K\xe4se\n")


@kind(1)
def list_of_windows(folder: Path) -> Path:
    return written(folder, "path,label\r\ngood.png,Käse\r\n".encode("utf-16"))


@kind(1)
def list_with_a_mark(folder: Path) -> Path:
    return written(folder, b"\xef\xbb\xbfpath\r\ngood.png\r\n")


@kind(1, 1, "quotes")
def open_quote(folder: Path) -> Path:
    return written(folder, 'path,label\n"gone.png,a\ngood.png,b\n')


@kind(1, 1, "no path")
def line_without_a_path(folder: Path) -> Path:
    return written(folder, "path,label\n,a\ngood.png,b\n")


@kind(1, 1, "[Ff]ile name too long")
def overlong_name(folder: Path) -> Path:
    return written(folder, f"path\n{'x' * 5000}.png\ngood.png\n")


@kind(1, 1, "regular file")
def folder_in_a_list(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return written(folder, "path\nfolder\ngood.png\n")


@kind(1, 1, "regular file")
def device_in_a_list(folder: Path) -> Path:
    return written(folder, f"path\n{os.path.relpath('/dev/zero', folder)}\ngood.png\n")


@kind(1, 1, "formats")
def list_of_itself(folder: Path) -> Path:
    return written(folder, "path\nlist.csv\ngood.png\n")


@kind(1, 1, "pyarrow knows")
def address_of_nothing(folder: Path) -> Path:
    return written(folder, f"path\nftp2:/{folder}/a.png\ngood.png\n")


@kind(0, 1, "readable")
def list_of_random_bytes(folder: Path) -> Path:
    return written(folder, b"\x93\0\xff" * 50, "list.txt")


@kind(0, 1, "text file")
def half_a_letter_of_windows(folder: Path) -> Path:
    return written(folder, b"\xff\xfe\x00", "list.txt")


@kind(1)
def list_of_remarks(folder: Path) -> Path:
    return written(folder, "# mine\n\n   \ngood.png\n\n", "list.txt")
