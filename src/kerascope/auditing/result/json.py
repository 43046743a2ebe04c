"""Conversion of values to JSON: dataclasses, arrays, and small pictures as PNG files in text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from kerascope.dataset.decoding.photograph import encode
from kerascope.typing import Array


def to_json(value: Any) -> Any:
    """Dataclasses, arrays and mappings as values of JSON; masks and pictures as PNG files in base 64."""
    if isinstance(value, np.ndarray):
        if value.dtype in (np.bool_, np.uint8):
            return base64.b64encode(encode(value, "PNG")).decode("ascii")
        return np.round(value, 5).tolist()
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_json(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, float | np.floating):
        return None if not np.isfinite(value) else round(float(value), 6)
    return value.item() if isinstance(value, np.generic) else value


def to_pixels(text: str | None, mask: bool = False) -> Array | None:
    """The mask or picture of a PNG file in base 64."""
    from PIL import Image

    if text is None:
        return None
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    return np.asarray(picture).astype(bool) if mask else np.asarray(picture.convert("RGB"))
