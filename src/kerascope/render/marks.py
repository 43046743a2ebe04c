"""The marks on maps that say nothing, so that nobody reads something into them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kerascope.render.colour import MISSING

SAYS_SOMETHING, FLAT, NOT_FINITE = 0, 1, 2

WORDS = {FLAT: "flat map", NOT_FINITE: "not finite"}
"""What is written on a marked map in a figure."""

_LIGHT, _DARK = 235, 70


def hatching(height: int, width: int, state: int) -> tuple[npt.NDArray[np.bool_], ...]:
    """Where the light and the dark lines of a mark run, bool (H, W) each.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        state: `FLAT` for diagonal lines, `NOT_FINITE` for lines both ways.

    Returns:
        (light, dark), thin neighbouring lines, so that one of them is seen on any photograph.
    """
    side = min(height, width)
    period = max(6, round(side / 9))
    thick = max(1, round(side / 220))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    light = (columns + rows) % period < thick
    dark = (columns + rows - thick) % period < thick
    if state == NOT_FINITE:
        light |= (columns - rows) % period < thick
        dark |= (columns - rows - thick) % period < thick
    return light, dark & ~light


def mark(picture: npt.NDArray[np.uint8], state: int, plain: bool = False) -> None:
    """Hatch one picture in place; what lies between the lines is left as it is.

    Args:
        picture: uint8 (H, W, 3), changed.
        state: `FLAT` or `NOT_FINITE`.
        plain: first paint everything grey. Default False.
    """
    if plain:
        picture[...] = MISSING
    light, dark = hatching(picture.shape[0], picture.shape[1], state)
    picture[light] = _LIGHT
    picture[dark] = _DARK
