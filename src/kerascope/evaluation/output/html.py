"""The self-contained HTML page of a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope.evaluation.output import plot, text
from kerascope.render.html import data_uri, load_template

if TYPE_CHECKING:
    from kerascope.evaluation.report import Report


def page(report: Report) -> str:
    """Return the page: statements, tables, curves, maps, and versions."""
    template = load_template(Path(__file__).with_name("page.html"), "evaluate")
    content: str = template.render(
        report=report,
        incomplete=text.describe_interruption(report),
        summary=text.summary(report),
        tables=[_group_table(report, *group) for group in text.columns_by_group(report).items()],
        curves=[
            (
                report.columns[report.column(name)].title,
                data_uri(plot.to_png(plot.plot_curves(report, name)), "png"),
            )
            for name in report.curves
        ],
        examples=_examples(report),
        versions=", ".join(f"{name} {version}" for name, version in report.versions.items()),
    )
    return content


def _group_table(report: Report, group: str, columns: list[int]) -> dict[str, Any]:
    best = {column: text.best_methods(report, column) for column in columns}
    rows = []
    for row in text.order_methods(report, columns):
        cells = [
            {
                **dict(zip(("mean", "span", "rank"), text.format_cell(report, row, column), strict=True)),
                "best": row in best[column],
            }
            for column in columns
        ]
        rows.append(
            {
                "method": report.methods[row],
                "control": report.methods[row] in report.controls,
                "cells": cells,
                "forwards": text.format_number(float(report.forwards[row])),
                "shown": f"{report.shown[row].mean():.0%}" if _has_maps(report, row) else "-",
            }
        )
    return {
        "group": group,
        "heads": [text.column_title(report.columns[column]) for column in columns],
        "rows": rows,
        "statements": text.statements(report, columns),
    }


def _has_maps(report: Report, row: int) -> bool:
    """Whether the method was reached before an interruption."""
    return bool(report.shown[row].any()) or report.methods[row] not in report.unmeasured


def _examples(report: Report) -> list[dict[str, Any]]:
    """Return the maps of each method over the first images."""
    pictures = report.example_pictures
    return [
        {
            "method": method,
            "maps": [
                data_uri(plot.to_overlay_jpeg(report.example_maps[row, image], picture), "jpeg")
                for image, picture in enumerate(pictures)
            ],
        }
        for row, method in enumerate(report.methods)
        if len(pictures) and _has_maps(report, row)
    ]
