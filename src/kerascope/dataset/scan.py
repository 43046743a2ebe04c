"""Pictures of more than 8 bits, of signed or floating-point numbers, as 8 bits, and by which range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]

_LITTLE = 1 / 8
"""The share of a range below which a picture that is scaled by the whole of it is nearly black."""
_ROWS = 256
"""Rows that are scaled at a time."""
_MAX_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 281, 339, 2
"""Tags of TIFF: the greatest number that may occur, and of which kind numbers are."""
_STORE = "store pictures of 8 bits to have all scaled alike"


@dataclass(frozen=True)
class Stored:
    """How a file stores its numbers, as its head says.

    Args:
        raw: Pillow's name for it, such as `"I;16B"`.
        signed: they may be negative.
        bits: that may be used of each, where that is said; else None.
    """

    raw: str
    signed: bool
    bits: int | None

    @classmethod
    def of(cls, picture: Image) -> Stored:
        """Of a picture that was opened and not yet decoded."""
        tags = getattr(picture, "tag_v2", {})
        given = picture.tile[0][3] if picture.tile else ""
        raw = given[0] if isinstance(given, tuple) and given else given
        greatest = np.max(tags.get(_MAX_SAMPLE, 0))
        bits = 12 if raw == "I;12" else int(greatest).bit_length() or None
        return cls(str(raw), _SIGNED in np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1)), bits)


def is_deep(picture: Image, stored: Stored) -> bool:
    """Whether a picture has one number for each pixel that is not simply of 8 bits."""
    return picture.mode.startswith(("I", "F")) or (picture.mode == "L" and stored.signed)


def eight_bits(picture: Image, stored: Stored) -> tuple[Array, str]:
    """A deep picture as uint8 (H, W), and a note that says by which range it was scaled.

    Args:
        picture: decoded; see `is_deep`.
        stored: what its head said.
    """
    values, more = _numbers(picture, stored)
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "iu"
    black, white, why = _whole(low, high, stored.bits) if whole else _decimal(low, high)
    kind = "whole" if whole else "floating-point"
    note = (
        f"{kind} numbers from {low:g} to {high:g} were scaled to 8 bits, {black:g} black and {white:g} white"
    )
    return _scaled(values, black, white), f"{note} ({why}){more}"


def cut_to_eight_bits(picture: Image, stored: Stored) -> str | None:
    """A note on a picture with colours of 16 bits, of which Pillow takes the upper 8; None for others."""
    if ";16" not in stored.raw or is_deep(picture, stored):
        return None
    greatest = max(high for _, high in picture.convert("RGB").getextrema())
    if greatest < 256 * _LITTLE:
        return (
            f"of 16 bits the upper 8 were taken, and these end at {greatest} of 255: nearly black; {_STORE}"
        )
    return "of 16 bits the upper 8 were taken"


def _numbers(picture: Image, stored: Stored) -> tuple[Array, str]:
    """The numbers of the pixels as they were meant, and a note on those that are none."""
    values = np.asarray(picture)
    if picture.mode == "L":
        return values.view("int8"), ""
    if stored.raw.startswith("I;32") and not stored.raw.endswith("S"):
        return values.view("uint32"), ""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values, ""
    count = int(np.sum(~np.isfinite(values)))
    return np.nan_to_num(values, posinf=0, neginf=0), f"; {count:,} that are NaN or infinite were taken for 0"


def _whole(low: float, high: float, bits: int | None) -> tuple[float, float, str]:
    """What is black and what is white, and why."""
    if low < 0 or high > 65535:
        return low, high, f"their own least and greatest; {_STORE}"
    found = bits or next(one for one in (8, 12, 16) if high < 2**one)
    if high < 2**found * _LITTLE:
        return 0, 2**found - 1, f"{found} bits, of which they use less than 1/8: nearly black; {_STORE}"
    if bits is None and found < 16:
        return 0, 2**found - 1, f"as {found} bits, since none needs more; {_STORE}"
    return 0, 2**found - 1, f"{found} bits"


def _decimal(low: float, high: float) -> tuple[float, float, str]:
    """The same for floating-point numbers."""
    if low < 0 or high > 1:
        return low, high, f"their own least and greatest; {_STORE}"
    if high < _LITTLE:
        return 0, 1, f"of 0 to 1 they use less than 1/8: nearly black; {_STORE}"
    return 0, 1, "the range 0 to 1"


def _scaled(values: Array, black: float, white: float) -> Array:
    found = np.empty(values.shape, "uint8")
    factor = 255 / ((white - black) or 1)
    for top in range(0, len(values), _ROWS):
        rows = values[top : top + _ROWS].astype("float64")
        found[top : top + _ROWS] = np.rint(np.clip((rows - black) * factor, 0, 255))
    return found
