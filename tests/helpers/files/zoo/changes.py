"""What changes between the moment when it is found and that when it is read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.helpers.files.photographs import colours, encoded
from tests.helpers.files.zoo import archives, lists, tables
from tests.helpers.files.zoo.kind import PNG, good, kind

LARGER = encoded(colours(size=(60, 44)), "PNG")


def _gone(folder: Path) -> None:
    (folder / "b.png").unlink()


def _pipe(folder: Path) -> None:
    _gone(folder)
    os.mkfifo(folder / "b.png")


def _folder(folder: Path) -> None:
    _gone(folder)
    (folder / "b.png").mkdir()


def _cut(folder: Path) -> None:
    os.truncate(folder / "b.png", 60)


def _away(folder: Path) -> None:
    shutil.rmtree(folder)


def _another_table(folder: Path) -> None:
    tables.written(folder, {"image": [LARGER] * 2})


def _another_archive(folder: Path) -> None:
    archives.written(folder, archives.member("a.png", LARGER), archives.member("b.png", LARGER))


def _listed(folder: Path) -> Path:
    good(folder, "b.png")
    return lists.written(folder, "path\ngood.png\nb.png\n")


@kind(1, 1, "No such file", _gone)
def file_that_goes(folder: Path) -> Path:
    return _listed(folder)


@kind(1, 1, "regular file", _pipe)
def file_that_becomes_a_pipe(folder: Path) -> Path:
    return _listed(folder)


@kind(1, 1, "regular file", _folder)
def file_that_becomes_a_folder(folder: Path) -> Path:
    return _listed(folder)


@kind(1, 1, "undamaged", _cut)
def file_that_is_cut(folder: Path) -> Path:
    return _listed(folder)


@kind(0, 1, "No such file", _away)
def folder_that_goes(folder: Path) -> None:
    good(folder)


@kind(0, 1, "No such file", _away)
def list_that_goes(folder: Path) -> Path:
    return _listed(folder)


def _another_list(folder: Path) -> None:
    lists.written(folder, "path\nb.png\ngood.png\nb.png\n")


@kind(0, 1, "was changed", _another_list)
def list_that_is_written_again(folder: Path) -> Path:
    return _listed(folder)


@kind(0, 2, "was changed", _another_table)
def table_that_is_written_again(folder: Path) -> Path:
    return tables.written(folder, {"image": [PNG] * 2})


@kind(0, 2, "No such file", _away)
def table_that_goes(folder: Path) -> Path:
    return tables.written(folder, {"image": [PNG] * 2})


@kind(0, 2, "was changed", _another_archive)
def archive_that_is_written_again(folder: Path) -> Path:
    return archives.written(folder, archives.member("a.png", PNG), archives.member("b.png", PNG))


@kind(0, 1, "No such file", _away)
def archive_that_goes(folder: Path) -> Path:
    return archives.written(folder, archives.member("a.png", PNG))
