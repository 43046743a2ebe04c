"""Panels of a page: a picture, lines over a coloured background, words, or a colour bar.

This module needs matplotlib; it ignores the user's style for grids, layout and origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from kerascope.render.colour import Table
from kerascope.render.display import RGBImages
from kerascope.render.overlay import PERCENTILE

INK, QUIET, FRAME = "#1a1a1a", "#5f5f5f", "#b8b8b8"
SMALL, TINY = 8.5, 7.5  # points
BAR = 0.075  # inches, the thickness of a colour bar
CRISP_BELOW = 64  # pixels: smaller images show their pixels


@dataclass(frozen=True)
class Bar:
    """A colour bar.

    Attributes:
        table: the colours.
        signed: whether the values have both signs.
        top: label of the last colour.
        clipped: whether larger values have the last colour too.
    """

    table: Table
    signed: bool
    top: str
    clipped: bool = False

    def without_unit(self) -> Bar:
        """Return a bar for maps that end at different numbers."""
        return replace(self, top=f"p{PERCENTILE}" if self.clipped else "max")

    @property
    def labels(self) -> list[str]:
        """The labels of its ticks."""
        less, more = ("≤", "≥") if self.clipped else ("", "")
        labels = [f"{less}\N{MINUS SIGN}{self.top}", "0", f"{more}{self.top}"]
        return labels if self.signed else labels[1:]


@dataclass(frozen=True)
class Cell:
    """One panel: a picture, or a line plot over coloured background, or only words.

    Attributes:
        picture: uint8 (H, W, 3), or (1, T, 3): the background of a sequence.
        sequence: whether the panel shows a sequence.
        series: (T, C), drawn as lines, if known.
        title: above the panel, wrapped to two lines.
        number: below the title, on one line.
        words: in the middle of the panel.
    """

    picture: RGBImages | None = None
    sequence: bool = False
    series: npt.NDArray[Any] | None = None
    title: str = ""
    number: str = ""
    words: str = ""

    @property
    def shape(self) -> float:
        """Height over width."""
        if self.picture is None:
            return 0.0
        height, width = self.picture.shape[:2]
        return 0.24 if self.sequence else float(np.clip(height / width, 0.25, 2.0))


Bounds = tuple[float, float, float, float]


def _axes(page: Figure, box: Bounds) -> Axes:
    """Axes at (x, y, width, height) in inches from the upper left corner."""
    width, height = page.get_size_inches()
    x, y, wide, high = box
    axes: Axes = page.add_axes((x / width, 1 - (y + high) / height, wide / width, high / height))
    axes.tick_params(length=2, width=0.5, pad=2, labelsize=TINY, labelcolor=QUIET, color=FRAME)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, color=FRAME)
    return axes


def draw_cell(page: Figure, box: Bounds, cell: Cell) -> None:
    """Draw a panel into a box; an empty cell draws nothing."""
    if cell.picture is None:
        if cell.words:  # left of the next panel
            x, y, wide, high = box
            width, height = page.get_size_inches()
            page.text(
                (x + wide - 0.05) / width, 1 - (y + high / 2) / height, cell.words, ha="right",
                va="center", size=SMALL, color=QUIET, parse_math=False, usetex=False,
            )  # fmt: skip
        return
    axes = _axes(page, box)
    if cell.sequence:
        _draw_sequence(axes, cell.picture, cell.series)
    else:
        crisp = max(cell.picture.shape[:2]) < CRISP_BELOW
        smooth = "nearest" if crisp else "auto"
        axes.imshow(cell.picture, interpolation=smooth, aspect="equal", origin="upper")
        axes.set(xticks=[], yticks=[])
    if cell.words:
        frame = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "none"}
        axes.text(
            0.5, 0.5, cell.words, transform=axes.transAxes, ha="center", va="center", size=SMALL,
            color=INK, parse_math=False, usetex=False, bbox=frame,
        )  # fmt: skip


def _draw_sequence(axes: Axes, background: RGBImages, series: npt.NDArray[Any] | None) -> None:
    low, high = 0.0, 1.0
    if series is not None:
        finite = series[np.isfinite(series)]
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
        room = 0.08 * (high - low) or 0.5
        low, high = low - room, high + room
    extent = (-0.5, background.shape[1] - 0.5, low, high)
    axes.imshow(background, extent=extent, aspect="auto", origin="upper", zorder=0)
    axes.set_yticks([])
    if series is None:
        return
    few = series.shape[1] <= 8
    halo = [Stroke(linewidth=2.2, foreground="white", alpha=0.7), Normal()] if few else None
    for channel, line in enumerate(np.moveaxis(series, 1, 0)):
        shade = str(0.1 + 0.45 * channel / max(series.shape[1] - 1, 1))
        axes.plot(line, "-", color=shade, lw=1.0, alpha=1.0 if few else 0.5, path_effects=halo)
    axes.set(xlim=extent[:2], ylim=extent[2:])


def draw_bar(page: Figure, box: Bounds, bar: Bar) -> None:
    """Draw a colour bar into a box, upright where the box is."""
    axes = _axes(page, box)
    colours = bar.table[1:] if bar.signed else bar.table
    ticks = [-1.0, 0.0, 1.0] if bar.signed else [0.0, 1.0]
    if box[3] >= box[2]:
        upright = (0, 1, ticks[0], 1)
        axes.imshow(colours[:, None], extent=upright, aspect="auto", origin="lower")
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.set_yticks(ticks, bar.labels)
    else:
        lying = (ticks[0], 1, 0, 1)
        axes.imshow(colours[None], extent=lying, aspect="auto", origin="lower")
        axes.set_yticks([])
        axes.set_xticks(ticks, bar.labels)
