"""Folders of photographs, with what goes wrong in real ones, and small models of photographs."""

from __future__ import annotations

import importlib.metadata
import io
import os
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import tifffile
from PIL import Image

SMALL: dict[str, Any] = {"batch_size": 4, "shard_size": 6, "progress": False}
"""Options of small runs."""
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


def shipped(name: str) -> Path:
    """A photograph that comes with scikit-image."""
    distribution = importlib.metadata.distribution("scikit-image")
    return Path(str(distribution.locate_file(f"skimage/data/{name}")))


def cuttings(folder: Path, count: int, size: tuple[int, int] = (60, 44)) -> list[Path]:
    """JPEG files cut out of photographs: two classes, `cat` and `coffee`."""
    sources = {"cat": "chelsea.png", "coffee": "coffee.png"}
    pictures = {name: Image.open(shipped(file)).convert("RGB") for name, file in sources.items()}
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        name = list(sources)[number % 2]
        picture = pictures[name]
        left, top = rng.integers(0, picture.width - 150), rng.integers(0, picture.height - 110)
        path = folder / name / f"{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.crop((left, top, left + 150, top + 110)).resize(size).save(path, quality=90)
        made.append(path)
    return made


def labelled(folder: Path) -> Path:
    """Fifteen photographs of two classes, and a file that is none."""
    cuttings(folder, 15)
    (folder / "cat" / "bad.jpg").write_bytes(b"no picture")
    return folder


def network(channels: int = 3, size: int = 32, classes: int = 2) -> keras.Model:
    """A small untrained network that preprocesses by itself."""
    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(6, 5, strides=2, activation="relu", name="first"),
            keras.layers.Conv2D(8, 3, activation="relu", name="second"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax", name="head"),
        ],
        name="small",
    )


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def colours(mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Image.Image:
    """Left red, right blue, a green stripe at the top."""
    picture = Image.new("RGB", size, (255, 0, 0))
    picture.paste((0, 0, 255), (size[0] // 2, 0, size[0], size[1]))
    picture.paste((0, 255, 0), (0, 0, size[0], 4))
    return picture.convert(mode)


def bomb() -> bytes:
    """A PNG file of a few hundred bytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(head))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 4)
        + b"IDAT"
        + b"\0\0\0\0"
        + struct.pack(">I", 0)
    )


def sixteen_bits() -> bytes:
    """A grey ramp over all of 16 bits."""
    return encoded(Image.fromarray(np.linspace(0, 65535, 24 * 16).reshape(16, 24).astype("uint16")), "PNG")


def tiff(values: np.ndarray[Any, Any], greatest: int | None = None, **options: Any) -> bytes:
    """A TIFF file of numbers of any kind, (H, W) or (H, W, 3), whose head may say the greatest.

    Args:
        values: of the pixels.
        greatest: that may occur.
        **options: of `tifffile.imwrite`.
    """
    file = io.BytesIO()
    tags = [] if greatest is None else [(281, "H", 1, greatest, True)]
    tifffile.imwrite(file, values, extratags=tags, **options)
    return file.getvalue()


def animation(kind: str = "GIF") -> bytes:
    second = Image.new("RGB", (24, 16), (255, 255, 255))
    return encoded(colours(), kind, save_all=True, append_images=[second], duration=50)


def turned(orientation: int = 6) -> bytes:
    """A JPEG file whose EXIF data says that it is to be turned by 90 degrees."""
    picture = colours(size=(48, 32))
    exif = picture.getexif()
    exif[0x0112] = orientation
    return encoded(picture, "JPEG", quality=95, exif=exif)


def faulty_folder(folder: Path) -> dict[str, str | None]:
    """One file of each kind that a real folder may hold; what its error must say, None for none."""
    folder.mkdir(parents=True, exist_ok=True)
    good = encoded(colours(size=(60, 44)), "JPEG", quality=95)
    found: dict[str, str | None] = {}

    def file(name: str, content: bytes, error: str | None = None) -> None:
        (folder / name).write_bytes(content)
        found[name] = error

    file("alpha.png", encoded(colours("RGBA"), "PNG"))
    file("animated.gif", animation())
    file("cmyk.jpg", encoded(colours("CMYK"), "JPEG"))
    file("damaged.jpg", good[:200] + bytes(300) + good[500:700], "undamaged")
    file("empty.jpg", b"", "0 bytes")
    file("good.jpg", good)
    file("grey.png", encoded(colours("L"), "PNG"))
    file("huge.png", bomb(), "67,108,864 pixels")
    file("palette.png", encoded(colours("P"), "PNG"))
    file("sixteen.png", sixteen_bits())
    file("text.jpg", b"this is no picture", "formats")
    file("truncated.jpg", good[: len(good) // 2], "undamaged")
    file("turned.jpg", turned())
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    found["dangling.jpg"] = "No such file"
    outside = folder.parent / "outside.jpg"
    outside.write_bytes(good)
    (folder / "leads-out.jpg").symlink_to(outside)
    found["leads-out.jpg"] = "leads out"
    (folder / "directory.jpg").mkdir()
    if hasattr(os, "mkfifo"):
        # Opening it would wait for ever.
        os.mkfifo(folder / "pipe.jpg")
        found["pipe.jpg"] = "regular file"
    return found


def copied(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(shipped(name), folder))


def rows_of(results: Any) -> list[dict[str, Any]]:
    """All rows of a run."""
    return list(results.rows())


def same(one: Path, two: Path) -> None:
    """Two folders of results are equal to the bit, but for the time that it took."""
    names = {path.name for path in (one / "data").iterdir()}
    assert names == {path.name for path in (two / "data").iterdir()}
    assert names
    for name in names:
        first, second = (pq.read_table(root / "data" / name).drop_columns(["timings"]) for root in (one, two))
        assert first.equals(second), name
    pictures = sorted(path.relative_to(one) for path in (one / "overlays").rglob("*.*"))
    assert pictures == sorted(path.relative_to(two) for path in (two / "overlays").rglob("*.*"))
    assert all((one / path).read_bytes() == (two / path).read_bytes() for path in pictures)
