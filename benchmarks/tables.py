"""Results as tables, for the terminal or as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.goals import Moment, peak, place, verdicts
from benchmarks.results import FORWARD, GRADIENT, Cost, Import, Memory, Results
from benchmarks.spread import Spread, paired, spread

MIB = 1024**2


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text; the first column is a name, the rest numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def tables(results: Results) -> Iterator[Table]:
    """One table a setting, and the promises last."""
    for cost in results["cost"]:
        yield _cost(cost)
    for memory in results["memory"]:
        yield _memory(memory)
    if results["imports"]:
        yield _imports(results["imports"])
    rows = [
        (found.where, found.promise, found.measured, "met" if found.met else "MISSED")
        for found in verdicts(results)
    ]
    yield Table("What was promised", ("where", "promise", "measured", ""), rows, tuple(results["failed"]))


def markdown(table: Table) -> str:
    """The table as Markdown."""
    lines = [
        table.columns,
        (":--", *("--:" for _ in table.columns[1:])),
        *(tuple(cell.replace("|", "\\|") for cell in row) for row in table.rows),
    ]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join((f"### {table.title}", body, *table.notes))


def show(table: Table) -> None:
    """Print the table on the terminal."""
    from rich.console import Console
    from rich.table import Table as Drawn

    drawn = Drawn(title=table.title, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        drawn.add_row(*row)
    console = Console(markup=False, highlight=False)
    console.print(drawn)
    for note in table.notes:
        console.print(note)
    console.print()


def _cost(cost: Cost) -> Table:
    setting, rows = cost["setting"], []
    seconds = {row["name"]: row["seconds"] for row in cost["rows"] if row["by"] == "bare"}
    for row in cost["rows"]:
        counts = row["counts"]
        passes = traces = "-"
        if counts:
            passes = f"{counts['forwards']:g} + {counts['backwards']:g}"
            traces = "{} + {}".format(*counts["traces"])
        floor = seconds.get(GRADIENT)
        rows.append(
            (
                row["name"],
                row["by"],
                f"{spread(row['seconds']).median * 1000:.1f}",
                _ratio(paired(row["seconds"], seconds[FORWARD])),
                _ratio(paired(row["seconds"], floor)) if floor else "-",
                passes,
                traces,
                f"{row['first']:.1f}",
            )
        )
    columns = (
        place(setting),
        "package",
        "ms",
        f"x {FORWARD}",
        f"x {GRADIENT}",
        "passes",
        "traces",
        "first call, s",
    )
    versions = ", ".join(f"{name} {version}" for name, version in cost["versions"].items())
    notes = (
        f"Medians and quartiles of {setting['repeats']} rounds; {versions}.",
        "Passes: forwards + backwards per image. Traces: up to the first answer + in all later calls.",
        *(f"Left out: {name}: {reason}" for name, reason in cost["absent"].items()),
    )
    return Table(f"Cost: {place(setting)}", columns, rows, notes)


def _memory(memory: Memory) -> Table:
    where = place(memory["setting"])
    moments: tuple[Moment, ...] = ("idle", "ever", "later", "added")
    reference = memory["peaks"][FORWARD]
    rows: list[tuple[str, ...]] = []
    for name, peaks in memory["peaks"].items():
        cells = [f"{peak(peaks, moment) / MIB:.0f}" for moment in moments]
        ratios = [f"{peak(peaks, moment) / peak(reference, moment):.3f}" for moment in moments]
        rows.append((name, *(f"{cell} ({ratio})" for cell, ratio in zip(cells, ratios, strict=True))))
    columns = (
        where,
        "before the first call",
        "peak, compilation included",
        "peak once compiled",
        "added by calls",
    )
    notes = (
        f"MiB resident on the host, medians of {len(reference)} processes; in brackets the ratio to {FORWARD}.",
    )
    return Table(f"Memory: {where}", columns, rows, notes)


def _imports(imports: list[Import]) -> Table:
    rows = []
    for found in imports:
        both = [sum(parts) for parts in zip(found["keras"], found["kerascope"], strict=True)]
        more = statistics.median(both) / statistics.median(found["alone"]) - 1
        rows.append(
            (
                found["backend"],
                f"{spread(found['alone']).median:.2f} s",
                f"{spread(both).median:.2f} s ({more:+.1%})",
                f"{spread(found['kerascope']).median * 1000:.1f} ms",
                f"{paired(found['kerascope'], found['keras']).median:.3%}",
                f"{spread(found['used']).median * 1000:.0f} ms",
            )
        )
    columns = (
        "backend",
        "import keras",
        "import keras, kerascope",
        "kerascope's part",
        "of that of keras",
        "first use",
    )
    notes = (f"Medians of {len(imports[0]['alone'])} fresh processes of each kind.",)
    return Table("Import", columns, rows, notes)


def _ratio(ratio: Spread) -> str:
    return f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
