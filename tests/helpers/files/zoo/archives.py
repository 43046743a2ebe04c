"""Tar files."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

from tests.helpers.files.zoo.kind import JPEG, PNG, kind


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive."""
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for field, value in fields.items():
        setattr(made, field, value)
    return made, content


def written(folder: Path, *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> Path:
    """An archive."""
    path = folder / "archive.tar"
    with tarfile.open(path, "w", format=form) as file:
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return path


def twenty(folder: Path) -> tuple[Path, bytearray, int]:
    """An archive of twenty pictures, its bytes, and where the header of the eleventh begins."""
    path = written(folder, *(member(f"{number:03}.png", PNG) for number in range(20)))
    content = bytearray(path.read_bytes())
    return path, content, content.index(b"010.png")


@kind(10, 1, "from byte .* damaged")
def damaged_header(folder: Path) -> Path:
    path, content, place = twenty(folder)
    content[place : place + 4] = b"XXXX"
    path.write_bytes(content)
    return path


@kind(10, 1, "cut off")
def archive_cut_in_a_header(folder: Path) -> Path:
    path, content, place = twenty(folder)
    path.write_bytes(content[: place + 100])
    return path


@kind(10, 1, "cut off")
def archive_cut_before_a_header(folder: Path) -> Path:
    path, content, place = twenty(folder)
    path.write_bytes(content[:place])
    return path


@kind(10, 2, "cut off|must be whole")
def archive_cut_in_a_picture(folder: Path) -> Path:
    path, content, place = twenty(folder)
    path.write_bytes(content[: place + 512 + len(PNG) // 2])
    return path


@kind(10, 1, "lie behind")
def header_of_zeros(folder: Path) -> Path:
    path, content, place = twenty(folder)
    content[place : place + 512] = bytes(512)
    path.write_bytes(content)
    return path


@kind(20, 1, "lie behind")
def two_archives_in_one(folder: Path) -> Path:
    path, content, _ = twenty(folder)
    path.write_bytes(content * 2)
    return path


@kind(20)
def archive_without_padding(folder: Path) -> Path:
    """Two empty blocks are the end; that a file is filled up to 10 kB is a custom."""
    path, content, _ = twenty(folder)
    path.write_bytes(content.rstrip(b"\0") + bytes(512 - len(content.rstrip(b"\0")) % 512 + 1024))
    return path


@kind(1, 1, "damaged")
def damaged_header_of_a_long_name(folder: Path) -> Path:
    path = written(folder, member("a.png", PNG), member("x" * 200 + ".png", PNG))
    content = bytearray(path.read_bytes())
    place = content.rindex(b"x" * 100)
    content[place + 148 : place + 156] = b"XXXXXXXX"  # its sum
    path.write_bytes(content)
    return path


@kind(2)
def hard_link_in_an_archive(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("c.png", type=tarfile.LNKTYPE, linkname="a.png"))


@kind(1, 1, "hard link must lead")
def hard_link_to_nothing(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("c.png", type=tarfile.LNKTYPE, linkname="b.png"))


@kind(1, 0, "1 symbolic links, 1 pipes, 1 devices|1 devices")
def members_that_are_no_files(folder: Path) -> Path:
    kinds = {"l.png": tarfile.SYMTYPE, "p.png": tarfile.FIFOTYPE, "d.png": tarfile.CHRTYPE}
    others = [member(name, type=one, linkname="a.png") for name, one in kinds.items()]
    return written(folder, member("a.png", PNG), member("folder", type=tarfile.DIRTYPE), *others)


@kind(1, 0, "2 pictures were left out.*1 .seg.png, 1 .mask.png")
def sample_of_three_pictures(folder: Path) -> Path:
    names = ("x.seg.png", "x.png", "x.mask.png")
    return written(folder, *(member(name, PNG if name == "x.png" else b"no picture") for name in names))


@kind(1, 0, "1 pictures were left out")
def name_that_comes_twice(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("a.png", JPEG))


@kind(2, 0, "2 may be labels whose picture is not next to them")
def labels_apart_from_pictures(folder: Path) -> Path:
    pictures = [member("a.png", PNG), member("b.png", PNG)]
    return written(folder, *pictures, member("a.cls", b"0"), member("b.cls", b"1"))


@kind(1, 0, "2 names without a picture were passed over")
def samples_without_a_picture(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("read.me", b"x"), member("film.mp4", b"x"))


@kind(2, 0)
def long_names_of_gnu(folder: Path) -> Path:
    deep = "/".join(["d" * 90] * 30)
    return written(folder, member("a.png", PNG), member(f"{deep}/{'x' * 300}.png", PNG))


@kind(2)
def names_of_pax(folder: Path) -> Path:
    return written(folder, member("Käse.png", PNG), member("ä" * 150 + ".png", PNG), form=tarfile.PAX_FORMAT)


@kind(1, 1, "formats")
def member_that_is_no_utf_8(folder: Path) -> Path:
    return written(folder, member("s\udcff.png", PNG), member("t\udcfe.png", b"no picture"))


@kind(4)
def members_that_lead_out(folder: Path) -> Path:
    return written(
        folder, *(member(name, PNG) for name in ("./a.png", "../b.png", "/c.png", "../../../etc/d.png"))
    )


@kind(1, 1, "sparse")
def sparse_member(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("s.png", type=tarfile.GNUTYPE_SPARSE))


@kind(1, 1, "0 bytes")
def empty_member(folder: Path) -> Path:
    return written(folder, member("a.png", PNG), member("b.png"))


@kind(3)
def labels_of_any_bytes(folder: Path) -> Path:
    labels = {"a.cls": b"\xff\0\x93", "b.json": b'{"label": "\\ud800"}', "c.json": b"[" * 30_000}
    return written(
        folder,
        *(
            one
            for name, label in labels.items()
            for one in (member(f"{name[0]}.png", PNG), member(name, label))
        ),
    )


@kind(0, 1, "gzip")
def packed_archive(folder: Path) -> Path:
    path = written(folder, member("a.png", PNG))
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@kind(0, 1, "whole tar")
def archive_of_random_bytes(folder: Path) -> Path:
    (folder / "archive.tar").write_bytes(b"no archive" * 100)
    return folder / "archive.tar"


@kind(0, 1, "whole tar")
def empty_file_named_archive(folder: Path) -> Path:
    (folder / "archive.tar").touch()
    return folder / "archive.tar"


@kind(0, 0, "no picture in it")
def empty_archive(folder: Path) -> Path:
    return written(folder)
