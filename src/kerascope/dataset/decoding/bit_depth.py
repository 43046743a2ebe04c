"""Pictures of more than 8 bits, of signed or floating-point numbers, scaled to 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

Tile = tuple[int, int, int, int]

_LITTLE = 1 / 8
"""The share of a range below which a picture that is scaled by the whole of it is nearly black."""
_AT_ONCE = 1 << 18
"""Pixels that are scaled at a time: more would need as much memory as the picture, several times."""
_MAX_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 281, 339, 2
"""Tags of TIFF: the greatest number that may occur, and of which kind numbers are."""
_STORE = "store pictures of 8 bits to have all scaled alike"


@dataclass(frozen=True)
class SampleFormat:
    """How a file stores its numbers, from its header.

    Args:
        raw: Pillow's raw mode, such as `"I;16B"`.
        signed: they may be negative.
        bits: that are used of each number; None where the file does not say it.
        white_is_zero: the least number is white, and Pillow does not know it.
    """

    raw: str
    signed: bool
    bits: int | None
    white_is_zero: bool = False

    @classmethod
    def of(cls, picture: Image, white_is_zero: bool = False) -> SampleFormat:
        """Read it from a picture that is open and not yet decoded."""
        tags = getattr(picture, "tag_v2", {})
        given = picture.tile[0][3] if picture.tile else ""
        raw = given[0] if isinstance(given, tuple) and given else given
        greatest = np.max(tags.get(_MAX_SAMPLE, 0))
        bits = 12 if raw == "I;12" else int(greatest).bit_length() or None
        signed = _SIGNED in np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1))
        return cls(str(raw), signed, bits, white_is_zero)


@dataclass(frozen=True)
class Window:
    """The range of numbers that is scaled from black to white.

    Args:
        black: numbers up to it are black; greater than `white` where the least number is white.
        white: numbers from it on are white.
        reason: for this range, in words.
    """

    black: float
    white: float
    reason: str = ""

    def __call__(self, values: Array) -> Array:
        """Scale numbers to uint8."""
        factor = 255 / ((self.white - self.black) or 1)
        scaled = (replace_non_finite(values).astype("float64") - self.black) * factor
        return np.rint(np.clip(scaled, 0, 255)).astype("uint8")


def is_deep(picture: Image, samples: SampleFormat) -> bool:
    """Whether a picture has one number for each pixel that is not simply of 8 bits."""
    return picture.mode.startswith(("I", "F")) or (picture.mode == "L" and samples.signed)


def to_eight_bits(picture: Image, samples: SampleFormat) -> tuple[Image, str]:
    """Scale a deep picture to 8 bits, tile by tile, so that no other copy of it is in memory.

    Returns:
        A picture of Pillow, mode `"L"`, and a note that names the range.
    """

    def parts() -> Iterator[tuple[Tile, Array]]:
        return (
            (tile, _to_numbers(picture.crop(tile), samples)) for tile in tiles(picture.width, picture.height)
        )

    low, high, missing = find_extremes(values for _, values in parts())
    whole = next(parts())[1].dtype.kind in "iu"
    choose = _choose_inverted_window if samples.white_is_zero else _choose_window
    window = choose(low, high, samples, whole)
    kind = "whole" if whole else "floating-point"
    more = f"; {missing:,} that are NaN or infinite were taken for 0" if missing else ""
    note = (
        f"{kind} numbers from {low:g} to {high:g} were scaled to 8 bits, {window.black:g} black and "
        f"{window.white:g} white ({window.reason}){more}"
    )
    return assemble_tiles(picture.width, picture.height, parts(), window), note


def assemble_tiles(
    width: int, height: int, parts: Iterable[tuple[Tile, Array]], convert: Callable[[Array], Array]
) -> Image:
    """Make a grey or coloured picture tile by tile.

    Args:
        width: of the picture.
        height: of the picture.
        parts: each tile and its numbers (h, w).
        convert: from these to uint8 (h, w) or (h, w, 3).

    Returns:
        A picture of Pillow, mode `"L"` or `"RGB"`.
    """
    from PIL import Image

    whole: Any = None
    for tile, values in parts:
        part = Image.fromarray(convert(values))
        whole = Image.new(part.mode, (width, height)) if whole is None else whole
        whole.paste(part, tile)
    return whole


def tiles(width: int, height: int) -> Iterator[Tile]:
    """Tiles that cover a picture, as (left, top, right, bottom): rows, and parts of rows that are long."""
    if not width or not height:
        return
    across = min(width, _AT_ONCE)
    down = max(1, _AT_ONCE // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield left, top, min(left + across, width), min(top + down, height)


def find_extremes(parts: Iterable[Array]) -> tuple[float, float, int]:
    """Find the least and the greatest number, and count NaN and infinity, which are taken for 0."""
    low, high, missing = np.inf, -np.inf, 0
    for values in parts:
        known = replace_non_finite(values)
        if known is not values:
            missing += int(np.sum(~np.isfinite(values)))
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high, missing) if low <= high else (0.0, 0.0, missing)


def replace_non_finite(values: Array) -> Array:
    """Replace NaN and infinity by 0."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values
    return np.nan_to_num(values, posinf=0, neginf=0)


def find_truncation(picture: Image, samples: SampleFormat) -> str | None:
    """A note on colours of 16 bits, of which Pillow takes the upper 8; None for other pictures."""
    if ";16" not in samples.raw or is_deep(picture, samples):
        return None
    extremes = np.atleast_2d(picture.getextrema())[:, 1]
    greatest = max(
        high for name, high in zip(picture.getbands(), extremes.tolist(), strict=True) if name not in "aA"
    )
    if greatest < 256 * _LITTLE:
        return (
            f"of 16 bits the upper 8 were taken, and these end at {greatest} of 255: nearly black; {_STORE}"
        )
    return "of 16 bits the upper 8 were taken"


def _to_numbers(picture: Image, samples: SampleFormat) -> Array:
    """The numbers of the pixels, with the type that the file means."""
    values = np.asarray(picture)
    if picture.mode == "L":
        return values.view("int8")
    if samples.raw.startswith("I;32") and not samples.raw.endswith("S"):
        return values.view("uint32")
    return values


def _choose_window(low: float, high: float, samples: SampleFormat, whole: bool) -> Window:
    """The range of a picture whose least number is black."""
    if not whole:
        if low < 0 or high > 1:
            return Window(low, high, f"their own least and greatest; {_STORE}")
        if high < _LITTLE:
            return Window(0, 1, f"of 0 to 1 they use less than 1/8: nearly black; {_STORE}")
        return Window(0, 1, "the range 0 to 1")
    if low < 0 or high > 65535:
        return Window(low, high, f"their own least and greatest; {_STORE}")
    bits, is_declared = _count_bits(high, samples)
    reason = f"{bits} bits"
    if high < 2**bits * _LITTLE:
        reason = f"{bits} bits, of which they use less than 1/8: nearly black; {_STORE}"
    elif not is_declared and bits < 16:
        reason = f"as {bits} bits, since none needs more; {_STORE}"
    return Window(0, 2**bits - 1, reason)


def _choose_inverted_window(low: float, high: float, samples: SampleFormat, whole: bool) -> Window:
    """The range of a picture whose least number is white: the one of the inverted numbers, inverted back."""
    if whole and low >= 0:
        total = 2.0 ** _count_bits(high, samples)[0] - 1
    else:
        total = 1.0 if low >= 0 and high <= 1 else low + high
    window = _choose_window(total - high, total - low, samples, whole)
    return Window(total - window.black, total - window.white, f"{window.reason}; white is the least")


def _count_bits(high: float, samples: SampleFormat) -> tuple[int, bool]:
    """Bits of the numbers, and whether the file declares them; else the fewest usual ones that hold them."""
    if samples.bits is not None and high < 2**samples.bits:
        return samples.bits, True
    return next(bits for bits in (8, 12, 16, 32) if high < 2**bits), False
