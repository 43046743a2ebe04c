"""Tables of what was measured, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]

_MEASURES = {
    "pointing": "pointing",
    "energy": "energy",
    "focus": "focus",
    "deletion": "deletion (low)",
    "insertion": "insertion",
    "difference": "insertion - deletion",
    "patches": "patches",
    "kept": "kept by random weights (low)",
    "blank": "blank (low)",
    "seconds": "ms an image (low)",
}
_LOW = {"deletion", "kept", "blank", "seconds"}
_STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""The two-sided 95 % quantile of Student's t by the number of seeds."""


def table(known: Measured, seeds: Sequence[int]) -> str:
    """The page: a table for each setting."""
    names = list(dict.fromkeys(key.split("|")[0] for key in known))
    parts = [
        "# Leaderboard: maps of one pass",
        "",
        "Written by `python -m benchmarks.one_pass`, then with `--table`, on TensorFlow; what it is about",
        "stands in [one-pass maps](../one-pass.md).",
        "",
        f"Seeds {', '.join(map(str, seeds))}. Means over seeds, with the half width of their 95 % interval",
        "(Student's t) where there are several. Bold: first among maps of one pass, and what is not shown",
        "worse than it by the paired difference over seeds. A blank map counts as a miss in pointing, energy",
        "and focus.",
        "",
    ]
    for name in names:
        parts += _setting(
            name, {key.split("|")[1]: rows for key, rows in known.items() if key.startswith(f"{name}|")}
        )
    return "\n".join(parts)


def _setting(name: str, by_seed: Mapping[str, Any]) -> list[str]:
    titles = list(next(iter(by_seed.values())))
    measures = [one for one in _MEASURES if any(one in rows[t] for rows in by_seed.values() for t in rows)]
    values = {
        (title, one): np.array(
            [rows[title].get(one, np.nan) if title in rows else np.nan for rows in by_seed.values()]
        )
        for title in titles
        for one in measures
    }
    count = np.mean([next(iter(rows.values()))["images"] for rows in by_seed.values()])
    lines = [
        f"## {name[0].upper() + name[1:]}",
        "",
        f"{len(by_seed)} seeds, {count:.0f} questions each.",
        "",
        f"| map | {' | '.join(_MEASURES[one] for one in measures)} |",
        f"|---{'|---' * len(measures)}|",
    ]
    for title in titles:
        cells = [_cell(values, title, one, titles) for one in measures]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return [*lines, ""]


def competing(title: str) -> bool:
    """Whether it is a map of one pass, and no control."""
    return title not in ("chance", "centre", "edges") and "steps" not in title


def _cell(values: Mapping[tuple[str, str], Any], title: str, measure: str, titles: Sequence[str]) -> str:
    own = values[title, measure]
    if not np.isfinite(own).any():
        return "-"
    scale = 1000 if measure == "seconds" else 1
    text = f"{scale * np.nanmean(own):.{1 if scale > 1 else 3}f}"
    if len(own) > 1 and scale == 1:
        text += f" ± {half_width(own):.3f}"
    if measure in ("seconds", "blank") or not competing(title):
        return text
    return f"**{text}**" if not shown_worse(values, title, measure, titles) else text


def shown_worse(values: Any, title: str, measure: str, titles: Sequence[str]) -> bool:
    """Whether the first map of one pass is better, by the interval of the paired difference over seeds."""
    sign = -1 if measure in _LOW else 1
    others = [one for one in titles if competing(one) and np.isfinite(values[one, measure]).any()]
    first = max(others, key=lambda one: sign * np.nanmean(values[one, measure]))
    gap = sign * (values[first, measure] - values[title, measure])
    return first != title and bool(np.nanmean(gap) - (half_width(gap) if len(gap) > 1 else 0) > 0)


def half_width(values: Any) -> float:
    """Of the 95 % interval of a mean over seeds."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan")
    return float(_STUDENT[min(len(known), 10)] * known.std(ddof=1) / np.sqrt(len(known)))
