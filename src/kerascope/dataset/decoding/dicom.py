"""DICOM: a frame of a file as viewers show it, without what the header says of the patient."""

from __future__ import annotations

import io
import logging
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.dataset.decoding.bit_depth import Tile, assemble_tiles, tiles
from kerascope.dataset.decoding.dicom_grey import find_grey_conversion
from kerascope.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


_MARK = slice(128, 132)
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_ELEMENTS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter"),
    *("WindowWidth", "VOILUTFunction", "VOILUTSequence", "SharedFunctionalGroupsSequence"),
    "PerFrameFunctionalGroupsSequence",
)
"""Elements that are read from a header, besides the colours of a palette."""
_PALETTE = tuple(
    f"{part}PaletteColorLookupTable{end}"
    for part in ("Red", "Green", "Blue", "Alpha")
    for end in ("Descriptor", "Data")
)
_INSTALL = {
    "1.2.840.10008.1.2.4.51": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.57": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.70": "pylibjpeg pylibjpeg-libjpeg",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg pylibjpeg-openjpeg",
}
"""Packages that decode transfer syntaxes which Pillow and NumPy do not, or not all of them."""


def is_dicom(content: bytes) -> bool:
    """Whether a file has the mark of DICOM."""
    return content[_MARK] == b"DICM"


def count_frames(file: Any, size: int) -> int:
    """Count the frames of a file, by its header; 1 where this cannot be read, or is not true."""
    try:
        with _silence_pydicom() as pydicom:
            header = _read_header(pydicom, file)
            count = int(header.get("NumberOfFrames") or 1)
            syntax = header.file_meta.get("TransferSyntaxUID")
            bits = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel") or 1)
            bits *= int(header.BitsAllocated)
            # Each compressed frame has a header of 8 bytes, at least.
            compressed = syntax is not None and syntax.is_compressed
            return count if 1 <= count <= (size // 8 if compressed else 8 * size // max(bits, 1)) else 1
    except errors.MissingPackageError:
        raise
    except Exception:  # noqa: BLE001 (of any kind: decoding reports the fault)
        return 1


def decode_frame(
    content: bytes, frame: int | None, largest: int, admit: Callable[[int], object] | None = None
) -> tuple[Image, list[str]]:
    """Decode a frame of a DICOM file: red, green and blue of 8 bits each, and notes.

    Grey numbers become values of the modality (rescale slope and intercept, or a table), and these are scaled
    by the first stored window, or from their least to their greatest where there is none; `MONOCHROME1` is
    inverted, as viewers show it. Colours of a palette, YBR and more than 8 bits become red, green and blue.

    Args:
        content: of the file.
        frame: from 0; None for the first.
        largest: pixels of the largest picture that is decoded.
        admit: see `kerascope.dataset.decoding.photograph.decode`.

    Raises:
        PhotographError: it is damaged, has no pixels, is too large, or is encoded in a way that is not
            supported. No message quotes the header, which may name the patient.
        MissingPackageError: pydicom is not installed.
    """
    notes: list[str] = []
    with _silence_pydicom() as pydicom:
        try:
            if not is_dicom(content):
                raise errors.PhotographError(
                    f"a DICOM file must have the letters DICM at its byte {_MARK.start}; this one has not."
                )
            header = _read_header(pydicom, io.BytesIO(content), _PALETTE)
            pixels = _check_header(header, largest)
            if admit is not None:
                admit(pixels * _decoding_bytes(header))
            count = int(header.get("NumberOfFrames") or 1)
            if frame is None and count > 1:
                notes.append(f"the first of {count:,} frames was taken")
            if any(tag.group & 0xFF01 == 0x6000 for tag in header.keys()):  # noqa: SIM118 (tags, not elements)
                notes.append("overlays that are stored with it were not drawn")
            values = _decode_pixels(pydicom, content, header, frame or 0)
            return _to_picture(values, header, frame or 0, notes), notes
        except (errors.PhotographError, errors.MissingPackageError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 (of any kind: pydicom raises what it likes)
            # Its text may quote the header, and so would its cause.
            raise errors.PhotographError(
                f"a DICOM file must be whole and hold a picture; it cannot be read ({type(error).__name__})."
            ) from None


def _read_header(pydicom: Any, file: Any, more: tuple[str, ...] = ()) -> Any:
    """Read the elements that decoding needs, without the pixels and all that follows them."""
    from pydicom.tag import Tag

    file.seek(0)
    _check_syntax(file.read(1 << 16))
    file.seek(0)
    tags = [pydicom.datadict.tag_for_keyword(name) for name in (*_ELEMENTS, *more)]
    overlays = [Tag(0x6000 + 2 * index, 0x3000) for index in range(16)]
    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*tags, *overlays])


def _check_syntax(content: bytes) -> None:
    """Refuse a file that is compressed as a whole, which may have any size once it is unpacked."""
    if is_dicom(content):
        length = struct.unpack_from("<I", content, 140)[0] if len(content) >= 144 else 0
        if _DEFLATED.encode() in content[144 : 144 + min(length, 1 << 16)]:
            raise errors.PhotographError(
                "a DICOM file must not be packed as a whole; this one is in the transfer syntax "
                f"{_DEFLATED} (Deflated Explicit VR Little Endian); store it as Explicit VR Little Endian."
            )


def _check_header(header: Any, largest: int) -> int:
    """Check that there is a picture of a supported kind and size, and count the pixels of a frame."""
    if not header.get("Rows") or not header.get("Columns"):
        raise errors.PhotographError(
            "a DICOM file must hold a picture; this one has none, as reports, directories and plans."
        )
    pixels = int(header.Rows) * int(header.Columns)
    if pixels > largest:
        raise errors.PhotographError(
            f"a picture must have at most {largest:,} pixels; got {int(header.Columns)} x "
            f"{int(header.Rows)}; make it smaller."
        )
    if header.get("PhotometricInterpretation") not in (*_GREY, *_COLOURS):
        raise errors.PhotographError(
            f"the photometric interpretation must be one of {', '.join((*_GREY, *_COLOURS))}; this one is "
            "another."
        )
    return pixels


def _decoding_bytes(header: Any) -> int:
    """Bytes per pixel that decoding and scaling take, at the most."""
    own = int(header.get("SamplesPerPixel") or 1) * max(1, int(header.BitsAllocated) // 8)
    syntax = header.file_meta.get("TransferSyntaxUID")
    compressed = syntax is not None and syntax.is_compressed
    colours = 24 if header.PhotometricInterpretation not in (*_GREY, "RGB", "PALETTE COLOR") else 0
    return own * (4 if compressed else 2) + colours + 8


def _decode_pixels(pydicom: Any, content: bytes, header: Any, frame: int) -> Array:
    """Decode the stored numbers of a frame, (H, W) or (H, W, 3)."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    try:
        possible = pydicom.pixels.get_decoder(syntax).is_available
    except NotImplementedError:
        possible = False
    try:
        if possible:
            found: Array = pydicom.pixels.pixel_array(io.BytesIO(content), index=frame)
            return found
        why = "and cannot be decoded"
    except Exception as error:
        if not syntax.is_compressed:
            raise
        why = f"and cannot be decoded ({type(error).__name__}), or is damaged"
    # A number that is not registered may hold anything, even a name.
    known = syntax is not None and syntax.name != syntax and not syntax.is_private
    more = _INSTALL.get(str(syntax))
    name = f"the transfer syntax {syntax} ({syntax.name})" if known else "a transfer syntax that is not known"
    raise errors.PhotographError(
        f"the pixels of a DICOM file must be stored in a known way; this one is in {name}, {why}; "
        f"{f'pip install {more}, or ' if more else ''}store it without compression."
    ) from None


def _to_picture(values: Array, header: Any, frame: int, notes: list[str]) -> Image:
    """Convert stored numbers to a picture, red, green and blue."""
    height, width = values.shape[:2]
    kind = header.PhotometricInterpretation

    def parts() -> Iterator[tuple[Tile, Array]]:
        for left, top, right, bottom in tiles(width, height):
            yield (left, top, right, bottom), values[top:bottom, left:right]

    if kind in _GREY:
        to_grey = find_grey_conversion(values, header, frame, notes)
        convert: Callable[[Array], Array] = (
            (lambda part: 255 - to_grey(part)) if kind == _GREY[0] else to_grey
        )
        return assemble_tiles(width, height, parts(), convert).convert("RGB")
    if kind == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        def to_rgb(part: Array) -> Array:
            return np.asarray(apply_color_lut(part, header)[..., :3])

        bits = 16 if to_rgb(values[:1, :1]).dtype.itemsize > 1 else 8
    else:
        bits = int(header.BitsStored)

        def to_rgb(part: Array) -> Array:
            return part

    if bits > 8:
        notes.append(f"of {bits} bits the upper 8 were taken")
    return assemble_tiles(
        width, height, parts(), lambda part: (to_rgb(part) >> max(bits - 8, 0)).astype("uint8")
    )


class _SilentFilter(logging.Filter):
    """Drops what pydicom logs while a file is read here: it may quote the header."""

    reading = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.reading, "now", False)


_SILENT_FILTER = _SilentFilter()


@contextmanager
def _silence_pydicom() -> Iterator[Any]:
    """pydicom without its warnings and logs, which may quote the header of a file."""
    try:
        import pydicom
        import pydicom.pixels
    except ImportError:
        raise errors.MissingPackageError("pydicom", "dicom") from None
    # Filters of warnings belong to all threads, so they cannot be restored afterwards.
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    for name in ("pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils"):
        logging.getLogger(name).addFilter(_SILENT_FILTER)
    _SilentFilter.reading.now = True
    try:
        yield pydicom
    finally:
        _SilentFilter.reading.now = False
