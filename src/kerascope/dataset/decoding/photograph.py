"""Decoding: a photograph from the bytes of a file, upright, red, green and blue; and encoding."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.dataset.decoding.bit_depth import SampleFormat, find_truncation, is_deep, to_eight_bits
from kerascope.dataset.decoding.dicom import decode_frame, is_dicom
from kerascope.dataset.decoding.formats import FORMATS
from kerascope.dataset.decoding.tiff import set_black_is_zero
from kerascope.dataset.photograph_errors import convert_errors, describe_error
from kerascope.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


MAX_PIXELS = 1 << 26
"""Pixels of the largest picture that is decoded: 67 million, 200 MB."""
_ORIENTATION = 0x0112
"""The EXIF tag of the orientation."""
MAX_FILE_SIZE = 1 << 28
"""Bytes of the largest file that is read: 268 MB."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded picture, upright.

    Args:
        picture: of Pillow, red, green, blue, turned by its EXIF orientation.
        notes: what decoding left out or changed, a line each.
    """

    picture: Image
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> Array:
        """uint8 (H, W, 3)."""
        return np.asarray(self.picture)


def decode(
    content: bytes, frame: int | None = None, admit: Callable[[int], object] | None = None
) -> Photograph:
    """Decode the photograph in the bytes of a file.

    Greyscale, palette and CMYK pictures become red, green and blue; numbers of more than 8 bits are scaled to
    8, where Pillow alone would clip, see `kerascope.dataset.decoding.bit_depth`; an alpha channel is dropped;
    the first frame of an animation, or page, is taken, as `keras.utils.load_img` does. Each of these, but for
    greyscale and palettes, is noted.

    Args:
        content: of a file in one of `FORMATS`, or of a DICOM file, see `kerascope.dataset.decoding.dicom`.
        frame: of a DICOM file, from 0; None for whatever file it is, and the first.
        admit: called before anything is decoded, with the bytes that decoding and scaling will take; it may
            wait until there is room for them.

    Raises:
        PhotographError: it is empty, no picture, cut short or damaged, or of more than `MAX_PIXELS` pixels.
        MissingPackageError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise errors.MissingPackageError("pillow", "dataset") from None
    if not content:
        raise errors.PhotographError("a picture must hold something; the file is empty (0 bytes).")
    if frame is not None or is_dicom(content):
        with convert_errors("a DICOM file must be whole and hold a picture"):
            shown, remarks = decode_frame(content, frame, MAX_PIXELS, admit)
            return Photograph(shown, tuple(remarks))
    notes: list[str] = []
    # Decoders raise anything on damaged files, also warnings where these are errors.
    with convert_errors("a picture must be whole and undamaged"):
        try:
            content, white_is_zero = set_black_is_zero(content)
            with Image.open(io.BytesIO(content), formats=_formats()) as picture:
                # The size is in the header: nothing is decoded yet.
                if picture.width * picture.height > MAX_PIXELS:
                    raise errors.PhotographError(_too_large(f"{picture.width} x {picture.height}"))
                # The second picture of an MPO file is a camera's preview.
                if picture.format != "MPO" and (frames := getattr(picture, "n_frames", 1)) > 1:
                    notes.append(f"the first of {frames} frames or pages was taken")
                samples = SampleFormat.of(picture, white_is_zero)
                if admit is not None:
                    admit(_decoding_bytes(picture))
                picture.load()
                upright = _to_rgb(_turn_upright(picture, ImageOps, notes), samples, notes)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise errors.PhotographError(_too_large(str(error))) from error
        except Image.UnidentifiedImageError as error:
            raise errors.PhotographError(
                f"a picture must be in one of the formats {', '.join(FORMATS)} or DICOM; these "
                f"{len(content):,} bytes, which begin with {content[:8]!r}, are in none of them."
            ) from error
        # Without the copy its decoder would stay in memory, which is larger than the picture.
        return Photograph(upright.copy() if upright is picture else upright, tuple(notes))


def _decoding_bytes(picture: Image) -> int:
    """Bytes that decoding and scaling take, at the most, by the header of a file."""
    own = {"1": 1, "L": 1, "P": 1, "LA": 4, "F": 4, "I": 4}.get(picture.mode, 2 if ";" in picture.mode else 4)
    return int(picture.width * picture.height * (own + FORMATS[picture.format or ""].decoder_bytes))


def _formats() -> tuple[str, ...]:
    """The formats that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _too_large(got: str) -> str:
    return f"a picture must have at most {MAX_PIXELS:,} pixels; got {got}; make it smaller."


def _turn_upright(picture: Image, turning: Any, notes: list[str]) -> Image:
    try:
        exif = picture.getexif()
        if picture.info.get("exif") and not exif:  # of which Pillow warns, here or elsewhere
            raise ValueError("they have no entry")
        # exif_transpose copies a picture that is upright already.
        turned = turning.exif_transpose(picture) if exif.get(_ORIENTATION, 1) != 1 else picture
    except Exception as error:  # noqa: BLE001 (of any kind: damaged EXIF must not lose the picture)
        notes.append(f"its EXIF data cannot be read, so it was not turned ({describe_error(error)})")
        return picture
    return picture if turned is None else turned


def _to_rgb(picture: Image, samples: SampleFormat, notes: list[str]) -> Image:
    """Convert a picture to red, green and blue, 8 bits each."""
    from PIL import ImageOps

    if is_deep(picture, samples):
        scaled, remark = to_eight_bits(picture, samples)
        notes.append(remark)
        return scaled.convert("RGB")
    if (note := find_truncation(picture, samples)) is not None:
        notes.append(note)
    converted = _convert_mode(picture, notes)
    return ImageOps.invert(converted) if samples.white_is_zero else converted


def _convert_mode(picture: Image, notes: list[str]) -> Image:
    mode = picture.mode
    if mode == "RGB":
        return picture
    if mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info:
        notes.append("its transparency was dropped, as Keras' own loader does")
        return picture.convert("RGB") if mode == "RGBA" else picture.convert("RGBA").convert("RGB")
    if mode == "CMYK":
        notes.append("CMYK was converted without its colour profile")
    return picture.convert("RGB")


def encode(picture: Image | Array, kind: str, **options: Any) -> bytes:
    """Encode a picture as the bytes of a file.

    Args:
        picture: of Pillow, or uint8 (H, W), (H, W, 3) or (H, W, 4), or bool (H, W).
        kind: `"JPEG"` or `"PNG"`.
        **options: of Pillow, such as `quality` or `compress_level`.

    Example:
        >>> import numpy as np
        >>> from kerascope.dataset.decoding.photograph import decode, encode
        >>> decode(encode(np.zeros((2, 3, 3), "uint8"), "PNG")).pixels.shape
        (2, 3, 3)
    """
    if isinstance(picture, np.ndarray):
        from PIL.Image import fromarray

        picture = fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
