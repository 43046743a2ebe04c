"""`python -m benchmarks`: measure what kerascope costs; README.md says what is compared to what."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmarks.cost import dataset, flat, growth, importing, memory
from benchmarks.cost import time as cost
from benchmarks.cost.setting import MODELS, Setting
from benchmarks.report.measurements import Results
from benchmarks.report.tables import markdown, show, tables
from kerascope.backend import SUPPORTED

WHAT = ("cost", "memory", "import", "growth", "flat", "dataset")


class Job(NamedTuple):
    """One thing to measure, and where in the results it goes."""

    title: str
    part: Literal["cost", "memory", "imports", "growth", "flat", "dataset"]
    measure: Callable[[], Any]


def main() -> int:
    chosen = _chosen()
    if chosen.show:
        _print(json.loads(chosen.show.read_text()), chosen.markdown)
        return 0
    now = datetime.now(UTC)
    path = chosen.json or Path(__file__).parent / "results" / f"{now:%Y-%m-%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    results = Results(
        date=now.isoformat(timespec="seconds"),
        machine=_machine(),
        cost=[],
        memory=[],
        imports=[],
        growth=[],
        flat=[],
        dataset=[],
        failed=[],
    )
    for job in _jobs(chosen):
        print(f"{job.title} ...", file=sys.stderr, flush=True)
        try:
            results[job.part].append(job.measure())
        except subprocess.CalledProcessError as error:
            results["failed"].append(f"Failed: {job.title} (exit status {error.returncode})")
        # At once, so that an interrupted run leaves what it has found.
        path.write_text(json.dumps(results, indent=1) + "\n")
    _print(results, chosen.markdown)
    print(f"Written to {path}", file=sys.stderr)
    return 1 if results["failed"] else 0


def _jobs(chosen: argparse.Namespace) -> Iterator[Job]:
    for backend in chosen.backends:
        if "import" in chosen.what:
            yield Job(f"import on {backend}", "imports", partial(importing.measure, backend, chosen.repeats))
        if "growth" in chosen.what and memory.available():
            for what in growth.WHAT:
                yield Job(
                    f"growth of {what} on {backend}", "growth", partial(growth.measure, backend, what, 1000)
                )
        for model in chosen.models:
            setting = Setting(
                backend=backend,
                model=model,
                size=chosen.size,
                batch=chosen.batch,
                repeats=chosen.repeats,
                peers=chosen.peers,
                methods=tuple(chosen.methods),
                seed=chosen.seed,
            )
            if "cost" in chosen.what:
                yield Job(f"cost of {model} on {backend}", "cost", partial(cost.measure, setting))
            if "memory" in chosen.what and memory.available():
                measure = partial(memory.measure, setting, chosen.processes)
                yield Job(f"memory of {model} on {backend}", "memory", measure)
            if "dataset" in chosen.what:
                for what in dataset.WHAT:
                    if not chosen.dataset or what in chosen.dataset:
                        yield Job(
                            f"{what} of data sets, {model} on {backend}",
                            "dataset",
                            partial(dataset.measure, setting, what),
                        )
            if "flat" in chosen.what:
                for method in flat.METHODS:
                    if not chosen.methods or method in chosen.methods:
                        small = replace(setting, size=min(setting.size, flat.SIZE), batch=flat.BATCH)
                        yield Job(
                            f"flatness of {method} of {model} on {backend}",
                            "flat",
                            partial(flat.measure, small, method),
                        )


def _print(results: Results, as_markdown: bool) -> None:
    for table in tables(results):
        if as_markdown:
            print(f"{markdown(table)}\n")
        else:
            show(table)


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
        "python": platform.python_version(),
    }


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what kerascope costs against the bare forward pass."
    )
    add = parser.add_argument
    add("--what", nargs="+", choices=WHAT, default=WHAT, help="what to measure; default: everything")
    add("--backends", nargs="+", choices=SUPPORTED, default=SUPPORTED, help="default: all three")
    add("--models", nargs="+", default=MODELS, help=f"of keras.applications; default: {' '.join(MODELS)}")
    add("--methods", nargs="+", default=(), help="kerascope's methods by name; default: all")
    add("--dataset", nargs="+", choices=dataset.WHAT, default=(), help="of data sets only this; default: all")
    add("--size", type=int, default=224, help="height and width of the images; default: 224")
    add("--batch", type=int, default=8, help="number of images; default: 8")
    add("--repeats", type=int, default=15, help="rounds of cost and of imports; default: 15")
    add("--processes", type=int, default=3, help="processes for each number of memory; default: 3")
    add("--peers", action=argparse.BooleanOptionalAction, default=True, help="other packages too")
    add("--seed", type=int, default=0, help="of weights, images and order; default: 0")
    add("--json", type=Path, help="where to write; default: benchmarks/results/<date-time>.json")
    add("--markdown", action="store_true", help="print the tables as Markdown")
    add("--show", type=Path, help="measure nothing and print the tables of an earlier JSON file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
