"""The signature in pictures that kerascope writes, which distinguishes them from other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerascope import __version__
from kerascope.persistence import is_regular_file

_WORDS = "made by kerascope"
SIGNATURE = f"{_WORDS} {__version__}"
_SOFTWARE = 0x0131
"""The tag of EXIF and TIFF for the program that wrote a picture."""


def signature_options(kind: str) -> dict[str, Any]:
    """Return options of Pillow that sign a picture.

    Args:
        kind: `"PNG"`, `"JPEG"`, or another one that holds EXIF data: `"WEBP"`, `"TIFF"`, `"AVIF"`.
    """
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_text("Software", SIGNATURE)
        return {"pnginfo": text}
    from PIL.Image import Exif

    exif = Exif()
    exif[_SOFTWARE] = SIGNATURE
    return {"exif": exif.tobytes()}


def is_signed(path: Path) -> bool:
    """Return whether a file is signed by kerascope; a link is not."""
    return is_regular_file(path) and _WORDS.encode() in path.read_bytes()
