"""White-is-zero TIFF: greyscale whose least number is white."""

from __future__ import annotations

import struct

_PHOTOMETRIC = 262
"""The tag that says what numbers mean: 0 for white at zero, 1 for black at zero."""
_LAYOUTS = {42: ("HHI", "H", "HHI4s"), 43: ("HHHHQ", "Q", "HHQ8s")}
"""Head, number of tags, and tag, of plain TIFF and of BigTIFF."""


def set_black_is_zero(content: bytes) -> tuple[bytes, bool]:
    """A file that says that black is zero, and whether it said that white is.

    Pillow inverts white-is-zero of 8 bits and less, leaves it as it is at 16 and more, and refuses it where
    numbers are signed or the most significant byte is first. So it is told that black is zero, and whoever
    asks inverts, at every depth.

    Args:
        content: of any file.

    Returns:
        The bytes, of a white-is-zero TIFF with the tag of its first picture changed; and whether it was one.
    """
    place = _find_photometric(content[:2], content)
    if place is None or content[place : place + 2] != b"\0\0":
        return content, False
    return b"".join(
        (content[:place], b"\1\0" if content[:2] == b"II" else b"\0\1", content[place + 2 :])
    ), True


def _find_photometric(mark: bytes, content: bytes) -> int | None:
    """Where the value of the tag lies, in the first picture of a TIFF file; None where it has none."""
    order = {b"II": "<", b"MM": ">"}.get(mark)
    if order is None:
        return None
    try:
        version = struct.unpack_from(f"{order}H", content, 2)[0]
        head, number, tag = _LAYOUTS[version]
        first = struct.unpack_from(f"{order}{head}", content)[-1]
        count = struct.unpack_from(order + number, content, first)[0]
        start, step = first + struct.calcsize(order + number), struct.calcsize(order + tag)
        for place in range(start, start + step * min(count, 4096), step):
            if struct.unpack_from(order + tag, content, place)[0] == _PHOTOMETRIC:
                return place + step - struct.calcsize(order + tag[-2:])
    except (struct.error, KeyError):
        pass
    return None
