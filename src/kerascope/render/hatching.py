"""Hatching of maps that are flat or not finite, so that nobody reads anything into them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kerascope.render.colour import MISSING

INFORMATIVE, FLAT, NOT_FINITE = 0, 1, 2

WORDS = {FLAT: "flat map", NOT_FINITE: "not finite"}
"""Text on a hatched map in a figure."""

_LIGHT, _DARK = 235, 70


def hatching_lines(
    height: int, width: int, state: int, box: tuple[int, int, int, int] | None = None
) -> tuple[npt.NDArray[np.bool_], ...]:
    """Return masks of the light and the dark lines, bool (H, W) each, or of the size of the box.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        state: `FLAT` for diagonal lines, `NOT_FINITE` for lines both ways.
        box: top, left, bottom and right of a part of the picture; None for all of it.

    Returns:
        (light, dark), thin neighbouring lines, one of which is visible on any photograph.
    """
    side = min(height, width)
    period = max(6, round(side / 9))
    thick = max(1, round(side / 220))
    top, left, bottom, right = box or (0, 0, height, width)
    rows, columns = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
    light = (columns + rows) % period < thick
    dark = (columns + rows - thick) % period < thick
    if state == NOT_FINITE:
        light |= (columns - rows) % period < thick
        dark |= (columns - rows - thick) % period < thick
    return light, dark & ~light


def mark(
    picture: npt.NDArray[np.uint8],
    state: int,
    plain: bool = False,
    whole: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
) -> None:
    """Hatch one picture in place; pixels between the lines do not change.

    Args:
        picture: uint8 (H, W, 3), changed.
        state: `FLAT` or `NOT_FINITE`.
        plain: first paint everything grey. Default False.
        whole: (H, W) of the picture that this is a part of. Default None: this picture.
        at: top and left of the part.
    """
    if plain:
        picture[...] = MISSING
    height, width = picture.shape[:2]
    top, left = at
    rows, columns = whole or (height, width)
    light, dark = hatching_lines(rows, columns, state, (top, left, top + height, left + width))
    picture[light] = _LIGHT
    picture[dark] = _DARK
