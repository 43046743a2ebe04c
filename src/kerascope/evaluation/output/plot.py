"""Figures of a report: means with intervals, curves, and small maps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.evaluation.output import text
from kerascope.typing import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.evaluation.report import Report

_OWN, _CONTROL, _BAND = "#1f6f8b", "#9a9a9a", "#f1f1ee"
_ACROSS = 4
"""Panels side by side."""


def plot_means(report: Report) -> Figure:
    """Return means with their 95 % intervals: a row for each method, by mean rank; controls in grey."""
    figure_class = _figure_class()
    order = text.order_methods(report, range(len(report.columns)))[::-1]
    across = min(_ACROSS, len(report.columns))
    down = -(-len(report.columns) // across)
    longest = max(map(len, report.methods))
    height = 0.24 * len(order) + 0.9
    figure: Figure = figure_class(
        figsize=(0.075 * longest + 2.3 * across + 0.4, down * height + 0.3), dpi=110
    )
    figure.set_layout_engine("constrained")
    if not report.complete:
        figure.suptitle("incomplete: interrupted", fontsize=9)
    axes = figure.subplots(down, across, squeeze=False, sharey=True)
    low, high = report.intervals
    colours = [_CONTROL if report.methods[row] in report.controls else _OWN for row in order]
    for column, panel in enumerate(axes.ravel()):
        if column >= len(report.columns):
            panel.set_visible(False)
            continue
        for level in range(0, len(order), 2):
            panel.axhspan(level - 0.5, level + 0.5, color=_BAND, lw=0)
        for level, (row, colour) in enumerate(zip(order, colours, strict=True)):
            panel.plot(
                [low[row, column], high[row, column]], [level, level], color=colour, lw=2.2, alpha=0.55
            )
            panel.plot(report.means[row, column], level, "o", color=colour, ms=4.5)
        panel.set_title(text.column_title(report.columns[column]), fontsize=9)
        panel.set_yticks(range(len(order)), [report.methods[row] for row in order], fontsize=7.5)
        panel.tick_params(axis="x", labelsize=7)
        panel.set_ylim(-0.6, len(order) - 0.4)
        for side in ("top", "right", "left"):
            panel.spines[side].set_visible(False)
        panel.tick_params(axis="y", length=0)
    for panel in axes[:, 0]:
        for label, colour in zip(panel.get_yticklabels(), colours, strict=True):
            label.set_color("#777777" if colour == _CONTROL else "#222222")
    return figure


def plot_curves(report: Report, name: str, count: int = 6) -> Figure:
    """Return the mean curves of a metric: its best methods, and the controls in grey."""
    figure: Figure = _figure_class()(figsize=(4.2, 2.9), dpi=110)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    positions, means = report.curves[name]
    column = report.column(name)
    methods = [
        row for row in text.order_methods(report, [column]) if report.methods[row] not in report.controls
    ]
    for row, method in enumerate(report.methods):
        if method in report.controls:
            axes.plot(positions, means[row], color=_CONTROL, lw=1, ls="--")
    for row in methods[:count]:
        axes.plot(positions, means[row], lw=1.6, label=report.methods[row][:34])
    axes.plot([], [], color=_CONTROL, lw=1, ls="--", label="controls")
    axes.set_title(text.column_title(report.columns[column]), fontsize=9)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=6.5, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def to_png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def to_overlay_jpeg(heatmap: Array, picture: Array) -> bytes:
    """Return a map over its image as the bytes of a small JPEG file."""
    from PIL import Image

    from kerascope.render import apply, colour_table

    size = float(np.abs(heatmap[np.isfinite(heatmap)]).max(initial=0.0))
    strength = np.clip(np.nan_to_num(heatmap) / size, 0, 1) if size else np.zeros(heatmap.shape)
    colours = apply(colour_table(), strength).astype("float64")
    share = (0.65 * strength)[..., None]
    grey = picture.mean(axis=-1, keepdims=True)
    mixed = (1 - share) * (0.5 * grey + 0.5 * picture) + share * colours
    image = Image.fromarray(np.clip(mixed, 0, 255).astype("uint8"))
    image = image.resize((96, round(96 * image.height / image.width)), Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=80)
    return stream.getvalue()


def _figure_class() -> Any:
    try:
        from kerascope.render.page import Page
    except ImportError:
        raise errors.MissingPackageError("matplotlib", "evaluate") from None
    return Page
