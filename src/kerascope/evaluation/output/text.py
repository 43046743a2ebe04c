"""Text of a report: statements, Markdown, and tables for the terminal and for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope.metric.statistics import finite_mean

if TYPE_CHECKING:
    from kerascope.evaluation.report import Report, ReportColumn


ARROWS = {"higher": "↑", "lower": "↓", None: ""}
"""Signs of the better direction of a metric."""
_MAX_NAMES = 5
"""The most methods that a statement names; `Report.comparisons` has every pair."""


def statements(report: Report, columns: Iterable[int] | None = None) -> list[str]:
    """Return the significant and insignificant differences in sentences, metric by metric."""
    if columns is None:
        first = [] if report.complete else [describe_interruption(report)]
        return [*first, *statements(report, range(len(report.columns)))]
    return [sentence for column in columns for sentence in _compare_methods(report, column)]


def describe_interruption(report: Report) -> str:
    """Return a sentence on what an interruption left out; empty if there was none."""
    if report.complete:
        return ""
    count, missing = len(report.methods), report.unmeasured
    partial = [name for name in missing if np.isfinite(report.values[report.methods.index(name)]).any()]
    part = f", {', '.join(partial)} in part" if partial else ""
    return (
        f"Incomplete: the run was interrupted; {count - len(missing)} of {count} methods and controls were "
        f"measured{part}; metrics that were not measured for all are neither ranked nor compared"
    )


def _compare_methods(report: Report, column: int) -> list[str]:
    metric = report.columns[column]
    ranks = report.ranks[0][:, column]
    if metric.direction is None or not np.isfinite(ranks).any():
        return []
    separate = {}
    for pair in report.comparisons(metric.name):
        separate[pair.first, pair.second] = separate[pair.second, pair.first] = pair.separate
    order = [row for row in np.argsort(ranks, kind="stable").tolist() if np.isfinite(ranks[row])]
    methods = [row for row in order if report.methods[row] not in report.controls]
    sentences = []
    if len(methods) > 1:
        best, others = methods[0], methods[1:]
        worse = [row for row in others if separate.get((best, row))]
        level = [row for row in others if not separate.get((best, row))]
        if worse:
            sentences.append(
                f"{report.methods[best]} better than {_list_names(report, worse)} on {metric.title} (p < .05)"
            )
        if level:
            sentences.append(
                f"no difference shown between {report.methods[best]} and {_list_names(report, level)} on "
                f"{metric.title} with {_count_images(report, column, [best, *level])} images"
            )
    # Controls that the same methods do not beat share a sentence.
    unbeaten: dict[tuple[int, ...], list[int]] = {}
    for control in order:
        if report.methods[control] in report.controls:
            beaters = {row for row in methods if ranks[row] < ranks[control] and separate.get((row, control))}
            rows = tuple(row for row in methods if row not in beaters)
            unbeaten.setdefault(rows, []).append(control)
    return sentences + [
        f"{_list_names(report, rows)} not shown better than {_list_names(report, controls)} on "
        f"{metric.title} with {_count_images(report, column, [*controls, *rows])} images"
        for rows, controls in unbeaten.items()
        if rows
    ]


def _list_names(report: Report, rows: Sequence[int]) -> str:
    """Return the names of methods as a list in a sentence; of many, the first few by rank."""
    names = [report.methods[row] for row in rows]
    if len(names) > _MAX_NAMES + 1:
        names = [*names[:_MAX_NAMES], f"{len(names) - _MAX_NAMES} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count_images(report: Report, column: int, rows: Sequence[int]) -> str:
    counts = {int(report.counts[row, column]) for row in rows}
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def rows(report: Report) -> list[dict[str, Any]]:
    """Return a row for each method and metric."""
    low, high = report.intervals
    rank, rank_low, rank_high = report.ranks
    return [
        {
            "method": method,
            "metric": metric.name,
            "group": metric.group,
            "direction": metric.direction,
            "mean": float(report.means[row, column]),
            "low": float(low[row, column]),
            "high": float(high[row, column]),
            "rank": float(rank[row, column]),
            "rank_low": float(rank_low[row, column]),
            "rank_high": float(rank_high[row, column]),
            "count": int(report.counts[row, column]),
            "control": method in report.controls,
        }
        for row, method in enumerate(report.methods)
        for column, metric in enumerate(report.columns)
    ]


def format_number(value: float) -> str:
    """Return a number with three significant digits; a dash for NaN."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def columns_by_group(report: Report) -> dict[str, list[int]]:
    """Return the groups of metrics in the order of the report, each with the indices of its metrics."""
    groups: dict[str, list[int]] = {}
    for column, metric in enumerate(report.columns):
        groups.setdefault(metric.group, []).append(column)
    return groups


def order_methods(report: Report, columns: Iterable[int]) -> list[int]:
    """Return the methods and controls by their mean rank on some metrics."""
    mean = finite_mean(report.ranks[0][:, list(columns)])
    return [int(row) for row in np.argsort(np.where(np.isnan(mean), np.inf, mean), kind="stable")]


def best_methods(report: Report, column: int) -> set[int]:
    """Return the best method on a metric and those not separate from it; none if it is separate from none."""
    ranks = report.ranks[0][:, column]
    if report.columns[column].direction is None or not np.isfinite(ranks).any():
        return set()
    best = int(np.nanargmin(ranks))
    separate = {
        pair.first if pair.second == best else pair.second
        for pair in report.comparisons(report.columns[column].name)
        if pair.separate and best in (pair.first, pair.second)
    }
    known = {int(row) for row in np.flatnonzero(np.isfinite(ranks))}
    return known - separate if separate else set()


def column_title(metric: ReportColumn) -> str:
    """Return the title of a metric with its direction."""
    return f"{metric.title} {ARROWS[metric.direction]}".strip()


def format_cell(report: Report, row: int, column: int) -> tuple[str, str, str]:
    """Return the mean of a method on a metric, its interval, and the rank with its interval."""
    low, high = (ends[row, column] for ends in report.intervals)
    rank, first, last = (f"{ranks[row, column]:.1f}".removesuffix(".0") for ranks in report.ranks)
    span = f"{format_number(low)} to {format_number(high)}" if np.isfinite(low) else ""
    rank_text = f"rank {rank} ({first} to {last})" if first != "nan" else ""
    return format_number(report.means[row, column]), span, rank_text


def summary(report: Report) -> str:
    """Return a sentence with the best mean ranks; empty if no metric has a direction."""
    if not np.isfinite(report.mean_ranks).any():
        return ""
    order = order_methods(report, range(len(report.columns)))
    best = [row for row in order if np.isfinite(report.mean_ranks[row])][:_MAX_NAMES]
    ranks = [f"{report.methods[row]} {report.mean_ranks[row]:.1f}" for row in best]
    which = "all metrics" if report.complete else "the metrics that were measured for all"
    return (
        f"Best mean ranks of {len(report.methods)} over {which}, a reading order and not a measurement: "
        f"{', '.join(ranks)}"
    )


def markdown(report: Report) -> str:
    """Return statements and tables as Markdown."""
    about = (
        f"{len(report)} images, model `{report.model}`, explained: {report.target}; level {report.level}, "
        f"seed {report.seed}. Mean over images and its 95 % bootstrap interval; ↑ higher is better, ↓ lower "
        "is better; **bold**: not shown worse than the best; *italic*: controls, which ignore the model. "
        "Rows by mean rank within the table."
    )
    lines = [*([] if report.complete else [f"**{describe_interruption(report)}.**", ""]), about, ""]
    lines += [*([f"{summary(report)}.", ""] if summary(report) else [])]
    for group, columns in columns_by_group(report).items():
        best = {column: best_methods(report, column) for column in columns}
        titles = [column_title(report.columns[column]) for column in columns]
        lines += [f"### {group.capitalize()}", ""]
        lines += ["| method | " + " | ".join(titles) + " |", "|---" * (len(columns) + 1) + "|"]
        for row in order_methods(report, columns):
            cells = []
            for column in columns:
                mean, span, _ = format_cell(report, row, column)
                cell = f"{mean} ({span})" if span else mean
                cells.append(f"**{cell}**" if row in best[column] else cell)
            name = f"`{report.methods[row]}`"
            name = f"*{name}*" if report.methods[row] in report.controls else name
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
        if sentences := statements(report, columns):
            lines += ["What this shows:", "", *(f"- {sentence}." for sentence in sentences), ""]
    if report.warnings:
        lines += ["### Warnings", "", *(f"- {warning}" for warning in report.warnings), ""]
    return "\n".join(lines)


def table(report: Report) -> str:
    """Return a compact table for a terminal."""
    names = [("~ " if name in report.controls else "  ") + name for name in report.methods]
    width = max(map(len, names))
    lines = [repr(report), *([] if report.complete else [f"{describe_interruption(report)}."])]
    lines.append("~ controls; ↑ higher is better, ↓ lower is better; rows by mean rank")
    for group, columns in columns_by_group(report).items():
        titles = [column_title(report.columns[column]) for column in columns]
        heading = "  ".join(f"{title:>12}" for title in titles)
        lines += ["", f"{group.upper():<{width}}  {heading}"]
        for row in order_methods(report, columns):
            cells = [
                f"{format_number(report.means[row, column]):>{max(12, len(title))}}"
                for column, title in zip(columns, titles, strict=True)
            ]
            lines.append(f"{names[row]:<{width}}  " + "  ".join(cells))
    return "\n".join(lines)


def table_html(report: Report) -> str:
    """Return the means as a small HTML table for a notebook."""
    heads = "".join(f"<th>{html.escape(column_title(metric))}</th>" for metric in report.columns)
    body = ""
    for row in order_methods(report, range(len(report.columns))):
        name = html.escape(report.methods[row])
        name = f"<i>{name}</i>" if report.methods[row] in report.controls else name
        cells = "".join(f"<td>{format_number(value)}</td>" for value in report.means[row].tolist())
        body += f"<tr><th style='text-align:left'>{name}</th>{cells}</tr>"
    caption = "" if report.complete else f"<caption>{html.escape(describe_interruption(report))}.</caption>"
    return f"<table>{caption}<thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>"
