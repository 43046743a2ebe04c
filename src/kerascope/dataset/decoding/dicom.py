"""DICOM: one frame of a file as people see it on a viewer, and nothing of whom it shows."""

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
from kerascope.dataset.decoding.bit_depth import Tile, Window, assemble_tiles, find_extremes, tiles
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
"""All that is asked of a head, beside the colours of a palette."""
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
"""What decodes ways of compression that Pillow and NumPy do not, or not all of them."""


def is_dicom(content: bytes) -> bool:
    """Whether a file says that it is DICOM."""
    return content[_MARK] == b"DICM"


def count_frames(file: Any, size: int) -> int:
    """How many frames a file has, by its head; 1 where that cannot be read, or is not true.

    Args:
        file: open for reading, anywhere.
        size: of it, in bytes.

    Raises:
        MissingPackageError: pydicom is not installed.
    """
    try:
        with _silence_pydicom() as pydicom:
            head = _read_header(pydicom, file)
            count = int(head.get("NumberOfFrames") or 1)
            syntax = head.file_meta.get("TransferSyntaxUID")
            bits = int(head.Rows) * int(head.Columns) * int(head.get("SamplesPerPixel") or 1)
            bits *= int(head.BitsAllocated)
            packed = syntax is not None and syntax.is_compressed
            # Each frame that is packed has a head of 8 bytes, at least.
            return count if 1 <= count <= (size // 8 if packed else 8 * size // max(bits, 1)) else 1
    except errors.MissingPackageError:
        raise
    except Exception:  # noqa: BLE001 (of any kind: what is wrong is told where it is decoded)
        return 1


def decode_frame(
    content: bytes, frame: int | None, largest: int, admit: Callable[[int], object] | None = None
) -> tuple[Image, list[str]]:
    """One frame of a DICOM file, red, green and blue of 8 bits each, and notes.

    Stored numbers become those of the modality (rescale slope and intercept, or a table), and these grey by
    the first window that is stored, or by their least and greatest where there is none; `MONOCHROME1` is
    inverted, as viewers show it. Colours of a palette, YBR and more than 8 bits become red, green and blue.

    Args:
        content: of the file.
        frame: from 0; None for the first.
        largest: pixels of the largest picture that is decoded.
        admit: see `kerascope.dataset.decoding.photograph.decode`.

    Raises:
        PhotographError: it is damaged, has no pixels, is too large, or of a kind that is not decoded. What
            the head says of patients is in no message.
        MissingPackageError: pydicom is not installed.
    """
    notes: list[str] = []
    with _silence_pydicom() as pydicom:
        try:
            if not is_dicom(content):
                raise errors.PhotographError(
                    f"a DICOM file must have the letters DICM at its byte {_MARK.start}; this one has not."
                )
            head = _read_header(pydicom, io.BytesIO(content), _PALETTE)
            pixels = _check_header(head, largest)
            if admit is not None:
                admit(pixels * _decoding_bytes(head))
            count = int(head.get("NumberOfFrames") or 1)
            if frame is None and count > 1:
                notes.append(f"the first of {count:,} frames was taken")
            if any(tag.group & 0xFF01 == 0x6000 for tag in head.keys()):  # noqa: SIM118 (tags, not elements)
                notes.append("overlays that are stored with it were not drawn")
            values = _decode_pixels(pydicom, content, head, frame or 0)
            return _to_picture(pydicom, values, head, frame or 0, notes), notes
        except (errors.PhotographError, errors.MissingPackageError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 (of any kind: pydicom raises what it likes)
            # Its text may quote the head, and so would its cause.
            raise errors.PhotographError(
                f"a DICOM file must be whole and hold a picture; it cannot be read ({type(error).__name__})."
            ) from None


def _read_header(pydicom: Any, file: Any, more: tuple[str, ...] = ()) -> Any:
    """What is needed of the head; what stands behind the pixels is not read."""
    from pydicom.tag import Tag

    file.seek(0)
    _check_syntax(file.read(1 << 16))
    file.seek(0)
    tags = [pydicom.datadict.tag_for_keyword(name) for name in (*_ELEMENTS, *more)]
    overlays = [Tag(0x6000 + 2 * place, 0x3000) for place in range(16)]
    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*tags, *overlays])


def _check_syntax(content: bytes) -> None:
    """Refuse what is packed as a whole, which may be any size once it is unpacked."""
    if is_dicom(content):
        length = struct.unpack_from("<I", content, 140)[0] if len(content) >= 144 else 0
        if _DEFLATED.encode() in content[144 : 144 + min(length, 1 << 16)]:
            raise errors.PhotographError(
                "a DICOM file must not be packed as a whole; this one is in the transfer syntax "
                f"{_DEFLATED} (Deflated Explicit VR Little Endian); store it as Explicit VR Little Endian."
            )


def _check_header(head: Any, largest: int) -> int:
    """How many pixels a frame has."""
    if not head.get("Rows") or not head.get("Columns"):
        raise errors.PhotographError(
            "a DICOM file must hold a picture; this one has none, as reports, directories and plans."
        )
    pixels = int(head.Rows) * int(head.Columns)
    if pixels > largest:
        raise errors.PhotographError(
            f"a picture must have at most {largest:,} pixels; got {int(head.Columns)} x {int(head.Rows)}; "
            "make it smaller."
        )
    if head.get("PhotometricInterpretation") not in (*_GREY, *_COLOURS):
        raise errors.PhotographError(
            f"the photometric interpretation must be one of {', '.join((*_GREY, *_COLOURS))}; this one is "
            "another."
        )
    return pixels


def _decoding_bytes(head: Any) -> int:
    """Bytes a pixel that decoding and scaling take at the most."""
    own = int(head.get("SamplesPerPixel") or 1) * max(1, int(head.BitsAllocated) // 8)
    syntax = head.file_meta.get("TransferSyntaxUID")
    packed = syntax is not None and syntax.is_compressed
    colours = 24 if head.PhotometricInterpretation not in (*_GREY, "RGB", "PALETTE COLOR") else 0
    return own * (4 if packed else 2) + colours + 8


def _decode_pixels(pydicom: Any, content: bytes, head: Any, frame: int) -> Array:
    """The stored numbers of one frame, (H, W) or (H, W, 3)."""
    syntax = head.file_meta.get("TransferSyntaxUID")
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
    # Of a number that nobody knows, it is not known what it says.
    known = syntax is not None and syntax.name != syntax and not syntax.is_private
    more = _INSTALL.get(str(syntax))
    name = f"the transfer syntax {syntax} ({syntax.name})" if known else "a transfer syntax that is not known"
    raise errors.PhotographError(
        f"the pixels of a DICOM file must be stored in a known way; this one is in {name}, {why}; "
        f"{f'pip install {more}, or ' if more else ''}store it without compression."
    ) from None


def _to_picture(pydicom: Any, values: Array, head: Any, frame: int, notes: list[str]) -> Image:
    """Numbers as people see them, red, green and blue."""
    height, width = values.shape[:2]
    kind = head.PhotometricInterpretation

    def parts() -> Iterator[tuple[Tile, Array]]:
        return ((box, values[box[1] : box[3], box[0] : box[2]]) for box in tiles(width, height))

    if kind in _GREY:
        grey = _grey_conversion(pydicom, values, head, frame, notes)
        inverted: Callable[[Array], Array] = (lambda part: 255 - grey(part)) if kind == _GREY[0] else grey
        return assemble_tiles(width, height, parts(), inverted).convert("RGB")
    if kind == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        def coloured(part: Array) -> Array:
            return np.asarray(apply_color_lut(part, head)[..., :3])

        bits = 16 if coloured(values[:1, :1]).dtype.itemsize > 1 else 8
    else:
        bits = int(head.BitsStored)

        def coloured(part: Array) -> Array:
            return part

    if bits > 8:
        notes.append(f"of {bits} bits the upper 8 were taken")
    return assemble_tiles(
        width, height, parts(), lambda part: (coloured(part) >> max(bits - 8, 0)).astype("uint8")
    )


def _grey_conversion(
    pydicom: Any, values: Array, head: Any, frame: int, notes: list[str]
) -> Callable[[Array], Array]:
    """What makes 8 bits of stored numbers."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    meaning = _find_group(head, frame, "PixelValueTransformationSequence", "RescaleSlope")
    view = _find_group(head, frame, "FrameVOILUTSequence", "WindowCenter")
    table = bool(head.get("ModalityLUTSequence"))
    slope = float(meaning.get("RescaleSlope") or 1)
    intercept = float(meaning.get("RescaleIntercept") or 0)

    def modality(part: Array) -> Array:
        if table:
            found: Array = apply_modality_lut(part, head)
            return found
        return part if (slope, intercept) == (1, 0) else part.astype("float64") * slope + intercept

    how = "its table" if table else f"slope {slope:g} and intercept {intercept:g}"
    if head.get("VOILUTSequence"):
        bits = int(head.VOILUTSequence[0].LUTDescriptor[2])
        notes.append(f"shown by {how}, and the first table that is stored for viewing")
        shown = Window(0, 2**bits - 1, "")
        return lambda part: shown(apply_voi(modality(part), head))
    centres, widths = (np.ravel(view.get(name) or []) for name in ("WindowCenter", "WindowWidth"))
    if windows := min(len(centres), len(widths)):
        centre, width = float(centres[0]), float(widths[0])
        function = str(view.get("VOILUTFunction") or "LINEAR").upper()
        if width >= 1 or (width > 0 and function != "LINEAR"):
            several = f", the first of {windows}" if windows > 1 else ""
            notes.append(
                f"shown by {how}, and the stored window of centre {centre:g} and width {width:g}{several}"
            )
            if function == "SIGMOID":
                return lambda part: np.rint(
                    255 / (1 + np.exp(np.clip(-4 * (modality(part) - centre) / width, -700, 700)))
                ).astype("uint8")
            if function == "LINEAR":
                centre, width = centre - 0.5, width - 1
            window = Window(centre - width / 2, centre + width / 2, "")
            if width == 0:
                return lambda part: np.where(modality(part) > centre, 255, 0).astype("uint8")
            return lambda part: window(modality(part))
        notes.append("its stored window has no width")
    bits = int(head.BitsStored)
    if bits <= 8 and not head.get("PixelRepresentation") and not table and (slope, intercept) == (1, 0):
        plain = Window(0, 2**bits - 1, "")
        return lambda part: plain(part)
    padding = _padding_range(head)
    low, high, _ = find_extremes(
        modality(known)
        for box in tiles(values.shape[1], values.shape[0])
        if (known := _drop_padding(values[box[1] : box[3], box[0] : box[2]], padding)).size
    )
    notes.append(f"shown by {how}; no window is stored, so {low:g} is the least and {high:g} the greatest")
    full = Window(low, high, "")
    return lambda part: full(modality(part))


def _find_group(head: Any, frame: int, name: str, needed: str) -> Any:
    """Where something about a frame stands: with the frame, with all frames, or in the head itself."""
    every = head.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*every[frame : frame + 1], *(head.get("SharedFunctionalGroupsSequence") or [])[:1]]:
        found = group.get(name)
        if found and needed in found[0]:
            return found[0]
    return head


def _padding_range(head: Any) -> tuple[float, float] | None:
    """From where to where numbers only fill the frame."""
    found = [head.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    known = [float(one) for one in found if isinstance(one, int)]
    return (min(known), max(known)) if known else None


def _drop_padding(values: Array, padding: tuple[float, float] | None) -> Array:
    if padding is None:
        return values
    return values[(values < padding[0]) | (values > padding[1])]


class _SilentFilter(logging.Filter):
    """Passes what pydicom logs, but for what it logs while a file is read here: it may quote the head."""

    reading = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.reading, "now", False)


_SILENT_FILTER = _SilentFilter()


@contextmanager
def _silence_pydicom() -> Iterator[Any]:
    """pydicom, whose warnings and logs may quote the head of a file, without them."""
    try:
        import pydicom
        import pydicom.pixels
    except ImportError:
        raise errors.MissingPackageError("pydicom", "dicom") from None
    # Filters of warnings belong to all threads, so that one cannot be put back.
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    for name in ("pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils"):
        logging.getLogger(name).addFilter(_SILENT_FILTER)
    _SilentFilter.reading.now = True
    try:
        yield pydicom
    finally:
        _SilentFilter.reading.now = False
