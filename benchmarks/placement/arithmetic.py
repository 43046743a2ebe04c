"""Where cells look by the arithmetic of receptive fields: from kernels, strides and padding.

Behind a window of k cells with the stride s and p cells of padding in front,

    start' = start + ((k - 1) / 2 - p) step,   step' = s step,   width' = width + (k - 1) step.

What weights do with the parts of the field is left out, which is why it is only compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from keras import layers

from kerascope.placement import AxisPlacement, Placement, stretch
from kerascope.probe.graph.graph import UNKNOWN, Graph, LayerCall


class Field(NamedTuple):
    """Centre of the first cell, distance of two, and width of what one sees, in pixels along an axis."""

    start: float = 0.5
    step: float = 1.0
    width: float = 1.0


def place_by_arithmetic(graph: Graph, call: LayerCall) -> Placement:
    """The placement of a layer's cells by receptive fields."""
    assert graph.image is not None
    assert call.layout is not None
    axes, seen = [], []
    fields = find_fields(graph)[call.number] or ()
    for field, cells, side in zip(fields, call.layout.spatial, graph.image, strict=True):
        axes.append(AxisPlacement(cells, field.start, field.step))
        last = field.start + (cells - 1) * field.step
        seen.append((round(max(0, field.start - field.width / 2)), round(min(side, last + field.width / 2))))
    return replace(stretch(call.layout.spatial, graph.image), axes=tuple(axes), seen=tuple(seen))


def find_fields(graph: Graph) -> list[tuple[Field, ...] | None]:
    """The fields of each call along each axis of the image; of several sources, the first one counts."""
    image = tuple(Field() for _ in graph.image or ())
    found: list[tuple[Field, ...] | None] = []
    for call in graph.calls:
        if 0 <= call.producer < call.number:
            found.append(found[call.producer])
            continue
        known = [source for source in call.sources if source != UNKNOWN]
        places = [(image, graph.image) if source < 0 else _look_up(graph, source, found) for source in known]
        fields, sizes = next(((fields, sizes) for fields, sizes in places if fields), (None, None))
        after = call.layout.spatial if call.layout else ()
        if not fields or not sizes or len(sizes) != len(fields) or len(after) != len(fields):
            found.append(fields)
            continue
        operation = call.layer.operation
        found.append(
            tuple(
                _pass(operation, axis, *values)
                for axis, values in enumerate(zip(fields, sizes, after, strict=True))
            )
        )
    return found


def _look_up(
    graph: Graph, source: int, found: Sequence[tuple[Field, ...] | None]
) -> tuple[tuple[Field, ...] | None, tuple[int, ...] | None]:
    layout = graph.calls[source].layout
    return found[source], layout.spatial if layout else None


def _pass(operation: object, axis: int, field: Field, before: int, after: int) -> Field:
    """The field behind a layer, along one axis of `before` cells that become `after`."""
    start, step, width = field
    if isinstance(operation, layers.ZeroPadding2D):
        return Field(start - operation.padding[axis][0] * step, step, width)
    if isinstance(operation, layers.Cropping2D):
        return Field(start + operation.cropping[axis][0] * step, step, width)
    if isinstance(operation, layers.Resizing | layers.UpSampling2D):
        finer = step * before / after
        return Field(start + (finer - step) / 2, finer, width)
    sides = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if sides is None or isinstance(operation, layers.Conv2DTranspose):
        return field
    dilation = getattr(operation, "dilation_rate", 1)
    reach = (_along(sides, axis) - 1) * _along(dilation, axis)
    stride = _along(operation.strides, axis)  # type: ignore[attr-defined]
    padding = 0
    if operation.padding == "same":  # type: ignore[attr-defined]
        padding = max((-(-before // stride) - 1) * stride + reach + 1 - before, 0) // 2
    return Field(start + (reach / 2 - padding) * step, stride * step, width + reach * step)


def _along(value: int | Sequence[int], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]
