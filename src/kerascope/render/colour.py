"""Colour maps as lookup tables of 256 colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kerascope.errors import MissingPackageError, ParameterError, nearest

ONE_SIGNED = "turbo"
"""The default colours of maps that are never negative, up to `BRIGHT`."""

BRIGHT = 0.88
"""End of the default colours: turbo's last, a dark red, is lost on dark photographs."""

FINE = "inferno"
"""The default colours of maps with a value per pixel and channel, on which many hues are hard to read."""

SIGNED = "RdBu_r"
"""The default colours of maps of both signs: blue below zero, a light grey at zero, red above."""

MISSING = (200, 200, 200)
"""The grey of maps that are flat or not finite."""

CENTRE = 128
"""The entry for zero in a signed table; entries 1 to 255 run from -1 to 1."""

Table = npt.NDArray[np.uint8]


def colour_table(colormap: Any = None, signed: bool = False) -> Table:
    """Return 256 colours of a matplotlib colour map.

    An unsigned table runs from 0 (entry 0) to 1 (entry 255). A signed table runs from -1 (entry 1)
    over zero (entry 128, exactly the middle colour) to 1 (entry 255); its entry 0 repeats entry 1.

    Args:
        colormap: a name known to matplotlib ("turbo", "jet", "RdBu_r"), a matplotlib `Colormap`, or
            a table, uint8 (256, 3), which needs no matplotlib. Default None: "turbo" without its last,
            darkest reds, or "RdBu_r" if signed.
        signed: whether the map has both signs. Default False.

    Returns:
        uint8 (256, 3), red, green, blue.

    Raises:
        ParameterError: an unknown colour map, or a table of another shape or type.
        MissingPackageError: matplotlib is not installed.

    Cost: one evaluation of 256 colours; reuse the table to paint often.

    Source: "turbo", Mikhailov 2019; "RdBu", ColorBrewer.

    Example:
        >>> colour_table("gray")[255].tolist()
        [255, 255, 255]
        >>> colour_table(signed=True)[128].tolist()
        [247, 247, 247]
    """
    if isinstance(colormap, np.ndarray):
        if colormap.shape != (256, 3) or colormap.dtype != np.uint8:
            raise ParameterError(
                "a colour table must be a uint8 array of shape (256, 3), "
                f"got {colormap.dtype} {colormap.shape}; or give the name of a colour map"
            )
        return colormap
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingPackageError("matplotlib", extra="plot") from error
    last = 1.0
    if colormap is None:
        colormap, last = (SIGNED, 1.0) if signed else (ONE_SIGNED, BRIGHT)
    if isinstance(colormap, str):
        if colormap not in mpl.colormaps:
            raise ParameterError(
                f"colormap must be the name of a matplotlib colour map, got {colormap!r}; "
                + nearest(colormap, mpl.colormaps)
            )
        colormap = mpl.colormaps[colormap]
    elif not (callable(colormap) and hasattr(colormap, "resampled")):
        raise ParameterError(
            "colormap must be a name, a matplotlib Colormap or a uint8 (256, 3) array, "
            f'got {type(colormap).__name__}; try colormap="{SIGNED if signed else ONE_SIGNED}"'
        )
    if signed:  # an odd number of colours has a middle one
        colours = colormap.resampled(255)(np.arange(255), bytes=True)
        colours = np.concatenate([colours[:1], colours])
    else:
        colours = colormap(np.linspace(0, last, 256), bytes=True)
    table: Table = np.ascontiguousarray(colours[:, :3], dtype=np.uint8)
    return table


def table_index(relevance: npt.NDArray[Any], signed: bool = False) -> npt.NDArray[np.uint8]:
    """Return the table entry of each relevance: round(255 x), or 128 + round(127 x) if signed.

    Args:
        relevance: float, any shape, [0, 1], or [-1, 1] if signed; other values are clipped, and NaN has
            the entry of zero.
        signed: whether the table is signed. Default False.

    Returns:
        uint8, the shape of `relevance`.
    """
    low, size = (-1.0, 127.0) if signed else (0.0, 255.0)
    scaled = np.clip(relevance, low, 1.0)
    if not np.isfinite(scaled.sum()):  # only NaN is left after clipping
        scaled = np.nan_to_num(scaled, nan=0.0)
    scaled = np.multiply(scaled, np.float32(size), out=scaled if scaled.dtype == np.float32 else None)
    scaled += np.float32((CENTRE if signed else 0) + 0.5)
    index: npt.NDArray[np.uint8] = scaled.astype(np.uint8)
    return index  # all positive: truncation after adding a half rounds


def apply(table: Table, relevance: npt.NDArray[Any], signed: bool = False) -> npt.NDArray[np.uint8]:
    """Paint relevance with a lookup table.

    Args:
        table: uint8 (256, 3), from `colour_table` with the same `signed`.
        relevance: float (N, H, W), or any shape, [0, 1], or [-1, 1] if signed; clipped.
        signed: whether relevance has both signs. Default False.

    Returns:
        uint8 (N, H, W, 3); light grey where relevance is NaN.

    Cost: one table lookup per pixel.

    Example:
        >>> apply(colour_table("gray"), np.array([[0.0, 1.0, np.nan]])).tolist()
        [[[0, 0, 0], [255, 255, 255], [200, 200, 200]]]
    """
    relevance = np.asarray(relevance)
    colours = table.take(table_index(relevance, signed), axis=0)
    missing = np.isnan(relevance)
    if missing.any():
        colours[missing] = MISSING
    return colours
