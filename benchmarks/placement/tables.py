"""Tables of what was measured, with bootstrap intervals over images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.placement.applications import MEASURED
from benchmarks.placement.shifts import best_shift
from kerascope.typing import Array

Runs = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""What was measured, by setting and seed."""

RESAMPLES = 2000
_PLACEMENTS = ("arithmetic", "measured", "auto")
_METHODS = {"HiResCAM": "HiResCAM at the automatic layer", "Auto": "MultiScaleCAM (`ks.Auto`)"}
_HEAD = """# Leaderboard: placements

Written by `python -m benchmarks.placement`, then with `--table`, on TensorFlow; what it is about stands in
[placement](../placement.md). A seed draws weights and pictures; of EfficientNet-Lite0 the pictures alone.

Energy: share of the positive relevance on the object; by chance the share of the image that it covers.
Pointing: share of maxima on it, or within 1 px of it. Focus: share of the positive relevance in the right
quarter. A blank map is a miss. Differences are paired, from the stretched map of the same image, with 95 %
bootstrap intervals over pictures (2,000 resamples, all seeds together). Bold: intervals without 0.
"""
_PLACES = """## Where the cells of the automatic layer lie

First and last centre in pixels, along the rows, and along the columns where they differ; the range of seeds.
*Seen*: the rows of pixels that reach a cell. *Trust*: the least over seeds.

| setting | image, cells | stretched | arithmetic | measured | auto | seen | trust |
|---|---|---|---|---|---|---|---|"""
_SHIFTS = """## Which shift shows most

Where arithmetic moves every cell by as many pixels, and by a quarter of a cell or more, HiResCAM was drawn
with other shifts too, in steps of an eighth of a cell along both axes. The table gives the shift with the
highest mean, by a parabola through three of them, in pixels, with a 95 % bootstrap interval over pictures.

| setting | arithmetic | by energy | by focus |
|---|---|---|---|"""
_COSTS = """## What placing costs

Seconds, of the first seed, on two shared cores: placing the layer, with compilation; as many forwards as that
takes, 39, with theirs; and 39 without. Passes: `probe.placement_count` after HiResCAM and MultiScaleCAM.

| setting | placing | 39 forwards, first | 39 forwards | passes, measured | passes, auto |
|---|---|---|---|---|---|"""


def page(known: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """The page: measures under each placement, where cells lie, costs, and keras.applications."""
    by_setting = sort_runs(known)
    parts = [_HEAD]
    for method, title in _METHODS.items():
        parts += [f"## {title}\n", *_measures(by_setting, method), ""]
    parts += [
        _PLACES,
        *_places(by_setting),
        "",
        _SHIFTS,
        *_shifts(by_setting),
        "",
        _COSTS,
        *_costs(by_setting),
        "",
    ]
    parts += ["## The networks of keras.applications\n", *_models(models), ""] if models else []
    return "\n".join(parts)


def summary(known: Mapping[str, Any]) -> str:
    """The energy of HiResCAM alone, as a table."""
    title, line, *rows = _measures(sort_runs(known), "HiResCAM")
    energy = [row.replace(" energy |", "", 1) for row in rows if "| energy |" in row]
    return "\n".join([title.replace(" measure |", "", 1), line.removesuffix("---|"), *energy])


def sort_runs(known: Mapping[str, Any]) -> Runs:
    """What was measured, by setting and seed, from keys of both."""
    by_setting: dict[str, dict[int, Mapping[str, Any]]] = {}
    for key, run in known.items():
        name, seed = key.split("|")
        by_setting.setdefault(name, {})[int(seed)] = run
    return by_setting


def _measures(by_setting: Runs, method: str) -> Iterator[str]:
    shown = [name for name in _PLACEMENTS if name != "arithmetic" or method == "HiResCAM"]
    yield f"| setting (seeds; questions) | measure | chance | stretched | {' | '.join(shown)} |"
    yield f"|---|---|---|---|{'---|' * len(shown)}"
    for name, by_seed in by_setting.items():
        runs = list(by_seed.values())
        covered = np.concatenate([run["chance"] for run in runs])
        label = f"{name} ({_seeds(sorted(by_seed))}; {len(covered)})"
        pictures = _pictures(by_seed)
        for measure in runs[0]["measures"][f"{method}|stretched"]:
            chance = {"energy": f"{covered.mean():.3f}", "focus": "0.250"}.get(measure, "-")
            plain = gather(runs, f"{method}|stretched", measure)
            cells = [
                _difference(gather(runs, f"{method}|{placement}", measure) - plain, pictures)
                for placement in shown
            ]
            yield f"| {label} | {measure} | {chance} | {plain.mean():.3f} | {' | '.join(cells)} |"


def _pictures(by_seed: Mapping[int, Mapping[str, Any]]) -> list[tuple[int, int]]:
    return [(seed, picture) for seed, run in by_seed.items() for picture in run["groups"]]


def _seeds(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def gather(runs: Sequence[Mapping[str, Any]], name: str, measure: str) -> Array:
    """A measure of every image of every seed."""
    return np.concatenate([run["measures"][name][measure] for run in runs])


def _difference(values: Array, pictures: Sequence[tuple[int, int]]) -> str:
    if not values.any():
        return "0"
    low, high = bootstrap(values, pictures)
    text = f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"**{text}**" if low > 0 or high < 0 else text


def bootstrap(values: Array, pictures: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The 95 % interval of a mean."""
    low, high = np.percentile(draw_means(values, pictures), [2.5, 97.5])
    return float(low), float(high)


def draw_means(values: Array, pictures: Sequence[tuple[int, int]]) -> Array:
    """Means (..., resamples) of values (..., questions); questions about a picture stay together."""
    numbers: dict[tuple[int, int], int] = {}
    places = np.array([numbers.setdefault(picture, len(numbers)) for picture in pictures])
    belongs = np.eye(len(numbers))[places]
    sums, counts = values @ belongs, belongs.sum(axis=0)
    drawn = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    return np.asarray(sums[..., drawn].sum(axis=-1) / counts[drawn].sum(axis=1))


def _places(by_setting: Runs) -> Iterator[str]:
    for name, by_seed in by_setting.items():
        runs = [run["places"] for run in by_seed.values()]
        measured = [run["measured"] for run in runs]
        centres = [_centres([run[kind] for run in runs]) for kind in ("stretched", *_PLACEMENTS)]
        seen = dict.fromkeys("{} to {}".format(*placement["seen"][0]) for placement in measured)
        trust = min(placement["trust"] for placement in measured)
        cells = f"{measured[0]['size'][0]} px, {measured[0]['cells'][0]}"
        yield f"| {name} | {cells} | {' | '.join(centres)} | {', '.join(seen)} | {trust:.2f} |"


def _shifts(by_setting: Runs) -> Iterator[str]:
    for name, by_seed in by_setting.items():
        runs = list(by_seed.values())
        if any(not run.get("shifts") for run in runs):
            continue
        pictures = _pictures(by_seed)
        own, plain = (runs[0]["places"][kind] for kind in ("arithmetic", "stretched"))
        step = (plain["last"][0] - plain["first"][0]) / (plain["cells"][0] - 1)
        cells = []
        for measure in ("energy", "focus"):
            if measure not in runs[0]["shifts"]:
                cells.append("-")
                continue
            values = np.concatenate([run["shifts"][measure] for run in runs], axis=1)
            means = draw_means(values, pictures)
            low, high = np.percentile([step * best_shift(row) for row in means.T], [2.5, 97.5])
            cells.append(f"{step * best_shift(values.mean(axis=1)):+.1f} [{low:+.1f}, {high:+.1f}]")
        yield f"| {name} | {own['first'][0] - plain['first'][0]:+.1f} | {' | '.join(cells)} |"


def _centres(placements: Sequence[Mapping[str, Any]]) -> str:
    """First and last centre along each axis, over seeds."""
    axes = [
        ", ".join(_range([placement[end][axis] for placement in placements]) for end in ("first", "last"))
        for axis in range(len(placements[0]["cells"]))
    ]
    return "; ".join(dict.fromkeys(axes))


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def _costs(by_setting: Runs) -> Iterator[str]:
    for name, by_seed in by_setting.items():
        cost = by_seed[min(by_seed)]["cost"]
        seconds = [f"{cost[kind]:.2f}" for kind in ("placing", "forwards, first", "forwards")]
        passes = [str(cost[f"passes of {kind}"]) for kind in ("measured", "auto")]
        yield f"| {name} | {' | '.join(seconds + passes)} |"


def _models(models: Mapping[str, Any]) -> Iterator[str]:
    skipped = sum(found["doubt"] == "none" for found in models.values())
    layers = sum(found["layers"] for found in models.values())
    plain = sum(found["plain layers"] for found in models.values())
    yield f"Of {len(models)} networks, at their default size, shapes leave no doubt about the automatic layer"
    yield f"of {skipped}, and about {plain:,} of their {layers:,} layers that have cells: there"
    yield '`"auto"` measures nothing. Shifts are those of the first and last centre along the rows from the'
    yield "stretched ones, in pixels: by the arithmetic of receptive fields, and as measured on untrained"
    yield f"weights (seed 0) of {', '.join(MEASURED)}."
    yield ""
    yield '| network | image, cells | `"auto"` | first layer that leaves doubt | arithmetic | measured |'
    yield "|---|---|---|---|---|---|"
    for name, found in models.items():
        choice = "stretched" if found["doubt"] == "none" else f"measured ({found['doubt']})"
        shifts = [_shift(found.get(kind)) for kind in ("arithmetic", "measured")]
        cells = f"{found['size']} px, {found['cells']}"
        yield f"| {name} | {cells} | {choice} | {found['reason'] or '-'} | {' | '.join(shifts)} |"


def _shift(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else ", ".join(f"{end:+.1f}" for end in ends)
