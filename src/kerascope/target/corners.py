"""Boxes as corners, and how far they overlap."""

from __future__ import annotations

from typing import Any

from keras import ops

FORMATS = ("xyxy", "xywh", "cxcywh")
"""Corners; a corner, width and height; the centre, width and height."""


def corners(boxes: Any, format: str, numpy: Any = ops) -> Any:
    """Boxes (..., 4) as left, top, right, bottom.

    Args:
        boxes: in the given format.
        format: one of `FORMATS`.
        numpy: the module that works on them: `keras.ops`, or NumPy for arrays.
    """
    if format == "xyxy":
        return boxes
    start, size = boxes[..., :2], boxes[..., 2:]
    if format == "cxcywh":
        start = start - size / 2
    return numpy.concatenate([start, start + size], axis=-1)


def overlaps(one: Any, other: Any) -> Any:
    """Intersection over union of boxes (..., 4) given as corners; 0 for a box without an area.

    Args:
        one: boxes, of a shape that fits `other`.
        other: boxes.
    """
    low = ops.maximum(one[..., :2], other[..., :2])
    high = ops.minimum(one[..., 2:], other[..., 2:])
    shared = _area(low, high)
    union = _area(one[..., :2], one[..., 2:]) + _area(other[..., :2], other[..., 2:]) - shared
    return ops.where(union > 0, shared / ops.where(union > 0, union, 1.0), 0.0)


def _area(low: Any, high: Any) -> Any:
    sides = ops.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]
