"""Overlays: photographs under their heat maps, drawn part by part and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.dataset.decoding.bit_depth import Tile, tiles
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.options import Picture
from kerascope.dataset.photograph_errors import convert_errors
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.reading.photograph_reader import open_photograph
from kerascope.dataset.writing.signature import signature_options
from kerascope.dataset.writing.store import Store
from kerascope.explanation import Explanation
from kerascope.resize import neighbours
from kerascope.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

    from kerascope.dataset.running.images import PreparedImage


_QUALITY = 90
_ALPHA = 0.5
_FINEST = 1024
"""Cells along each side of the finest map that is painted."""
_LONGEST = 65_500
"""The most pixels along a side of a JPEG file."""


class Overlays:
    """Draws and writes overlays, in any thread."""

    def __init__(self, store: Store, kind: Picture) -> None:
        self._store = store
        self._kind = kind
        self._paint: Any = None

    def draw(self, prepared: PreparedImage, explanation: Explanation) -> list[str]:
        """Write the photograph under the map of each explained class.

        Returns:
            Paths in the store.
        """
        frame = prepared.frame
        if frame is None:
            return []
        if prepared.photograph is not None:
            return self._write(prepared, prepared.photograph.picture, frame, explanation)
        with open_photograph(prepared.item.location) as (photograph, digest):
            if digest != prepared.row["digest"]:
                raise errors.PhotographError("the file is another one now")
            drawn = self._write(prepared, photograph.picture, frame, explanation)
            del photograph
            return drawn

    def _write(
        self, prepared: PreparedImage, picture: Image, frame: Frame, explanation: Explanation
    ) -> list[str]:
        if self._kind == "jpg" and max(picture.size) > _LONGEST:
            raise errors.PhotographError(
                f"a JPEG file must have at most {_LONGEST:,} pixels a side; got {picture.width} x "
                f"{picture.height}; draw overlays as png"
            )
        folder, _, stem = prepared.item.name.rpartition("/")
        # No folder is called like a picture, which would be in the way of one.
        folder = folder.replace(f".{self._kind}", f"_{self._kind}")
        if self._paint is None:
            from kerascope.render.overlay import Paint, has_both_signs, table_of

            self._paint = Paint(table_of(explanation), _ALPHA, has_both_signs(explanation))
        paths = []
        several = explanation.scores.size > 1
        for rank, drawn in enumerate(paint_overlays(explanation, picture, frame, self._paint), start=1):
            more = f"-{rank}" if several else ""
            name = f"{folder}/{prepared.index:06d}_{stem}{more}.{self._kind}".lstrip("/")
            paths.append(self._store.write_overlay(name, self._encode(drawn)))
        return paths

    def _encode(self, picture: Image) -> bytes:
        with convert_errors("a picture must be one that can be written"):
            if self._kind == "jpg":
                return encode(picture, "JPEG", quality=_QUALITY, **signature_options("JPEG"))
            return encode(picture, "PNG", compress_level=3, **signature_options("PNG"))


def paint_overlays(explanation: Explanation, picture: Image, frame: Frame, paint: Any) -> Iterator[Image]:
    """Paint a whole photograph under each map of one image, faded outside the model's image.

    It is painted part by part, from a map of at most `_FINEST` cells a side, or as fine as the model's image,
    so that only the result is as large as the photograph.

    Returns:
        Of Pillow, one for each explained class.
    """
    from PIL import Image

    from kerascope.render.overlay import relevance_of

    own = tuple(explanation.input_size)
    size = tuple(
        min(side, max(_FINEST, has))
        for side, has in zip(frame.size, own if len(own) == 2 else (0, 0), strict=True)
    )
    relevance = relevance_of(explanation, size=size)
    rows, columns = frame.visible
    for values, state in zip(
        relevance.maps.reshape(-1, *size), relevance.states.reshape(-1).tolist(), strict=True
    ):
        whole = Image.new("RGB", picture.size)
        for box in _boxes(rows, columns):
            part = _paint_part(np.asarray(picture.crop(box)), values, box, frame, paint, state)
            whole.paste(Image.fromarray(part), box)
        for strip in frame.hidden:
            for box in _boxes(*strip, frame):
                part = (np.asarray(picture.crop(box)) >> 1) + np.uint8(112)
                whole.paste(Image.fromarray(part), box)
        yield whole


def _paint_part(pixels: Array, values: Array, box: Tile, frame: Frame, paint: Any, state: int) -> Array:
    """Paint a part of a photograph under its part of a map."""
    from kerascope.render.hatching import INFORMATIVE, mark

    left, top, right, bottom = box
    places = [
        [weights[first - begin : last - begin] for weights in neighbours(old, new)]
        for old, new, begin, first, last in zip(
            values.shape, frame.size, (frame.top, frame.left), (top, left), (bottom, right), strict=True
        )
    ]
    shown: Array = paint(pixels, _interpolate(values, *places))
    if state != INFORMATIVE:
        rows, columns = frame.visible
        size = rows.stop - rows.start, columns.stop - columns.start
        mark(shown, state, whole=size, at=(top - rows.start, left - columns.start))
    return shown


def _interpolate(values: Array, rows: Sequence[Array], columns: Sequence[Array]) -> Array:
    """Interpolate a part of a map."""
    for axis, (below, above, share) in enumerate((rows, columns)):
        if not share.any():
            values = values.take(below, axis)
            continue
        part = share.astype("float32")
        part = part[:, None] if axis == 0 else part
        values = values.take(below, axis) * (1 - part) + values.take(above, axis) * part
    return values


def _boxes(rows: slice, columns: slice, frame: Frame | None = None) -> Iterator[Tile]:
    """Yield small boxes that cover some rows and columns of a photograph."""
    top, bottom, _ = rows.indices(frame.height if frame else rows.stop)
    left, right, _ = columns.indices(frame.width if frame else columns.stop)
    for box in tiles(right - left, bottom - top):
        yield box[0] + left, box[1] + top, box[2] + left, box[3] + top
