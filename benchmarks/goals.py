"""What kerascope promises to cost, and whether it kept its word."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.results import FORWARD, GRADIENT, Cost, Import, Memory, Peak, Results
from benchmarks.spread import paired

CAM_AT_MOST = 1.05
SALIENCY_AT_MOST = 1.05
TOP_AT_MOST = 1.2
MEMORY_AT_MOST = 1.2
IMPORT_BELOW = 0.03

Moment = Literal["idle", "ever", "later", "added"]
"""A key of `Peak`, or what calls add to what is resident before the first."""


@dataclass(frozen=True)
class Verdict:
    """One promise in one setting: what must hold, what was measured, and whether it holds."""

    where: str
    promise: str
    measured: str
    met: bool


def verdicts(results: Results) -> list[Verdict]:
    """Every promise about everything that was measured."""
    return [
        *(verdict for cost in results["cost"] for verdict in _cost(cost)),
        *(verdict for memory in results["memory"] for verdict in _memory(memory)),
        *(verdict for found in results["imports"] for verdict in _import(found)),
    ]


def place(setting: dict[str, Any]) -> str:
    """A setting in a few words."""
    size, batch = setting["size"], setting["batch"]
    return f"{setting['backend']}, {setting['model']}, {size} px, batch {batch}"


def _cost(cost: Cost) -> Iterator[Verdict]:
    where = place(cost["setting"])
    seconds = {row["name"]: row["seconds"] for row in cost["rows"] if row["by"] in ("bare", "kerascope")}
    for name, reference, limit in (
        ("grad_cam", FORWARD, CAM_AT_MOST),
        ("saliency", GRADIENT, SALIENCY_AT_MOST),
        ("grad_cam of Top(5)", FORWARD, TOP_AT_MOST),
    ):
        if name in seconds and reference in seconds:
            ratio = paired(seconds[name], seconds[reference])
            yield Verdict(
                where,
                f"{name} at most {limit} x {reference}",
                f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})",
                ratio.median <= limit,
            )
    counted = {row["name"]: row["counts"] for row in cost["rows"] if row["counts"]}
    traced = [name for name, counts in counted.items() if counts and counts["traces"][1]]
    yield Verdict(where, "a second call traces nothing", _named(traced), not traced)
    other = [
        name
        for name, counts in counted.items()
        if counts and (counts["forwards"], counts["backwards"]) != tuple(counts["declared"])
    ]
    yield Verdict(where, "passes per image are those declared", _named(other), not other)


def _memory(memory: Memory) -> Iterator[Verdict]:
    where = place(memory["setting"])
    moments: tuple[tuple[Moment, str], ...] = (("ever", "compilation included"), ("later", "once compiled"))
    for moment, when in moments:
        ratio = peak(memory["peaks"]["grad_cam"], moment) / peak(memory["peaks"][FORWARD], moment)
        promise = f"peak memory of grad_cam at most {MEMORY_AT_MOST} x {FORWARD}, {when}"
        yield Verdict(where, promise, f"{ratio:.3f}", ratio <= MEMORY_AT_MOST)


def peak(peaks: list[Peak], moment: Moment) -> float:
    """The median over processes, in bytes."""
    if moment == "added":
        return statistics.median(found["later"] - found["idle"] for found in peaks)
    return statistics.median(found[moment] for found in peaks)


def _import(found: Import) -> Iterator[Verdict]:
    share = paired(found["kerascope"], found["keras"])
    yield Verdict(
        found["backend"],
        f"import kerascope adds under {IMPORT_BELOW:.0%} to import keras",
        f"{share.median:.3%} ({share.low:.3%} to {share.high:.3%})",
        share.median < IMPORT_BELOW,
    )
    plotting = found["plotting"]
    yield Verdict(
        found["backend"], "import kerascope imports no plotting library", _named(plotting), not plotting
    )


def _named(names: list[str]) -> str:
    return ", ".join(names) or "none"
