"""Grey DICOM: stored numbers as 8 bits, by the window or the tables of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerascope.dataset.decoding.bit_depth import Window, find_extremes, tiles
from kerascope.typing import Array


def find_grey_conversion(
    values: Array, header: Any, frame: int, notes: list[str]
) -> Callable[[Array], Array]:
    """Find how a viewer shows the grey numbers of a frame: a function from stored numbers to 8 bits.

    Args:
        values: stored numbers (H, W) of the frame.
        header: of the file.
        frame: from 0.
        notes: to which a line is added that says how.
    """
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    rescaling = _find_group(header, frame, "PixelValueTransformationSequence", "RescaleSlope")
    view = _find_group(header, frame, "FrameVOILUTSequence", "WindowCenter")
    table = bool(header.get("ModalityLUTSequence"))
    slope = float(rescaling.get("RescaleSlope") or 1)
    intercept = float(rescaling.get("RescaleIntercept") or 0)

    def to_modality(part: Array) -> Array:
        if table:
            found: Array = apply_modality_lut(part, header)
            return found
        return part if (slope, intercept) == (1, 0) else part.astype("float64") * slope + intercept

    how = "its table" if table else f"slope {slope:g} and intercept {intercept:g}"
    if header.get("VOILUTSequence"):
        bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
        notes.append(f"shown by {how}, and the first table that is stored for viewing")
        full = Window(0, 2**bits - 1)
        return lambda part: full(apply_voi(to_modality(part), header))
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
                    255 / (1 + np.exp(np.clip(-4 * (to_modality(part) - centre) / width, -700, 700)))
                ).astype("uint8")
            if function == "LINEAR":
                centre, width = centre - 0.5, width - 1
            window = Window(centre - width / 2, centre + width / 2)
            if width == 0:
                return lambda part: np.where(to_modality(part) > centre, 255, 0).astype("uint8")
            return lambda part: window(to_modality(part))
        notes.append("its stored window has no width")
    bits = int(header.BitsStored)
    if bits <= 8 and not header.get("PixelRepresentation") and not table and (slope, intercept) == (1, 0):
        return Window(0, 2**bits - 1)
    padding = _padding_range(header)
    low, high, _ = find_extremes(
        to_modality(known)
        for left, top, right, bottom in tiles(values.shape[1], values.shape[0])
        if (known := _drop_padding(values[top:bottom, left:right], padding)).size
    )
    notes.append(f"shown by {how}; no window is stored, so {low:g} is the least and {high:g} the greatest")
    window = Window(low, high)
    return lambda part: window(to_modality(part))


def _find_group(header: Any, frame: int, name: str, element: str) -> Any:
    """Find elements about a frame: with the frame, with all frames, or in the header itself."""
    every = header.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*every[frame : frame + 1], *(header.get("SharedFunctionalGroupsSequence") or [])[:1]]:
        found = group.get(name)
        if found and element in found[0]:
            return found[0]
    return header


def _padding_range(header: Any) -> tuple[float, float] | None:
    """The least and the greatest number that only fills the frame; None where there is none."""
    found = [header.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    known = [float(value) for value in found if isinstance(value, int)]
    return (min(known), max(known)) if known else None


def _drop_padding(values: Array, padding: tuple[float, float] | None) -> Array:
    if padding is None:
        return values
    return values[(values < padding[0]) | (values > padding[1])]
