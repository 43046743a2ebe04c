"""Photographs under their maps, drawn and written."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.frame import Frame
from kerascope.dataset.guard import guarded
from kerascope.dataset.options import Picture
from kerascope.dataset.photograph import Photograph, decode, encode
from kerascope.dataset.prepared import Prepared
from kerascope.dataset.signature import signed
from kerascope.dataset.store import Store
from kerascope.explanation import Explanation

Array = np.ndarray[Any, Any]

_QUALITY = 90
_ALPHA = 0.5


class Overlays:
    """Draws photographs under their maps; it may run in any thread.

    Args:
        store: where they are written.
        kind: of the files.
    """

    def __init__(self, store: Store, kind: Picture) -> None:
        self._store = store
        self._kind = kind
        self._paint: Any = None

    def draw(self, prepared: Prepared, explanation: Explanation) -> list[str]:
        """Write the photograph under the map of each explained class; paths in the store.

        Raises:
            PhotographError: the file is gone, or another one, or its picture cannot be drawn.
        """
        frame = prepared.frame
        if frame is None:
            return []
        photograph = prepared.photograph or self._again(prepared)
        folder, _, stem = prepared.item.name.rpartition("/")
        if self._paint is None:
            from kerascope.render.overlay import Paint, has_both_signs, table_of

            self._paint = Paint(table_of(explanation), _ALPHA, has_both_signs(explanation))
        drawn = painted(explanation, photograph.pixels, frame, self._paint)
        paths = []
        for rank, picture in enumerate(drawn):
            more = f"-{rank + 1}" if len(drawn) > 1 else ""
            name = f"{folder}/{prepared.index:06d}_{stem}{more}.{self._kind}".lstrip("/")
            paths.append(self._store.overlay(name, self._encoded(picture)))
        return paths

    def _again(self, prepared: Prepared) -> Photograph:
        content = prepared.item.read()
        if hashlib.sha256(content).hexdigest() != prepared.row["digest"]:
            raise errors.PhotographError("a file must stay what it was; this one is another one now.")
        return decode(content)

    def _encoded(self, picture: Array) -> bytes:
        with guarded("a picture must be one that can be written"):
            if self._kind == "jpg":
                return encode(picture, "JPEG", quality=_QUALITY, **signed("JPEG"))
            return encode(picture, "PNG", compress_level=3, **signed("PNG"))


def painted(explanation: Explanation, pixels: Array, frame: Frame, paint: Any) -> list[Array]:
    """A whole photograph under each map of one image: faded where the model was shown nothing.

    Args:
        explanation: of one image.
        pixels: uint8 (H, W, 3), the upright photograph.
        frame: where the model's image lies in it.
        paint: `kerascope.render.overlay.Paint`, for the signs of the explanation.

    Returns:
        uint8 (H, W, 3), one for each explained class.
    """
    from kerascope.render.marks import SAYS_SOMETHING, mark
    from kerascope.render.overlay import relevance_of

    relevance = relevance_of(explanation, size=frame.size)
    maps = frame.trimmed(relevance.maps).reshape(-1, *(one.stop - one.start for one in frame.seen))
    pictures = []
    for values, state in zip(maps, relevance.states.reshape(-1), strict=True):
        shown = paint(pixels[frame.seen], values)
        if state != SAYS_SOMETHING:
            mark(shown, int(state))
        if shown.shape != pixels.shape:
            whole = np.empty_like(pixels)
            for beside in frame.unseen:
                whole[beside] = (pixels[beside] >> 1) + np.uint8(112)
            whole[frame.seen] = shown
            shown = whole
        pictures.append(shown)
    return pictures
