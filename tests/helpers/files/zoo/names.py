"""What files and folders may be called."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from tests.helpers.files.zoo.kind import good, kind


@kind(2)
def name_that_is_no_utf_8(folder: Path) -> None:
    good(folder, "good.png", os.fsdecode(b"s\xff\xfe.png"))


@kind(1, 1, "formats")
def bad_file_of_a_name_that_is_no_utf_8(folder: Path) -> None:
    good(folder)
    (folder / os.fsdecode(b"s\xff.png")).write_bytes(b"no picture")


@kind(2)
def folders_that_are_no_utf_8(folder: Path) -> None:
    for name in (b"K\xe4se", b"Brot"):
        (folder / os.fsdecode(name)).mkdir()
        good(folder / os.fsdecode(name))


@kind(3, 1, "formats")
def line_feeds_and_orders_to_terminals(folder: Path) -> None:
    good(folder, "a\nb.png", "tab\t.png", "red\x1b[31m.png")
    (folder / "warning: \n\x1b[2J.png").write_bytes(b"no picture")


@kind(3)
def longest_names(folder: Path) -> None:
    good(folder, "a" * 251 + ".png", "\N{GRINNING FACE}" * 62 + ".png", "ä" * 125 + ".png")


@kind(3)
def names_that_differ_by_case(folder: Path) -> None:
    good(folder, "photo.png", "PHOTO.png", "Photo.PNG")


@kind(2)
def names_that_differ_by_normalisation(folder: Path) -> None:
    good(folder, *(unicodedata.normalize(form, "Käse.png") for form in ("NFC", "NFD")))


@kind(1)
def hidden_names(folder: Path) -> None:
    good(folder, "good.png", ".hidden.png", "._good.png", ".png")


@kind(8)
def names_that_mean_something_elsewhere(folder: Path) -> None:
    good(
        folder,
        "<b>&amp;'\".png",
        "$x_{$.png",
        "%s%d.png",
        "-rf.png",
        "CON.png",
        "a?b=c#d.png",
        " .png",
        "~.png",
    )


@kind(2)
def names_from_right_to_left(folder: Path) -> None:
    good(folder, "\u202egnp.exe.png", "\u05d0\u200d\u0301.png")


@kind(1)
def folder_named_like_a_picture(folder: Path) -> None:
    good(folder)
    (folder / "folder.png").mkdir()


@kind(1)
def path_that_looks_like_a_pattern(folder: Path) -> Path:
    good(folder, "[a]*?.png")
    return folder / "[a]*?.png"


@kind(2)
def pattern_with_a_loop(folder: Path) -> Path:
    """Which `glob` follows forty folders deep, and two of them for ever."""
    (folder / "a").mkdir()
    good(folder, "good.png", "a/good.png")
    for name in ("back", "again"):
        (folder / "a" / name).symlink_to(folder, target_is_directory=True)
    return folder / "**" / "*.png"


@kind(2)
def tree_of_1100_folders(folder: Path) -> None:
    good(folder)
    below = folder
    for _ in range(1100):
        below = below / "d"
        below.mkdir()
    good(below)


@kind(1, 1, "[Ff]ile name too long")
def path_that_is_too_long(folder: Path) -> None:
    good(folder)
    opened = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=opened)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = below
    os.close(opened)


def remove(folder: Path) -> None:
    """A folder and all in it, however deep: `shutil.rmtree` calls itself for each folder."""
    found = [folder]
    for one in found:  # which grows
        with os.scandir(one) as entries:
            for entry in entries:
                path = Path(entry.path)
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                else:
                    near = len(entry.path) < 3000
                    found.append(path if near else path.rename(folder / str(len(found))))
    for one in reversed(found):
        one.rmdir()
