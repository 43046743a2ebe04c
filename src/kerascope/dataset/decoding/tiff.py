"""White-is-zero TIFF: greyscale whose least number is white."""

from __future__ import annotations

import struct

_PHOTOMETRIC = 262
"""The tag of the photometric interpretation: 0 for white at zero, 1 for black at zero."""
_LAYOUTS = {42: ("HHI", "H", "HHI4s"), 43: ("HHHHQ", "Q", "HHQ8s")}
"""Layouts of the header, of the number of tags and of a tag, of plain TIFF and of BigTIFF."""


def set_black_is_zero(content: bytes) -> tuple[bytes, bool]:
    """Set the tag of a white-is-zero TIFF to black-is-zero.

    Pillow inverts white-is-zero of 8 bits and less, leaves it as it is at 16 and more, and refuses it where
    numbers are signed or the most significant byte is first. With the tag changed it decodes all alike; the
    caller inverts the picture.

    Returns:
        The bytes, with the tag of the first picture changed where it says white-is-zero, and whether it does.
    """
    position = _find_photometric(content[:2], content)
    if position is None or content[position : position + 2] != b"\0\0":
        return content, False
    return b"".join(
        (content[:position], b"\1\0" if content[:2] == b"II" else b"\0\1", content[position + 2 :])
    ), True


def _find_photometric(mark: bytes, content: bytes) -> int | None:
    """Find the position of the tag's value in the first picture of a TIFF file; None where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(mark)
    if order is None:
        return None
    try:
        version = struct.unpack_from(f"{order}H", content, 2)[0]
        header, number, tag = _LAYOUTS[version]
        first = struct.unpack_from(f"{order}{header}", content)[-1]
        count = struct.unpack_from(order + number, content, first)[0]
        start, step = first + struct.calcsize(order + number), struct.calcsize(order + tag)
        for position in range(start, start + step * min(count, 4096), step):
            if struct.unpack_from(order + tag, content, position)[0] == _PHOTOMETRIC:
                return position + step - struct.calcsize(order + tag[-2:])
    except (struct.error, KeyError):
        pass
    return None
