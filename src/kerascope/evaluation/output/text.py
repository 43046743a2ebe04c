"""A report in words: statements, rows, Markdown, a table for a terminal or a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kerascope.evaluation.report import Column, Report


BETTER = {"higher": "↑", "lower": "↓", None: ""}
"""A sign for the direction in which a metric is better."""
_NAMED = 5
"""The most methods that a statement names; `Report.comparisons` has every pair."""


def statements(report: Report, places: Iterable[int] | None = None) -> list[str]:
    """What the numbers show, metric by metric, and what they do not show.

    Args:
        report: what was measured.
        places: of the metrics; None for all, with what an interruption left out.
    """
    if places is None:
        first = [] if report.complete else [incomplete(report)]
        return [*first, *statements(report, range(len(report.columns)))]
    return [text for place in places for text in _of_metric(report, place)]


def incomplete(report: Report) -> str:
    """How much an interruption has left out, in a sentence; empty where there was none."""
    if report.complete:
        return ""
    count, left = len(report.methods), report.unmeasured
    some = [name for name in left if np.isfinite(report.values[report.methods.index(name)]).any()]
    part = f", {', '.join(some)} in part" if some else ""
    return (
        f"Incomplete: the run was interrupted; {count - len(left)} of {count} methods and controls were "
        f"measured{part}; metrics that were not measured of all are neither ranked nor compared"
    )


def _of_metric(report: Report, place: int) -> list[str]:
    column = report.columns[place]
    ranks = report.ranks[0][:, place]
    if column.direction is None or not np.isfinite(ranks).any():
        return []
    separate = {}
    for one in report.comparisons(column.name):
        separate[one.first, one.second] = separate[one.second, one.first] = one.separate
    order = [row for row in np.argsort(ranks, kind="stable").tolist() if np.isfinite(ranks[row])]
    own = [row for row in order if report.methods[row] not in report.controls]
    controls = [row for row in order if report.methods[row] in report.controls]
    on = f"on {column.title}"
    found = []
    if len(own) > 1:
        best, rest = own[0], own[1:]
        worse = [row for row in rest if separate.get((best, row))]
        level = [row for row in rest if not separate.get((best, row))]
        if worse:
            found.append(f"{report.methods[best]} better than {_list(report, worse)} {on} (p < .05)")
        if level:
            found.append(
                f"no difference shown between {report.methods[best]} and {_list(report, level)} {on} with "
                f"{_count(report, place, [best, *level])} images"
            )
    # Controls that hold the same methods back are named together.
    held: dict[tuple[int, ...], list[int]] = {}
    for control in controls:
        not_better = [
            row for row in own if not (ranks[row] < ranks[control] and separate.get((row, control)))
        ]
        held.setdefault(tuple(not_better), []).append(control)
    return found + [
        f"{_list(report, rows)} not shown better than {_list(report, by)} {on} with "
        f"{_count(report, place, [*by, *rows])} images"
        for rows, by in held.items()
        if rows
    ]


def _list(report: Report, rows: Sequence[int]) -> str:
    """Names in a sentence; of many, the first few in the order of their ranks."""
    names = [report.methods[row] for row in rows]
    if len(names) > _NAMED + 1:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(report: Report, place: int, rows: Sequence[int]) -> str:
    counts = {int(report.counts[row, place]) for row in rows}
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def rows(report: Report) -> list[dict[str, Any]]:
    """A row for each method and metric."""
    low, high = report.intervals
    rank, rank_low, rank_high = report.ranks
    return [
        {
            "method": method,
            "metric": column.name,
            "group": column.group,
            "direction": column.direction,
            "mean": float(report.means[row, place]),
            "low": float(low[row, place]),
            "high": float(high[row, place]),
            "rank": float(rank[row, place]),
            "rank_low": float(rank_low[row, place]),
            "rank_high": float(rank_high[row, place]),
            "count": int(report.counts[row, place]),
            "control": method in report.controls,
        }
        for row, method in enumerate(report.methods)
        for place, column in enumerate(report.columns)
    ]


def number(value: float) -> str:
    """A number with three significant digits; a dash where there is none."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def groups(report: Report) -> list[tuple[str, list[int]]]:
    """The groups of metrics in the order of the report, each with the positions of its metrics."""
    found: dict[str, list[int]] = {}
    for place, column in enumerate(report.columns):
        found.setdefault(column.group, []).append(place)
    return list(found.items())


def order(report: Report, places: Iterable[int]) -> list[int]:
    """Methods by their mean rank on some metrics; controls are not set apart, since that shows most."""
    ranks = report.ranks[0][:, list(places)]
    known = np.isfinite(ranks)
    mean = np.where(
        known.any(axis=1), np.where(known, ranks, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.inf
    )
    return [int(row) for row in np.argsort(mean, kind="stable")]


def leading(report: Report, place: int) -> set[int]:
    """The best method on a metric, where it separates from any, and those from which it does not."""
    ranks = report.ranks[0][:, place]
    if report.columns[place].direction is None or not np.isfinite(ranks).any():
        return set()
    best = int(np.nanargmin(ranks))
    separate = {
        (one.first if one.second == best else one.second)
        for one in report.comparisons(report.columns[place].name)
        if one.separate and best in (one.first, one.second)
    }
    known = {int(row) for row in np.flatnonzero(np.isfinite(ranks))}
    return known - separate if separate else set()


def head(column: Column) -> str:
    """The title of a metric with its direction."""
    return f"{column.title} {BETTER[column.direction]}".strip()


def cell(report: Report, row: int, place: int) -> tuple[str, str, str]:
    """What a table says of a method on a metric: the mean, its interval, and the rank with its interval.

    Returns:
        In words; empty where there is none.
    """
    low, high = (ends[row, place] for ends in report.intervals)
    rank, first, last = (f"{found[row, place]:.1f}".removesuffix(".0") for found in report.ranks)
    span = f"{number(low)} to {number(high)}" if np.isfinite(low) else ""
    placed = f"rank {rank} ({first} to {last})" if first != "nan" else ""
    return number(report.means[row, place]), span, placed


def shortly(report: Report) -> str:
    """The methods with the best mean ranks, in a sentence; empty where no metric has a direction."""
    if not np.isfinite(report.mean_ranks).any():
        return ""
    best = [row for row in order(report, range(len(report.columns))) if np.isfinite(report.mean_ranks[row])]
    ranked = [f"{report.methods[row]} {report.mean_ranks[row]:.1f}" for row in best[:_NAMED]]
    which = "all metrics" if report.complete else "the metrics that were measured of all"
    return (
        f"Best mean ranks of {len(report.methods)} over {which}, an order to read by and no measurement: "
        f"{', '.join(ranked)}"
    )


def markdown(report: Report) -> str:
    """Statements and tables as Markdown."""
    about = (
        f"{len(report)} images, model `{report.model}`, explained: {report.target}; level {report.level}, "
        f"seed {report.seed}. Mean over images and its 95 % bootstrap interval; ↑ higher is better, ↓ lower "
        "is better; **bold**: not shown worse than the best; *italic*: controls, which know nothing of the "
        "model. Rows by mean rank within the table."
    )
    lines = [*([] if report.complete else [f"**{incomplete(report)}.**", ""]), about, ""]
    lines += [*([f"{shortly(report)}.", ""] if shortly(report) else [])]
    for group, places in groups(report):
        best = {place: leading(report, place) for place in places}
        lines += [f"### {group.capitalize()}", ""]
        lines.append("| method | " + " | ".join(head(report.columns[place]) for place in places) + " |")
        lines.append("|---" * (len(places) + 1) + "|")
        for row in order(report, places):
            cells = []
            for place in places:
                mean, span, _ = cell(report, row, place)
                text = f"{mean} ({span})" if span else mean
                cells.append(f"**{text}**" if row in best[place] else text)
            name = f"`{report.methods[row]}`"
            name = f"*{name}*" if report.methods[row] in report.controls else name
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
        said = statements(report, places)
        if said:
            lines += ["What this shows:", "", *(f"- {text}." for text in said), ""]
    if report.warnings:
        lines += ["### Warnings", "", *(f"- {text}" for text in report.warnings), ""]
    return "\n".join(lines)


def text(report: Report) -> str:
    """A compact table for a terminal."""
    names = [("~ " if name in report.controls else "  ") + name for name in report.methods]
    width = max(map(len, names))
    lines = [repr(report), *([] if report.complete else [f"{incomplete(report)}."])]
    lines.append("~ controls; ↑ higher is better, ↓ lower is better; rows by mean rank")
    for group, places in groups(report):
        lines.append("")
        titles = [head(report.columns[place]) for place in places]
        lines.append(f"{group.upper():<{width}}  " + "  ".join(f"{title:>12}" for title in titles))
        for row in order(report, places):
            cells = [
                f"{number(report.means[row, place]):>{max(12, len(title))}}"
                for place, title in zip(places, titles, strict=True)
            ]
            lines.append(f"{names[row]:<{width}}  " + "  ".join(cells))
    return "\n".join(lines)


def table_html(report: Report) -> str:
    """The means as a small table for a notebook."""
    heads = "".join(f"<th>{html.escape(head(column))}</th>" for column in report.columns)
    body = ""
    for row in order(report, range(len(report.columns))):
        name = html.escape(report.methods[row])
        name = f"<i>{name}</i>" if report.methods[row] in report.controls else name
        cells = "".join(f"<td>{number(value)}</td>" for value in report.means[row].tolist())
        body += f"<tr><th style='text-align:left'>{name}</th>{cells}</tr>"
    caption = "" if report.complete else f"<caption>{html.escape(incomplete(report))}.</caption>"
    return f"<table>{caption}<thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>"
