"""Formats of files: which are decoded, their endings, and endings of pictures that are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ImageFormat:
    """A format that Pillow decodes.

    Args:
        endings: of the names of its files, in lower case; none where they are those of another format.
        decoder_bytes: per pixel, that decoding and scaling take besides the decoded picture.
    """

    endings: tuple[str, ...]
    decoder_bytes: int = 8


FORMATS: Mapping[str, ImageFormat] = MappingProxyType(
    {
        "AVIF": ImageFormat((".avif",)),
        "BMP": ImageFormat((".bmp",)),
        "GIF": ImageFormat((".gif",)),
        "JPEG": ImageFormat((".jfif", ".jpe", ".jpeg", ".jpg")),
        "JPEG2000": ImageFormat((".jp2",), decoder_bytes=16),
        "MPO": ImageFormat(()),  # a JPEG file with a preview
        "PNG": ImageFormat((".png",)),
        "PPM": ImageFormat((".pgm", ".ppm")),
        "TIFF": ImageFormat((".tif", ".tiff")),
        "WEBP": ImageFormat((".webp",), decoder_bytes=12),
    }
)
"""Formats that are decoded, by Pillow's names; others start programs, as PostScript, or are no pictures."""
DICOM_ENDINGS = frozenset({".dcm", ".dicom"})
"""Endings of DICOM files, which may hold several pictures; see `kerascope.dataset.decoding.dicom`."""
PICTURE_ENDINGS = DICOM_ENDINGS.union(*(image_format.endings for image_format in FORMATS.values()))
"""Endings of files that are taken for pictures."""
UNREAD_ENDINGS = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"),
        *(".ai", ".dds", ".emf", ".eps", ".exr", ".hdr", ".heic", ".heics", ".heif", ".hif"),
        *(".icns", ".ico", ".j2k", ".jxl", ".mha", ".mhd", ".nii", ".npy", ".nrrd", ".pbm", ".pcx", ".pdf"),
        *(".pnm", ".psd", ".svg", ".svs", ".tga", ".wdp", ".wmf", ".xcf"),
        *(".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"),
    }
)
"""Endings of pictures and films that are not read, and so are reported; other files are passed over."""
_SHOWN = 6
_ADVICE = "convert them to PNG or JPEG to have them explained"


def is_picture(path: str) -> bool:
    """Whether a file of this name is taken for a picture."""
    return _ending(path) in PICTURE_ENDINGS


def is_dicom_name(path: str) -> bool:
    """Whether a file of this name is taken for DICOM."""
    return _ending(path) in DICOM_ENDINGS


def describe_unread(names: Iterable[str]) -> str | None:
    """A warning that counts pictures of formats that are not read, by ending; None where there are none.

    Example:
        >>> from kerascope.dataset.decoding.formats import describe_unread
        >>> describe_unread(["a.jpg", "b.HEIC", "c.heic", "d.svg", "notes.md"]).partition(";")[0]
        '3 files of kinds that are not read were passed over: 2 .heic, 1 .svg'
    """
    counts = Counter(ending for name in names if (ending := _ending(name)) in UNREAD_ENDINGS)
    if not counts:
        return None
    shown = ", ".join(f"{count:,} {ending}" for ending, count in counts.most_common(_SHOWN))
    more = ", ..." if len(counts) > _SHOWN else ""
    return f"{counts.total():,} files of kinds that are not read were passed over: {shown}{more}; {_ADVICE}."


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2].lower()
