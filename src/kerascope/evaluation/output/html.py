"""A report as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope.evaluation.output import plot as chart
from kerascope.evaluation.output import text as told
from kerascope.render.html import data_uri, load_template

if TYPE_CHECKING:
    from kerascope.evaluation.report import Report


def page(report: Report) -> str:
    """The page: statements, tables, curves, maps, and where the numbers come from.

    Raises:
        MissingPackageError: Jinja2 or matplotlib is not installed.
    """
    template = load_template(Path(__file__).with_name("page.html"), "evaluate")
    text: str = template.render(
        report=report,
        incomplete=told.incomplete(report),
        shortly=told.shortly(report),
        tables=[_table(report, *group) for group in told.groups(report)],
        curves=[
            (
                report.columns[report.column(name)].title,
                data_uri(chart.png(chart.curves(report, name)), "png"),
            )
            for name in report.curves
        ],
        examples=_examples(report),
        versions=", ".join(f"{name} {version}" for name, version in report.versions.items()),
    )
    return text


def _table(report: Report, group: str, places: list[int]) -> dict[str, Any]:
    best = {place: told.leading(report, place) for place in places}
    rows = []
    for row in told.order(report, places):
        cells = [
            {
                **dict(zip(("mean", "span", "rank"), told.cell(report, row, place), strict=True)),
                "best": row in best[place],
            }
            for place in places
        ]
        rows.append(
            {
                "method": report.methods[row],
                "control": report.methods[row] in report.controls,
                "cells": cells,
                "forwards": told.number(float(report.forwards[row])),
                "shown": f"{report.shown[row].mean():.0%}" if _explained(report, row) else "-",
            }
        )
    return {
        "group": group,
        "heads": [told.head(report.columns[place]) for place in places],
        "rows": rows,
        "statements": told.statements(report, places),
    }


def _explained(report: Report, row: int) -> bool:
    """Whether an interruption did not come before the method."""
    return bool(report.shown[row].any()) or report.methods[row] not in report.unmeasured


def _examples(report: Report) -> list[dict[str, Any]]:
    """For each method its maps over the first pictures."""
    pictures = report.example_pictures
    return [
        {
            "method": method,
            "maps": [
                data_uri(chart.heat(report.example_maps[row, number], picture), "jpeg")
                for number, picture in enumerate(pictures)
            ],
        }
        for row, method in enumerate(report.methods)
        if len(pictures) and _explained(report, row)
    ]
