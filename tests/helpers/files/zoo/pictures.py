"""What files may hold in the place of a picture, or in a picture."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from kerascope.dataset.decoding.photograph import MAX_FILE_SIZE
from tests.helpers.files.photographs import animation, bomb, colours, encoded, sixteen_bits, tiff, turned
from tests.helpers.files.zoo.kind import JPEG, PNG, content, good, kind

LARGE = encoded(colours(size=(60, 44)), "JPEG", quality=95)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def head(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """The begin of a PNG file."""
    return b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    )


@content("jpg", "0 bytes")
def empty_file() -> bytes:
    return b""


@content("jpg", "formats")
def text() -> bytes:
    return b"this is no picture"


@content("jpg", "formats")
def page_of_an_error() -> bytes:
    return b"<!doctype html><title>404</title>"


@content("jpg", "formats")
def pointer_to_large_file_storage() -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@content("png", "formats")
def postscript() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) print quit\n"


@content("png", "formats")
def vectors() -> bytes:
    return b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@content("jpg", "formats")
def packed_picture() -> bytes:
    return gzip.compress(JPEG)


@content("png", "formats")
def archive_named_picture() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("a.png", PNG)
    return file.getvalue()


@content("jpg", "formats")
def zeros() -> bytes:
    return bytes(4096)


@content("jpg", "undamaged")
def cut_jpeg() -> bytes:
    return LARGE[: len(LARGE) // 2]


@content("jpg", "undamaged")
def damaged_jpeg() -> bytes:
    return LARGE[:200] + bytes(300) + LARGE[500:700]


@content("png", "undamaged")
def cut_png() -> bytes:
    return PNG[: len(PNG) // 2]


@content("png", "undamaged|formats")
def signature_alone() -> bytes:
    return PNG[:8]


@content("png", "undamaged|formats")
def png_without_pixels() -> bytes:
    return head(9, 9) + chunk(b"IEND", b"")


@content("png", "undamaged|formats")
def png_of_no_width() -> bytes:
    return head(0, 9) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@content("png", "undamaged|formats")
def text_that_unpacks_to_much() -> bytes:
    body = b"k\0\0" + zlib.compress(bytes(3 << 20))
    return PNG[:33] + chunk(b"zTXt", body) + PNG[33:]


@content("avif", "undamaged|formats")
def damaged_avif() -> bytes:
    """Of which Pillow raises RuntimeError."""
    if "AVIF" not in Image.SAVE:  # of an older Pillow
        return b"\0\0\0\x1cftypavif" + bytes(300)
    found = bytearray(encoded(Image.new("RGB", (32, 24), "red"), "AVIF"))
    found[81] = 0
    return bytes(found)


@content("webp", "undamaged|formats")
def cut_webp() -> bytes:
    found = encoded(colours(size=(60, 44)), "WEBP")
    return found[: len(found) // 2]


@content("gif", "undamaged")
def cut_gif() -> bytes:
    return encoded(colours(size=(60, 44)), "GIF")[:40]


@content("jp2", "undamaged")
def cut_jpeg_2000() -> bytes:
    return encoded(colours(size=(60, 44)), "JPEG2000")[:150]


@content("tif", "undamaged|formats")
def cut_tiff() -> bytes:
    return encoded(colours(), "TIFF", compression="tiff_lzw")[:60]


@content("tif", "undamaged|formats|pixels")
def tiff_of_random_tags() -> bytes:
    rng = np.random.default_rng(0)
    return b"II*\0\x08\0\0\0\xff\0" + rng.integers(0, 256, 4000).astype("uint8").tobytes()


@content("bmp", "pixels")
def bmp_that_claims_much() -> bytes:
    found = bytearray(encoded(colours(), "BMP"))
    found[18:26] = struct.pack("<ii", 30000, 30000)
    return bytes(found)


@content("ppm", "undamaged|formats")
def numbers_without_end() -> bytes:
    return b"P3 " + b"9" * 5000


@content("png", "pixels")
def decompression_bomb() -> bytes:
    return bomb()


@content("png", failed=False)
def longest_side() -> bytes:
    return encoded(Image.new("L", (70_000, 1)), "PNG")


@content("dcm", "formats|DICM")
def text_named_scan() -> bytes:
    return b"no scan" * 100


@content("dcm", "DICOM file must")
def damaged_scan() -> bytes:
    return bytes(128) + b"DICM" + bytes(range(256)) * 4


@content("jpg", "EXIF", failed=False)
def damaged_exif() -> bytes:
    found = turned()
    place = found.index(b"Exif\0\0") + 6
    return found[:place] + b"II*\0\xff\xff\xff\x7f" + found[place + 8 :]


@content("gif", "frames", failed=False)
def films() -> bytes:
    return animation()


@content("png", "transparency", failed=False)
def transparent() -> bytes:
    return encoded(colours("RGBA"), "PNG")


@content("jpg", "CMYK", failed=False)
def inks() -> bytes:
    return encoded(colours("CMYK"), "JPEG")


@content("png", "8 bits", failed=False)
def sixteen() -> bytes:
    return sixteen_bits()


@content("tif", "NaN", failed=False)
def numbers_that_are_none() -> bytes:
    return tiff(np.array([[0.0, 0.5], [np.nan, np.inf]], "float32"))


@content("png", failed=False)
def one_pixel() -> bytes:
    return encoded(Image.new("RGB", (1, 1), "red"), "PNG")


@content("png", failed=False)
def one_row() -> bytes:
    return encoded(Image.new("RGB", (9_000, 1), "red"), "PNG")


@content("PNG", failed=False)
def bytes_behind_the_end() -> bytes:
    return PNG + b"and more" * 1000


@kind(1, 0, "not read were passed over")
def kinds_that_are_not_read(folder: Path) -> None:
    good(folder)
    (folder / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")


@kind(1, 1, "at most")
def larger_than_is_read(folder: Path) -> None:
    good(folder)
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(MAX_FILE_SIZE + 1)
