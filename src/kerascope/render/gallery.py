"""Sheets of captioned pictures, and animations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.render.display import display_images
from kerascope.render.figure import check_panel
from kerascope.validation import check_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 8
"""The most pictures side by side by default."""


def gallery(
    pictures: npt.ArrayLike,
    titles: Sequence[str],
    numbers: Sequence[str] = (),
    *,
    columns: int | None = None,
    panel: float = 1.6,
    title: str | None = None,
) -> Figure:
    """Draw pictures in rows, each with a title.

    Args:
        pictures: (N, H, W, C), see `display_images`, or signals (N, T, C), drawn as lines.
        titles: a text for each picture.
        numbers: a smaller text for each picture, below its title.
        columns: pictures side by side. Default None: up to 8, in rows of even length.
        panel: width of a picture in inches. Default 1.6.
        title: above the page.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ExplanationError: `pictures` are neither pictures nor signals.
        ParameterError: there is not one title per picture, or `columns` is below 1.
        MissingPackageError: matplotlib is not installed.

    Cost: some hundredths of a second per picture.

    Example:
        >>> import numpy as np, kerascope as ks
        >>> figure = ks.render.gallery(np.zeros((3, 4, 4, 1)), ["one", "two", "three"], columns=2)
    """
    try:
        from kerascope.render.page import PanelRow, make_page
        from kerascope.render.panels import Cell
    except ImportError as error:
        raise MissingPackageError("matplotlib", extra="plot") from error

    check_panel(panel)
    array = np.asarray(pictures)
    if array.ndim not in (3, 4):
        raise ExplanationError(
            f"a gallery needs pictures (N, H, W, C) or signals (N, T, C); got {array.shape}; take slices of "
            "volumes first."
        )
    numbers = list(numbers) or [""] * len(titles)
    if not len(titles) == len(numbers) == len(array):
        raise ParameterError(
            f"there must be a title for each picture; got {len(titles)} for {len(array)} pictures."
        )
    if columns is not None:
        check_whole(columns, "columns")
    rows = math.ceil(len(array) / (columns or WIDE))
    wide = columns or math.ceil(len(array) / rows)
    cells = [
        Cell(**_content(picture), title=text, number=number)
        for picture, text, number in zip(array, titles, numbers, strict=True)
    ]
    strips = [cells[first : first + wide] for first in range(0, len(cells), wide)]
    panel_rows = [PanelRow(strip + [Cell()] * (wide - len(strip)), gap=0.2) for strip in strips]
    return make_page(panel_rows, panel=panel, title=title)


def save_gif(frames: npt.NDArray[np.uint8], path: Path, milliseconds: int = 120, pause: int = 1000) -> Path:
    """Write pictures as an animated GIF that loops.

    Args:
        frames: uint8 (M, H, W, 3).
        path: the file.
        milliseconds: duration of each frame.
        pause: additional milliseconds of the last frame.

    Returns:
        The path of the file.

    Raises:
        ExplanationError: `frames` have another shape or type.
        MissingPackageError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingPackageError("pillow", extra="plot") from error
    if frames.ndim != 4 or frames.shape[-1] != 3 or not len(frames) or frames.dtype != np.uint8:
        raise ExplanationError(
            "an animation needs uint8 pictures (M, H, W, 3), at least one; got "
            f"{frames.dtype} {frames.shape}."
        )
    images = [Image.fromarray(frame) for frame in frames]
    durations = [milliseconds] * (len(images) - 1) + [milliseconds + pause]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, format="GIF")
    return path


def _content(picture: npt.NDArray[Any]) -> dict[str, Any]:
    if picture.ndim == 2:
        background = np.full((1, len(picture), 3), 255, "uint8")
        return {"picture": background, "sequence": True, "series": picture}
    return {"picture": display_images(picture[None])[0]}
