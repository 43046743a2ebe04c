"""Folders of other programs, and what is in a folder, to the bit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def contents(folder: Path, but: tuple[str, ...] = ()) -> dict[str, bytes | str | None]:
    """The bytes of each file by its path, where each link leads, None for each folder.

    Args:
        folder: that is looked at, hidden files too.
        but: paths that are left out.
    """
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name in but:
            continue
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def png(colour: str = "red", size: tuple[int, int] = (40, 40)) -> bytes:
    """A picture that no program has signed."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def others(folder: Path) -> Path:
    """A folder in which other programs have files that are called like kerascope's."""
    rows = pa.table({"image": pa.array([png("red"), png("blue")])})
    (folder / "data").mkdir(parents=True)
    for name in ("part-00000.parquet", "part-00001-0f3a.snappy.parquet", "train-00000-of-00001.parquet"):
        pq.write_table(rows, folder / "data" / name)
    (folder / "data" / "_SUCCESS").touch()
    (folder / "manifest.json").write_text(json.dumps({"name": "app", "format": "web"}))
    (folder / "audit.json").write_text(json.dumps({"format": 1, "labels": {"npm": "audit"}, "model": "x"}))
    (folder / ".lock").write_text("4711\n")
    (folder / "page.html").write_text("<!doctype html><title>kerascope, as I use it</title>")
    (folder / "page-0-cat.html").write_text("<!doctype html><title>another page</title>")
    (folder / "report.npz").write_bytes(b"PK no report")
    for name in ("overlays/mine.txt", "overlays/000000_a.jpg", "audit-pictures/000000.png", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(png() if name.endswith(("png", "jpg")) else b"precious")
    for name in ("compare.png", "maximize.png", "sheet.jpg", "sheet.pdf", "sheet.svg"):
        (folder / name).write_bytes(png("green"))
    (folder / "linked").symlink_to("data")
    return folder
