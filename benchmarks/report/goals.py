"""What kerascope promises to cost, and whether it kept its word."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.cost import contestants
from benchmarks.cost import memory as memory_of
from benchmarks.report.measurements import (
    CAM,
    CURVES,
    FLOOR,
    FORWARD,
    MASKS,
    REPEATED,
    STEP,
    Budget,
    Cost,
    Dataset,
    Flat,
    Growth,
    Import,
    Memory,
    Results,
    times,
)
from benchmarks.report.quartiles import paired

CAM_AT_MOST = 1.05
SALIENCY_AT_MOST = 1.05
TOP_AT_MOST = 1.2
STEP_AT_MOST = 1.1
REPEATED_AT_MOST = 1.05
COUNT_AT_MOST = 1.05
MEMORY_AT_MOST = 1.2
GROWTH_AT_MOST = 0.02
IMPORT_BELOW = 0.03
MASKS_AT_MOST = 1.05
ABLATION_AT_MOST = 1.5
FLAT_AT_MOST = 1.1
CURVES_AT_MOST = 1.1
THROUGHPUT_AT_LEAST = 0.9
RUN_AT_MOST = 1.02
WORKERS_AT_LEAST = 1.8


@dataclass(frozen=True)
class Verdict:
    """One promise in one setting: what must hold, what was measured, and whether it holds, if it is known."""

    where: str
    promise: str
    measured: str
    met: bool | None


def verdicts(results: Results) -> list[Verdict]:
    """Every promise about everything that was measured."""
    return [
        *(verdict for cost in results["cost"] for verdict in _cost(cost)),
        *(verdict for memory in results["memory"] for verdict in _memory(memory)),
        *(verdict for found in results["imports"] for verdict in _import(found)),
        *map(_growth, results.get("growth", [])),
        *(verdict for found in results.get("flat", []) for verdict in _flat(found)),
        *(verdict for found in results.get("dataset", []) for verdict in _dataset(found)),
    ]


def place(setting: dict[str, Any]) -> str:
    """A setting in a few words."""
    size, batch = setting["size"], setting["batch"]
    return f"{setting['model']} on {setting['backend']}, {batch} x {size} px"


def _cost(cost: Cost) -> Iterator[Verdict]:
    where = place(cost["setting"])
    seconds = {row["name"]: row["seconds"] for row in cost["rows"] if row["by"] in ("bare", "kerascope")}
    promised = [
        ("grad_cam", FORWARD, CAM_AT_MOST, 1.0),
        ("saliency", FLOOR, SALIENCY_AT_MOST, 1.0),
        ("multi_scale_cam", FLOOR, SALIENCY_AT_MOST, 1.0),
        ("grad_cam of Top(5)", FORWARD, TOP_AT_MOST, 1.0),
        (STEP, FLOOR, STEP_AT_MOST, 1.0),
    ]
    for row in cost["rows"]:
        if row.get("kind") == CAM and row["name"] != "grad_cam":
            promised.append((row["name"], FORWARD, CAM_AT_MOST, 1.0))
        if row["name"] == "ablation_cam":
            promised.append((row["name"], FORWARD, ABLATION_AT_MOST, 1.0))
        if row.get("kind") == CURVES:
            steps = 2 * contestants.CURVE
            loop = [
                steps / contestants.MASKED * second for second in seconds[times(FORWARD, contestants.MASKED)]
            ]
            promise = f"{row['name']} <= {CURVES_AT_MOST} x {steps} x {FORWARD}"
            yield _ratio(where, promise, row["seconds"], loop, CURVES_AT_MOST)
        if row.get("kind") == MASKS and (masks := row.get("masks")):
            # Against a call that is as long; the pass about the images themselves is not among the masks.
            loop = times(FORWARD, contestants.MASKED)
            yield _ratio(
                where,
                f"{row['name']}: {masks:g} masks <= {MASKS_AT_MOST} x {masks:g} x {FORWARD}",
                row["seconds"],
                [masks / contestants.MASKED * second for second in seconds[loop]],
                MASKS_AT_MOST,
            )
        if row.get("kind") == REPEATED and row["counts"]:
            promised.append((row["name"], FLOOR, REPEATED_AT_MOST, row["counts"]["declared"][1]))
    for name, reference, limit, count in promised:
        promise = f"{name} <= {limit} x {f'{count:g} x ' if count != 1 else ''}{reference}"
        if name not in seconds or reference not in seconds:
            yield Verdict(where, promise, "not measured", None)
        else:
            references = [count * second for second in seconds[reference]]
            yield _ratio(where, promise, seconds[name], references, limit)
    counted = {row["name"]: row["counts"] for row in cost["rows"] if row["counts"]}
    traced = [name for name, counts in counted.items() if counts and counts["traces"][1]]
    yield Verdict(where, "a second call traces nothing", _named(traced), not traced)
    other = [
        name
        for name, counts in counted.items()
        if counts and (counts["forwards"], counts["backwards"]) != tuple(counts["declared"])
    ]
    yield Verdict(where, "passes per image are those declared", _named(other), not other)


def _ratio(where: str, promise: str, seconds: list[float], references: list[float], limit: float) -> Verdict:
    ratio = paired(seconds, references)
    measured = f"{ratio.median:.3f} ({ratio.low:.2f}, {ratio.high:.2f})"
    return Verdict(where, promise, measured, ratio.median <= limit)


def _memory(memory: Memory) -> Iterator[Verdict]:
    peaks = {
        name: statistics.median(each["peak"] for each in found) for name, found in memory["peaks"].items()
    }
    where = place(memory["setting"])
    ratio = peaks["grad_cam"] / peaks[FORWARD]
    promise = f"peak memory of grad_cam <= {MEMORY_AT_MOST} x {FORWARD}"
    yield Verdict(where, promise, f"{ratio:.3f}", ratio <= MEMORY_AT_MOST)
    for name in memory_of.REPEATED:
        few, many = (times(name, count) for count in (memory_of.FEW, memory_of.MANY))
        if few in peaks and many in peaks:
            ratio = peaks[many] / peaks[few]
            promise = f"peak memory of {many} <= {COUNT_AT_MOST} x {few}"
            yield Verdict(where, promise, f"{ratio:.3f}", ratio <= COUNT_AT_MOST)
    yield from _budgets(place({**memory["setting"], "batch": 1}), memory.get("budgets", []))


def _budgets(where: str, budgets: list[Budget]) -> Iterator[Verdict]:
    for found in budgets:
        for call, peak in (("", found["first"]), (" again", found["again"])):
            taken = peak["peak"] - peak["idle"]
            name = f"{times(found['name'], found['masks'])}{call}"
            promise = f"{name} takes at most its {found['budget'] / 1e6:g} MB"
            yield Verdict(where, promise, f"{taken / 1e6:.0f} MB", taken <= found["budget"])
    for name, budget in dict.fromkeys((found["name"], found["budget"]) for found in budgets):
        peaks = {
            found["masks"]: found["first"]["peak"]
            for found in budgets
            if (found["name"], found["budget"]) == (name, budget)
        }
        few, many = min(peaks), max(peaks)
        ratio = peaks[many] / peaks[few]
        given = f"{budget / 1e6:g} MB"
        promise = f"peak memory of {times(name, many)} in {given} <= {COUNT_AT_MOST} x {times(name, few)}"
        yield Verdict(where, promise, f"{ratio:.3f}", ratio <= COUNT_AT_MOST)


def _flat(flat: Flat) -> Iterator[Verdict]:
    """What a mask takes, as the masks get more of one image, and as the images get more."""
    pairs = list(zip(flat["masks"], flat["images"], flat["seconds"], strict=True))
    for what, unit in (("masks", 0), ("images", 1)):
        rows = [
            (pair[unit], statistics.median(pair[2]) / (pair[0] * pair[1]))
            for pair in pairs
            if pair[1 - unit] == min(other[1 - unit] for other in pairs)
        ]
        if len(rows) < 2:
            continue
        each = [seconds for _, seconds in rows]
        ratio = max(each) / min(each)
        yield Verdict(
            place({**flat["setting"], "batch": 1 if what == "masks" else max(flat["images"])}),
            f"a mask of {flat['method']} takes the same from {rows[0][0]} to {rows[-1][0]} {what} "
            f"(within {FLAT_AT_MOST})",
            f"{ratio:.3f}",
            ratio <= FLAT_AT_MOST,
        )


def _dataset(found: Dataset) -> Iterator[Verdict]:
    where, measured = place(found["setting"]), found["measured"]
    if found["what"] == "throughput":
        for name, runs in measured["runs"].items():
            ratio = paired([one[0] for one in measured["forward"][name]], [one[0] for one in runs])
            yield Verdict(
                where,
                f"a folder of {measured['images']} photographs, {name}: >= {THROUGHPUT_AT_LEAST} of the "
                f"throughput of {FORWARD}",
                f"{ratio.median:.3f} ({ratio.low:.2f}, {ratio.high:.2f})",
                ratio.median >= THROUGHPUT_AT_LEAST,
            )
    elif found["what"] == "memory":
        few, many = sorted(measured, key=int)
        ratio = measured[many]["peak"] / measured[few]["peak"]
        promise = f"peak memory of a run over {many} images <= {RUN_AT_MOST} x over {few}"
        yield Verdict(where, promise, f"{ratio:.3f}", ratio <= RUN_AT_MOST)
    elif found["what"] == "kills":
        promise = (
            f"{measured['images']} images, {measured['kills']} times killed and resumed: as if never stopped"
        )
        told = f"{'equal to the bit' if measured['equal'] else 'different'}, {measured['shards']} shards"
        yield Verdict(place({**found["setting"], "size": 96}), promise, told, measured["equal"])
    else:
        ratio = paired(measured["speeds"]["2"], measured["speeds"]["1"])
        yield Verdict(
            where,
            f"2 Ray workers of one thread >= {WORKERS_AT_LEAST} x one",
            f"{ratio.median:.3f} ({ratio.low:.2f}, {ratio.high:.2f})",
            ratio.median >= WORKERS_AT_LEAST,
        )


def _import(found: Import) -> Iterator[Verdict]:
    share = paired(found["kerascope"], found["keras"])
    yield Verdict(
        found["backend"],
        f"import kerascope < {IMPORT_BELOW:.0%} of import keras",
        f"{share.median:.3%} ({share.low:.3%}, {share.high:.3%})",
        share.median < IMPORT_BELOW,
    )
    plotting = found["plotting"]
    yield Verdict(found["backend"], "it imports no plotting library", _named(plotting), not plotting)


def _growth(growth: Growth) -> Verdict:
    first, last = growth["resident"][0], growth["resident"][-1]
    calls = growth["calls"][-1] - growth["calls"][0]
    share = last / first - 1
    return Verdict(
        f"{growth['what']} on {growth['backend']}",
        f"{calls} more calls grow memory by less than {GROWTH_AT_MOST:.0%}",
        f"{share:+.2%}",
        share < GROWTH_AT_MOST,
    )


def _named(names: list[str]) -> str:
    return ", ".join(names) or "none"
