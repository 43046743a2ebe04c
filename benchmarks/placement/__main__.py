"""`python -m benchmarks.placement`: maps of trained networks under several placements of the same values.

Each setting is asked with each seed, and what was measured is kept in a file, so that a run that is stopped
goes on where it was. Then the networks of keras.applications are examined. `--table` writes the tables from
that file, `--picture` draws the picture of digits. Seeds 0 to 4 are for choosing, 5 to 9 those of the tables.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras

import kerascope as ks
from benchmarks.one_pass import large, small
from benchmarks.one_pass.questions import Questions
from benchmarks.placement.applications import examine_all
from benchmarks.placement.compare import compare
from benchmarks.placement.picture import draw
from benchmarks.placement.tables import page, summary

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "placement.md"
BEGIN, END = "<!-- energy -->", "<!-- end of energy -->"
TABLES, PICTURE = DOCS / "leaderboard" / "placement.md", DOCS / "images" / "placement.png"

SETTINGS: dict[str, Callable[[int], Questions]] = {
    **{
        f"{name}, {head}, {padding}": partial(build, head=head, padding=padding)
        for name, build in (("digits", small.of_digits), ("shapes", small.of_shapes))
        for head in ("flatten", "pool")
        for padding in ("valid", "same")
    },
    "EfficientNet-Lite0, scenes": large.lite_on_scenes,
    "DINOv2, scenes": large.dino_on_scenes,
}
DEAR = {"DINOv2, scenes": 2}
"""Settings that are asked with so many seeds only."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.placement", description=__doc__)
    add = parser.add_argument
    add("settings", nargs="*", default=[*SETTINGS, "applications"], help="beginnings of names; default: all")
    add("--seeds", nargs="*", type=int, default=list(range(5, 10)), help="default: 5 to 9")
    add("--out", type=Path, default=Path("benchmarks/results/placement.json"), help="what was measured")
    add("--table", action="store_true", help="write the tables from that file, and measure nothing")
    add("--picture", action="store_true", help=f"draw {PICTURE.name}, and measure nothing")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ks.errors.KerascopeWarning)
    known: dict[str, Any] = {"settings": {}, "models": {}}
    if options.out.exists():
        known = json.loads(options.out.read_text(encoding="utf-8"))
    if options.table:
        write_tables(known, options.seeds)
        return 0
    if options.picture:
        draw(SETTINGS["digits, flatten, valid"](options.seeds[0]), PICTURE)
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for key in measure(known, options.settings, options.seeds):
        options.out.write_text(json.dumps(known), encoding="utf-8")
        print(key, flush=True)
    return 0


def measure(known: dict[str, Any], wanted: list[str], seeds: list[int]) -> Iterator[str]:
    """Measure what is wanted and not known; the name of each part when it is known."""
    for name, build in SETTINGS.items():
        if not any(name.startswith(beginning) for beginning in wanted):
            continue
        for seed in seeds[: DEAR.get(name)]:
            key = f"{name}|{seed}"
            if key in known["settings"]:
                continue
            start = time.monotonic()
            known["settings"][key] = compare(build(seed))
            keras.utils.clear_session()
            yield f"{key}: {time.monotonic() - start:.0f} s, Keras {keras.__version__}"
    if "applications" in wanted:
        yield from examine_all(known["models"])


def write_tables(known: dict[str, Any], seeds: list[int]) -> None:
    """Write the page of tables, and the short one into the page on placement."""
    settings = {
        f"{name}|{seed}": known["settings"][f"{name}|{seed}"]
        for name in SETTINGS
        for seed in seeds
        if f"{name}|{seed}" in known["settings"]
    }
    TABLES.write_text(page(settings, known["models"]), encoding="utf-8")
    head, _, tail = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = tail.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{summary(settings)}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
