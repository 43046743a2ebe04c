"""A page of panels placed in inches, so that nothing overlaps and nothing is cut.

This module needs matplotlib, and uses its objects directly: no pyplot, no global state, no backend
to choose.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from kerascope.render.panels import BAR, INK, QUIET, SMALL, TINY, Bar, Cell, draw_bar, draw_cell
from kerascope.render.text import fit

HEADING, HEAD = 10.5, 9.0  # points
LINE = 1.35 / 72  # inches per point of text
MARGIN, GAP = 0.18, 0.1  # inches
BAR_GAP, BAR_TEXT = 0.1, 0.48
_HINTED = 0.98
"""Share of a line to fill: letters hinted to pixels are a little wider than measured."""


class Page(Figure):
    """A matplotlib Figure that notebooks display without pyplot."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


@dataclass(frozen=True)
class PanelRow:
    """Panels side by side under a heading, and a colour bar; `gap` inches below the last row."""

    cells: Sequence[Cell]
    heading: str = ""
    details: str = ""
    bar: Bar | None = None
    gap: float = GAP


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a text in inches."""
    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72


def make_page(
    rows: Sequence[PanelRow],
    heads: Sequence[str] = (),
    footer: Sequence[str] = (),
    bars: Sequence[Bar | None] = (),
    panel: float = 2.0,
    title: str | None = None,
) -> Page:
    """Draw rows of panels.

    Args:
        rows: from top to bottom.
        heads: the name of each column, above the panels of the first row.
        footer: small lines at the bottom.
        bars: a colour bar below each column.
        panel: width of a panel in inches. Default 2.
        title: above everything.

    Returns:
        A matplotlib Figure, 150 dots per inch, as high as its rows need.
    """
    columns = max(len(row.cells) for row in rows)
    right = BAR_GAP + BAR + BAR_TEXT if any(row.bar for row in rows) else 0.0
    inner = columns * panel + (columns - 1) * GAP
    writer = _Writer(width=2 * MARGIN + inner + right)
    full = inner + right

    if title:
        writer.lines(MARGIN, full, title, HEADING + 1.5, weight="bold", limit=2)
        writer.down(0.08)
    for position, row in enumerate(rows):
        if position:
            writer.down(max(row.gap, 0.2) if row.heading or row.details else row.gap)
        if row.heading:
            writer.lines(MARGIN, full, row.heading, HEADING, weight="bold")
        if row.details:
            writer.lines(MARGIN, full, row.details, SMALL, color=QUIET, limit=2)
        if row.heading or row.details:
            writer.down(0.05)
        if heads and not position:
            writer.columns(heads, panel, HEAD, color=QUIET, limit=2)
            writer.down(0.04)
        if any(cell.title for cell in row.cells):
            writer.columns([cell.title for cell in row.cells], panel, SMALL, limit=2)
        if any(cell.number for cell in row.cells):
            writer.columns([cell.number for cell in row.cells], panel, TINY, color=QUIET)
        if any(cell.title or cell.number for cell in row.cells):
            writer.down(0.04)
        writer.panels(row, panel, columns)
    if any(bars):
        writer.down(0.1)
        writer.bars(bars, panel)
    if footer:
        writer.down(0.12)
        for line in footer:
            writer.lines(MARGIN, full, line, TINY, color=QUIET, limit=6)
    return writer.finish()


class _Writer:
    """Collects drawing operations from the top down, then draws them on a page of that height."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.y = MARGIN
        self.todo: list[Any] = []

    def down(self, height: float) -> None:
        self.y += height

    def lines(
        self,
        x: float,
        width: float,
        text: str,
        size: float,
        color: str = INK,
        weight: str = "normal",
        limit: int = 1,
    ) -> None:
        measure = partial(text_width, size=size, weight=weight)
        for line in fit(text, width * _HINTED, measure, limit):
            self._text(x, self.y, line, size, color=color, weight=weight)
            self.y += size * LINE

    def columns(
        self, texts: Sequence[str], panel: float, size: float, color: str = INK, limit: int = 1
    ) -> None:
        """Texts centred above their columns, the last lines on one level."""
        measure = partial(text_width, size=size)
        wrapped = [fit(text, panel, measure, limit) for text in texts]
        height = max(len(lines) for lines in wrapped)
        for column, lines in enumerate(wrapped):
            x = MARGIN + column * (panel + GAP) + panel / 2
            for level, line in enumerate(lines, start=height - len(lines)):
                self._text(x, self.y + level * size * LINE, line, size, color=color, ha="center")
        self.y += height * size * LINE

    def panels(self, row: PanelRow, panel: float, columns: int) -> None:
        height = panel * max(cell.shape for cell in row.cells)
        for column, cell in enumerate(row.cells):
            box = (MARGIN + column * (panel + GAP), self.y, panel, height)
            self.todo.append(partial(draw_cell, box=box, cell=cell))
        if row.bar:
            x = MARGIN + columns * panel + (columns - 1) * GAP + BAR_GAP
            self.todo.append(partial(draw_bar, box=(x, self.y, BAR, height), bar=row.bar))
        self.y += height
        if any(cell.series is not None for cell in row.cells):
            self.y += 0.18  # tick labels

    def bars(self, bars: Sequence[Bar | None], panel: float) -> None:
        for column, bar in enumerate(bars):
            if bar:
                box = (MARGIN + column * (panel + GAP) + panel * 0.15, self.y, panel * 0.7, BAR)
                self.todo.append(partial(draw_bar, box=box, bar=bar))
        self.y += BAR + 0.2

    def finish(self) -> Page:
        height = self.y + MARGIN
        page = Page(figsize=(self.width, height), dpi=150, facecolor="white")
        page.set_layout_engine("none")
        for draw in self.todo:
            draw(page)
        return page

    def _text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        def draw(page: Page) -> None:
            width, height = page.get_size_inches()
            top = 1 - (y + size / 72 * 1.05) / height
            plain: dict[str, Any] = {"va": "baseline", "parse_math": False, "usetex": False}
            page.text(x / width, top, text, size=size, **plain, **style)

        self.todo.append(draw)
