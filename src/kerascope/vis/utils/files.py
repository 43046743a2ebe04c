"""Image files, text on pictures, and names of classes. All names are also in `utils.utils`.

Deviations from keras-vis: Pillow replaces scikit-image and a search through all system fonts; a picture is
RGB or grey, in bytes, for any file (keras-vis returned four channels for some files, and for grey ones floats
up to 1, which resizing changed to zero).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.typing import Array

if TYPE_CHECKING:
    from PIL import ImageFont


def load_img(
    path: str | os.PathLike[str], grayscale: bool = False, target_size: Sequence[int] | None = None
) -> Array:
    """Load a picture from a file.

    Args:
        path: of a picture that Pillow reads.
        grayscale: return grey instead of colour.
        target_size: (height, width) to resize to, bilinear; None for the size of the file.

    Returns:
        uint8 (H, W, 3), or (H, W) in grey.

    Raises:
        MissingPackageError: Pillow is not installed.
        FileNotFoundError: there is no such file.
        InputError: the file is not a picture.
    """
    image = _pillow()
    try:
        with image.open(path) as file:
            picture = file.convert("L" if grayscale else "RGB")
    except image.UnidentifiedImageError as error:
        raise errors.InputError(
            f"the file must be a picture that Pillow reads; got {os.fspath(path)!r} ({error})."
        ) from error
    if target_size is not None:
        height, width = target_size
        picture = picture.resize((width, height), image.Resampling.BILINEAR)
    return np.array(picture)


def draw_text(
    img: Array,
    text: str,
    position: tuple[int, int] = (10, 10),
    font: str = "FreeSans.ttf",
    font_size: int = 14,
    color: tuple[int, int, int] = (0, 0, 0),
) -> Array:
    """Write text on a picture.

    Args:
        img: uint8 (H, W, 3), (H, W, 1) or (H, W); it does not change.
        text: to write.
        position: (x, y) of its upper left corner, in pixels.
        font: file name of a font that Pillow finds; otherwise Pillow's own font is used and logged.
        font_size: in pixels.
        color: (red, green, blue); on a grey picture their mean.

    Returns:
        A new picture of the same shape and type.

    Raises:
        MissingPackageError: Pillow is not installed.
        InputError: `img` is not a picture in bytes.
    """
    image = _pillow()
    img = np.asarray(img)
    grey = img.ndim == 2 or (img.ndim == 3 and img.shape[-1] == 1)
    if img.dtype != np.uint8 or not (grey or (img.ndim == 3 and img.shape[-1] == 3)):
        raise errors.InputError(
            "a picture to write on must be uint8 of shape (H, W, 3), (H, W, 1) or (H, W); got "
            f"{img.dtype} {img.shape}; see deprocess_input."
        )
    from PIL import ImageDraw

    canvas = image.fromarray(img.reshape(img.shape[:2]) if grey else img)
    ink = round(sum(color) / len(color)) if grey else tuple(color)
    ImageDraw.Draw(canvas).text(position, text, fill=ink, font=_font(font, font_size))
    return np.array(canvas).reshape(img.shape)


def lookup_imagenet_labels(indices: int | Sequence[int]) -> list[str]:
    """Return names of ImageNet classes.

    Args:
        indices: a class index, or several, from 0 to 999.

    Returns:
        One name per index.

    Raises:
        TargetError: no class has this index.
        ConnectionError: Keras has not cached the list of names, and the network does not respond.

    Cost:
        Keras downloads the list once, 35 kB, and caches it.
    """
    from keras.applications import imagenet_utils

    array = np.atleast_1d(np.asarray(indices))
    if array.dtype.kind not in "iu" or array.min(initial=0) < 0 or array.max(initial=0) > 999:
        raise errors.TargetError(f"an ImageNet class must be a whole number from 0 to 999; got {indices!r}.")
    try:
        predictions = imagenet_utils.decode_predictions(np.eye(1000, dtype="float32")[array], top=1)
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise ConnectionError(
            "the names of the ImageNet classes must be in Keras's cache or the network must respond; "
            f"{error}; put imagenet_class_index.json into ~/.keras/models."
        ) from error
    return [str(row[0][1]) for row in predictions]


def _font(name: str, size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(name, size)
    except OSError:
        logging.getLogger(__name__).info("the font %r was not found; Pillow's own font is used", name)
        return ImageFont.load_default(size)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise errors.MissingPackageError("PIL", "plot") from error
    return Image
