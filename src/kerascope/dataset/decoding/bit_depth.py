"""Pictures of more than 8 bits, of signed or floating-point numbers, as 8 bits, and by which range."""

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
    """How a file stores its numbers, as its head says.

    Args:
        raw: Pillow's name for it, such as `"I;16B"`.
        signed: they may be negative.
        bits: that may be used of each, where that is said; else None.
        white_is_zero: the least is white, and Pillow was not told.
    """

    raw: str
    signed: bool
    bits: int | None
    white_is_zero: bool = False

    @classmethod
    def of(cls, picture: Image, white_is_zero: bool = False) -> SampleFormat:
        """Of a picture that was opened and not yet decoded."""
        tags = getattr(picture, "tag_v2", {})
        given = picture.tile[0][3] if picture.tile else ""
        raw = given[0] if isinstance(given, tuple) and given else given
        greatest = np.max(tags.get(_MAX_SAMPLE, 0))
        bits = 12 if raw == "I;12" else int(greatest).bit_length() or None
        signed = _SIGNED in np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1))
        return cls(str(raw), signed, bits, white_is_zero)


@dataclass(frozen=True)
class Window:
    """What becomes black and what white, in the numbers of a picture.

    Args:
        black: this and beyond; greater than `white` where the least number is white.
        white: this and beyond.
        why: in words.
    """

    black: float
    white: float
    why: str

    def __call__(self, values: Array) -> Array:
        """The numbers as uint8."""
        factor = 255 / ((self.white - self.black) or 1)
        scaled = (replace_non_finite(values).astype("float64") - self.black) * factor
        return np.rint(np.clip(scaled, 0, 255)).astype("uint8")


def is_deep(picture: Image, stored: SampleFormat) -> bool:
    """Whether a picture has one number for each pixel that is not simply of 8 bits."""
    return picture.mode.startswith(("I", "F")) or (picture.mode == "L" and stored.signed)


def to_eight_bits(picture: Image, stored: SampleFormat) -> tuple[Image, str]:
    """A deep picture with 8 bits, and a note that says by which range it was scaled.

    Args:
        picture: decoded; see `is_deep`.
        stored: what its head said.

    Returns:
        Of Pillow, in its mode `"L"`. Nothing as large as the picture is made but that.
    """

    def parts() -> Iterator[tuple[Tile, Array]]:
        return ((box, _to_numbers(picture.crop(box), stored)) for box in tiles(picture.width, picture.height))

    low, high, missing = find_extremes(values for _, values in parts())
    whole = next(parts())[1].dtype.kind in "iu"
    found = (
        _choose_inverted_window(low, high, stored, whole)
        if stored.white_is_zero
        else _choose_window(low, high, stored, whole)
    )
    kind = "whole" if whole else "floating-point"
    more = f"; {missing:,} that are NaN or infinite were taken for 0" if missing else ""
    note = (
        f"{kind} numbers from {low:g} to {high:g} were scaled to 8 bits, {found.black:g} black and "
        f"{found.white:g} white ({found.why}){more}"
    )
    return assemble_tiles(picture.width, picture.height, parts(), found), note


def assemble_tiles(
    width: int, height: int, parts: Iterable[tuple[Tile, Array]], scaled: Callable[[Array], Array]
) -> Image:
    """A grey or coloured picture made part by part.

    Args:
        width: of it.
        height: of it.
        parts: numbers (h, w) and the box that they lie in.
        scaled: makes uint8 (h, w) or (h, w, 3) of these.

    Returns:
        Of Pillow, in its mode `"L"` or `"RGB"`.
    """
    from PIL import Image

    whole: Any = None
    for box, values in parts:
        part = Image.fromarray(scaled(values))
        whole = Image.new(part.mode, (width, height)) if whole is None else whole
        whole.paste(part, box)
    return whole


def tiles(width: int, height: int) -> Iterator[Tile]:
    """Boxes that cover a picture, left, top, right, bottom: rows, and parts of these where they are long."""
    if not width or not height:
        return
    across = min(width, _AT_ONCE)
    down = max(1, _AT_ONCE // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield left, top, min(left + across, width), min(top + down, height)


def find_extremes(parts: Iterable[Array]) -> tuple[float, float, int]:
    """The least and the greatest number, and how many are none: NaN or infinite ones, taken for 0."""
    low, high, missing = np.inf, -np.inf, 0
    for values in parts:
        known = replace_non_finite(values)
        if known is not values:
            missing += int(np.sum(~np.isfinite(values)))
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high, missing) if low <= high else (0.0, 0.0, missing)


def replace_non_finite(values: Array) -> Array:
    """Numbers with 0 for what is none, NaN or infinite."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values
    return np.nan_to_num(values, posinf=0, neginf=0)


def find_truncation(picture: Image, stored: SampleFormat) -> str | None:
    """A note on a picture with colours of 16 bits, of which Pillow takes the upper 8; None for others."""
    if ";16" not in stored.raw or is_deep(picture, stored):
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


def _to_numbers(picture: Image, stored: SampleFormat) -> Array:
    """The numbers of the pixels as they were meant."""
    values = np.asarray(picture)
    if picture.mode == "L":
        return values.view("int8")
    if stored.raw.startswith("I;32") and not stored.raw.endswith("S"):
        return values.view("uint32")
    return values


def _choose_window(low: float, high: float, stored: SampleFormat, whole: bool) -> Window:
    """What is black and what is white, and why."""
    if not whole:
        if low < 0 or high > 1:
            return Window(low, high, f"their own least and greatest; {_STORE}")
        if high < _LITTLE:
            return Window(0, 1, f"of 0 to 1 they use less than 1/8: nearly black; {_STORE}")
        return Window(0, 1, "the range 0 to 1")
    if low < 0 or high > 65535:
        return Window(low, high, f"their own least and greatest; {_STORE}")
    said = stored.bits if high < 2 ** (stored.bits or 0) else None
    found = said or next(one for one in (8, 12, 16) if high < 2**one)
    if high < 2**found * _LITTLE:
        return Window(
            0, 2**found - 1, f"{found} bits, of which they use less than 1/8: nearly black; {_STORE}"
        )
    if said is None and found < 16:
        return Window(0, 2**found - 1, f"as {found} bits, since none needs more; {_STORE}")
    return Window(0, 2**found - 1, f"{found} bits")


def _choose_inverted_window(low: float, high: float, stored: SampleFormat, whole: bool) -> Window:
    """The same where the least number is white: the range of what the numbers mean, in these numbers."""
    if whole and low >= 0:
        said = stored.bits if high < 2 ** (stored.bits or 0) else None
        sum_of_both = 2.0 ** (said or next(one for one in (8, 12, 16, 32) if high < 2**one)) - 1
    else:
        sum_of_both = 1.0 if low >= 0 and high <= 1 else low + high
    found = _choose_window(sum_of_both - high, sum_of_both - low, stored, whole)
    return Window(sum_of_both - found.black, sum_of_both - found.white, f"{found.why}; white is the least")
