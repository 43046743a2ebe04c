"""Values as JSON takes them: dataclasses, arrays, and small pictures as PNG files in text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from kerascope.dataset.decoding.photograph import encode
from kerascope.typing import Array


def plain(value: Any) -> Any:
    """Dataclasses, arrays and mappings as JSON takes them; pictures as PNG files in text."""
    if isinstance(value, np.ndarray):
        return _text(value) if value.dtype in (np.bool_, np.uint8) else np.round(value, 5).tolist()
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return None if not np.isfinite(value) else round(float(value), 6)
    return value.item() if isinstance(value, np.generic) else value


def _text(pixels: Array) -> str:
    """A mask or picture as a PNG file in base 64."""
    return base64.b64encode(encode(pixels, "PNG")).decode("ascii")


def pixels(text: str | None, mask: bool = False) -> Array | None:
    """The picture of `_text`."""
    from PIL import Image

    if text is None:
        return None
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    return np.asarray(picture).astype(bool) if mask else np.asarray(picture.convert("RGB"))
