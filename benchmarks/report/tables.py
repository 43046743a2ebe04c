"""Results as tables, for the terminal or as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.report.goals import place, verdicts
from benchmarks.report.measurements import (
    FLOOR,
    FORWARD,
    Budget,
    Cost,
    Dataset,
    Flat,
    Growth,
    Import,
    Memory,
    Results,
    Row,
    times,
)
from benchmarks.report.quartiles import paired, spread

MIB = 1024**2
FLOOR_IS = "the forward pass with the gradient at the input"
WIDTH = 120
"""Columns of text where the terminal is narrower, or there is none."""


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, rows of text, and what has to be said about them."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def tables(results: Results) -> Iterator[Table]:
    """One table a setting, and the promises last."""
    yield from map(_cost, results["cost"])
    for memory in results["memory"]:
        yield _memory(memory)
        if memory.get("budgets"):
            yield _budgets(memory, memory["budgets"])
    if results["imports"]:
        yield _imports(results["imports"])
    if results.get("growth"):
        yield _growth(results["growth"])
    yield from map(_flat, results.get("flat", []))
    yield from map(_dataset, results.get("dataset", []))
    rows = [
        (found.where, found.promise, found.measured, {True: "met", False: "MISSED", None: ""}[found.met])
        for found in verdicts(results)
    ]
    yield Table("Promises", ("where", "promise", "measured", "verdict"), rows, tuple(results["failed"]))


def markdown(table: Table) -> str:
    """The table as Markdown."""
    rule = (":--", *("--:" for _ in table.columns[1:]))
    body = "\n".join(f"| {' | '.join(line)} |" for line in (table.columns, rule, *table.rows))
    return "\n\n".join((f"### {table.title}", body, *table.notes))


def show(table: Table) -> None:
    """Print the table on the terminal."""
    from rich.console import Console
    from rich.table import Table as Drawn

    drawn = Drawn(title=table.title, title_justify="left")
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if number else "left", no_wrap=not number)
    for row in table.rows:
        drawn.add_row(*row)
    console = Console(markup=False, highlight=False)
    console.width = max(console.width, WIDTH)
    console.print(drawn)
    for note in table.notes:
        console.print(note)
    console.print()


def _cost(cost: Cost) -> Table:
    bare = {row["name"]: row["seconds"] for row in cost["rows"] if row["by"] == "bare"}

    def cells(row: Row) -> tuple[str, ...]:
        counts = row["counts"]
        return (
            f"{row['by']} {row['name']}",
            f"{spread(row['seconds']).median * 1000:.1f}",
            *(_ratio(row["seconds"], bare.get(name)) for name in (FORWARD, FLOOR)),
            f"{counts['forwards']:g} + {counts['backwards']:g}" if counts else "",
            "{} + {}".format(*counts["traces"]) if counts else "",
            f"{row['first']:.1f}",
        )

    columns = ("", "ms", f"x {FORWARD}", f"x {FLOOR}", "passes", "traces", "first, s")
    versions = ", ".join(f"{name} {found}" for name, found in cost["versions"].items())
    repeats = cost["setting"]["repeats"]
    notes = (
        f"Medians of {repeats} rounds, with the quartiles of the ratios. Floor: {FLOOR_IS}.",
        "Passes: forwards + backwards per image. Traces: up to the first answer + afterwards.",
        f"{versions}.",
        *(f"Left out: {name}: {reason}" for name, reason in cost["absent"].items()),
    )
    return Table(f"Cost: {place(cost['setting'])}", columns, [cells(row) for row in cost["rows"]], notes)


def _memory(memory: Memory) -> Table:
    rows = []
    medians = {}
    for name, peaks in memory["peaks"].items():
        idle, peak = (statistics.median(found[key] for found in peaks) for key in ("idle", "peak"))
        medians[name] = idle, peak, peak - idle
    for name, found in medians.items():
        pairs = zip(found, medians[FORWARD], strict=True)
        rows.append((name, *(f"{value / MIB:.0f} ({value / base:.3f})" for value, base in pairs)))
    columns = ("", "before the first call", "peak", "difference")
    note = f"MiB resident, medians of {len(memory['peaks'][FORWARD])} processes; in brackets to {FORWARD}."
    return Table(f"Memory: {place(memory['setting'])}", columns, rows, (note,))


def _budgets(memory: Memory, budgets: Sequence[Budget]) -> Table:
    rows = [
        (
            f"{times(found['name'], found['masks'])}{call}",
            f"{found['budget'] / 1e6:.0f}",
            *(f"{value / 1e6:.0f}" for value in (peak["idle"], peak["peak"], peak["peak"] - peak["idle"])),
        )
        for found in budgets
        for call, peak in ((", first call", found["first"]), (", again", found["again"]))
    ]
    columns = ("", "budget", "before the call", "peak", "difference")
    note = "MB resident; one image, one process each. The first call compiles."
    return Table(f"Memory in a budget: {place({**memory['setting'], 'batch': 1})}", columns, rows, (note,))


def _flat(flat: Flat) -> Table:
    rows = [
        (
            f"{masks} masks, {images} images",
            f"{spread(seconds).median:.2f}",
            f"{spread(seconds).median / (masks * images) * 1000:.3f}",
            f"{spread(seconds).low / (masks * images) * 1000:.3f}",
            f"{len(seconds)}",
        )
        for masks, images, seconds in zip(flat["masks"], flat["images"], flat["seconds"], strict=True)
    ]
    columns = ("", "call, s", "a mask, ms", "lower quartile, ms", "rounds")
    setting = flat["setting"]
    title = f"{flat['method']} on {setting['model']} on {setting['backend']}, {setting['size']} px"
    note = f"A mask: seconds of a call over masks times images. {setting['batch']} rows a pass."
    return Table(f"Masks and images: {title}", columns, rows, (note,))


def _dataset(found: Dataset) -> Table:
    measured, where = found["measured"], place(found["setting"])
    if found["what"] == "throughput":
        rows = []
        for name, runs in measured["runs"].items():
            ours, bare = ([one[0] for one in found] for found in (runs, measured["forward"][name]))
            busy = [
                f"{spread([one[1] for one in found]).median / measured['images'] * 1000:.1f}"
                for found in (runs, measured["forward"][name])
            ]
            speeds = [f"{measured['images'] / spread(found).median:.1f}" for found in (ours, bare)]
            rows.append((name, *speeds, _ratio(bare, ours), *busy))
        columns = (
            *("photographs", "images/s", f"{FORWARD}, images/s", f"to {FORWARD}"),
            *("processor, ms an image", f"{FORWARD}'s processor, ms"),
        )
        note = (
            f"JPEG files to Parquet (and overlays of their size) by Grad-CAM, {measured['images']} a run, "
            f"medians of {len(runs)}; the forward pass on batches that are there, before and after each run; "
            f"{measured['cores']} cores."
        )
        return Table(f"Data sets, throughput: {where}", columns, rows, (note,))
    if found["what"] == "memory":
        rows = [
            (f"{count} images", f"{peak['idle'] / MIB:.0f}", f"{peak['peak'] / MIB:.0f}")
            for count, peak in measured.items()
        ]
        note = "MiB resident, one run after the other in one process, after a first one that compiles."
        return Table(f"Data sets, memory: {where}", ("", "before the run", "peak"), rows, (note,))
    if found["what"] == "kills":
        rows = [
            (f"{measured['images']}", f"{measured['kills']}", f"{measured['shards']}", str(measured["equal"]))
        ]
        columns = ("images", "kills", "shards", "equal")
        note = f"Whole shards after each: {', '.join(map(str, measured['kept']))}."
        return Table(f"Data sets, kills: {place({**found['setting'], 'size': 96})}", columns, rows, (note,))
    rows = [
        (f"{count} workers", f"{spread(speeds).median:.1f}", f"{len(speeds)}")
        for count, speeds in measured["speeds"].items()
    ]
    note = f"{measured['images']} images, from the first shard that is done to the last; a processor each."
    return Table(f"Data sets, Ray: {where}", ("", "images/s", "rounds"), rows, (note,))


def _imports(imports: Sequence[Import]) -> Table:
    rows = []
    for found in imports:
        both = [sum(parts) for parts in zip(found["keras"], found["kerascope"], strict=True)]
        alone, together = spread(found["alone"]).median, spread(both).median
        rows.append(
            (
                found["backend"],
                f"{alone:.3f}",
                f"{together:.3f} ({together / alone - 1:+.1%})",
                f"{spread(found['kerascope']).median * 1000:.1f}",
                f"{paired(found['kerascope'], found['keras']).median:.3%}",
                f"{spread(found['used']).median * 1000:.0f}",
            )
        )
    columns = ("", "keras alone, s", "keras and kerascope, s", "kerascope, ms", "to keras", "first use, ms")
    notes = (f"Medians of {len(imports[0]['alone'])} fresh processes of each kind.",)
    return Table("Import", columns, rows, notes)


def _growth(found: Sequence[Growth]) -> Table:
    looks = found[0]["calls"]
    rows = [
        (f"{one['what']} on {one['backend']}", *(f"{value / MIB:.1f}" for value in one["resident"]))
        for one in found
    ]
    columns = ("MiB resident after calls", *map(str, looks))
    return Table("Growth", columns, rows)


def _ratio(seconds: Sequence[float], references: Sequence[float] | None) -> str:
    if references is None:
        return ""
    ratio = paired(seconds, references)
    return f"{ratio.median:.3f} ({ratio.low:.2f}, {ratio.high:.2f})"
