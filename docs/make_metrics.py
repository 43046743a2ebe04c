"""Write metrics.md, the table of every metric, from the metrics themselves: `python docs/make_metrics.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

import kerascope as ks

PAGE = Path(__file__).with_name("metrics.md")

HEADER = """# Metrics

Written by `python docs/make_metrics.py` from the metrics themselves; a test says when it is out of date.
Formula, source, deviations and what a value means: `help(ks.metric.Deletion)`. How to use and read them:
[evaluation](evaluation.md).

Every metric gives one value per image, from that image and its map alone. Better: ↑ higher, ↓ lower.
Cost per image with the default parameters: forwards, and explanations of other images by the same method;
metrics on the same masks, subsets or copies share them. Quick: what `level="quick"` changes; *no* for metrics
that it leaves out.

"""

BETTER = {"higher": "↑", "lower": "↓", None: ""}


def page() -> str:
    """The whole page: a table for each group."""
    parts = []
    for group in ks.metric.GROUPS:
        kinds = [kind for kind in ks.metrics().values() if kind.group == group]
        rows = "".join(map(row, sorted(kinds, key=lambda kind: kind.name)))
        parts.append(
            f"## {group.capitalize()}\n\n"
            "| metric | what it is | better | range | needs | cost | quick |\n"
            "|---|---|---|---|---|---|---|\n" + rows
        )
    return HEADER + "\n".join(parts)


def row(kind: type[ks.metric.Metric]) -> str:
    """One line of a table."""
    one = kind()
    first = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").split(": ", 1)[-1]
    cost = [
        f"{count} {what}{'s' if count > 1 else ''}"
        for count, what in ((one.forwards, "forward"), (one.explanations, "explanation"))
        if count
    ]
    quick = "no" if kind.quick is None else ", ".join(f"{key}={value}" for key, value in kind.quick.items())
    cells = (
        f'`{kind.__name__}`, `"{kind.name}"`',
        first[0].upper() + first[1:].rstrip("."),
        BETTER[kind.direction],
        bounds(*kind.bounds),
        ", ".join(sorted(kind.needs)),
        " and ".join(cost) or "none",
        quick or "the same",
    )
    return f"| {' | '.join(cells)} |\n"


def bounds(low: float | None, high: float | None) -> str:
    """The range of values in words."""
    if low is None:
        return "any" if high is None else f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
