"""Random damage to pictures of every encoding: each becomes a photograph, or an error that says why not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from kerascope import errors
from kerascope.dataset.decoding.photograph import decode
from tests.helpers.files.photographs import animation, colours, encoded, sixteen_bits, tiff, turned

pytestmark = [pytest.mark.once, pytest.mark.slow]

SIZE = (20, 12)
RAMP = np.linspace(0, 1, SIZE[0] * SIZE[1]).reshape(SIZE[::-1])
TIFFS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4")
ENCODINGS: Mapping[str, Callable[[], bytes]] = {
    "png": lambda: encoded(colours(size=SIZE), "PNG"),
    "png of 16 bits": sixteen_bits,
    "png of a palette": lambda: encoded(colours("P", SIZE), "PNG"),
    "png with transparency": lambda: encoded(colours("RGBA", SIZE), "PNG"),
    "animated png": lambda: animation("PNG"),
    "jpeg": lambda: encoded(colours(size=SIZE), "JPEG"),
    "progressive jpeg": lambda: encoded(colours(size=SIZE), "JPEG", progressive=True),
    "jpeg of inks": lambda: encoded(colours("CMYK", SIZE), "JPEG"),
    "turned jpeg": turned,
    "mpo": lambda: animation("MPO"),
    "webp": lambda: encoded(colours(size=SIZE), "WEBP"),
    "lossless webp": lambda: encoded(colours(size=SIZE), "WEBP", lossless=True),
    "gif": lambda: encoded(colours(size=SIZE), "GIF"),
    "animated gif": animation,
    "bmp": lambda: encoded(colours(size=SIZE), "BMP"),
    "ppm": lambda: encoded(colours(size=SIZE), "PPM"),
    "jpeg 2000": lambda: encoded(colours(size=SIZE), "JPEG2000"),
    "avif": lambda: encoded(colours(size=SIZE), "AVIF"),
    "tiff of decimals": lambda: tiff(RAMP.astype("float32")),
    "tiff of signed numbers": lambda: tiff((RAMP * 2000 - 1000).astype("int16")),
    **{f"tiff, {one}": lambda one=one: _packed(one) for one in TIFFS},  # type: ignore[misc]
}
DAMAGES = 150_000 // len(ENCODINGS) + 1


def _packed(compression: str) -> bytes:
    mode = "1" if compression == "group4" else "RGB"
    return encoded(colours(mode, SIZE), "TIFF", compression=compression)


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A file of which one or several bytes were changed, cut off, swapped, put in or taken out."""
    found = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        # Most of what can go wrong stands in the head.
        reach = len(found) if rng.random() < 0.5 else min(len(found), 100)
        one, two = sorted(int(place) for place in rng.integers(0, max(reach, 1), 2))
        what = rng.integers(6)
        if what == 0:
            found[one : one + 1] = rng.bytes(1)
        elif what == 1:
            found[one:two] = rng.bytes(two - one)
        elif what == 2:
            found[one : one + 1] = rng.choice([b"\0", b"\xff", b"\x7f", b"\x80"])
        elif what == 3:
            found[one:two] = found[one:two][::-1]
        elif what == 4:
            found[one:one] = rng.bytes(int(rng.integers(1, 9)))
        else:
            del found[one : two if rng.random() < 0.8 else len(found)]
    return bytes(found)


@pytest.mark.parametrize("name", ENCODINGS)
def test_nothing_escapes(name: str, seed: int) -> None:
    content = ENCODINGS[name]()
    assert decode(content).pixels.shape[2] == 3
    rng = np.random.default_rng([seed, list(ENCODINGS).index(name)])
    escaped = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(DAMAGES):
            damaged = _damaged(content, rng)
            try:
                pixels = decode(damaged).pixels
                assert (pixels.dtype, pixels.ndim) == (np.uint8, 3)
            except errors.PhotographError:
                pass
            except Exception as error:  # noqa: BLE001 (which is the question)
                escaped.append((number, repr(error)))
    assert escaped == []
