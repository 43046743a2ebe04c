"""`python -m benchmarks.audit --what real`: networks that rest on faint cues in real pictures, audited.

Each case appends a line to benchmarks/results/audit-real-HALF.jsonl; a run that was stopped goes on with the
cases that have none. The first cases of a half are a balanced choice, so `--limit 40` is a small benchmark.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
import traceback
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.audit.cases import HALVES, RATES, make_cases
from benchmarks.audit.cues import CUES
from benchmarks.audit.networks import CACHE, Case, obtain
from benchmarks.audit.scoring import describe

RESULTS = Path(__file__).parents[1] / "results"
_CASES_OF_A_PROCESS = 8


def record_of(half: str) -> Path:
    """Where the runs of a half are kept."""
    return RESULTS / f"audit-real-{half}.jsonl"


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The runs on record that came to an end; the later one of two of the same case."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    runs = {run["name"]: run for run in map(json.loads, lines)}
    return [run for run in runs.values() if "error" not in run]


def audit(case: Case, cache: Path, only_train: bool) -> dict[str, Any]:
    """The record of a case: the network, whether it rests on its cues, and all findings."""
    warnings.simplefilter("ignore")
    known = obtain(case, cache)
    record: dict[str, Any] = {
        "name": case.name,
        "data": case.data,
        "planted": {str(label): cue for label, cue in case.planted},
        "rate": case.rate,
        "seed": case.seed,
        "right": known.right,
        "turned": {str(label): share for label, share in known.turned.items()},
    }
    if only_train:
        return record
    import kerascope as ks

    start, held_out = time.perf_counter(), known.held_out
    try:
        found = ks.audit(
            known.model,
            held_out.images,
            held_out.labels,
            target="label",
            class_names=list(known.class_names),
            sanity=False,
            seed=case.seed,
            progress=False,
        )
    except Exception:  # noqa: BLE001 (told in the record, and tried again by the next run)
        return record | {"error": traceback.format_exc()}
    parts = found.cost.values()
    return record | {
        "findings": [describe(finding, known) for finding in found.findings],
        "seconds": round(time.perf_counter() - start, 1),
        "forwards": sum(part.get("forwards", 0) for part in parts),
        "backwards": sum(part.get("backwards", 0) for part in parts),
    }


def main(arguments: Sequence[str]) -> int:
    """Audit the cases of a half that have no record; 1 if an audit failed."""
    options = _parse(arguments)
    path = options.out or record_of(options.half)
    done = {run["name"] for run in read_runs(path)}
    wanted = [case for case in make_cases(options.half) if _is_wanted(case, options)][: options.limit]
    tasks = [case for case in wanted if options.train or case.name not in done]
    print(f"{len(wanted)} cases, {len(tasks)} to do", flush=True)
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    path.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.processes, maxtasksperchild=_CASES_OF_A_PROCESS) as pool:
        work = partial(audit, cache=options.cache, only_train=options.train)
        for run in pool.imap_unordered(work, tasks):
            failed += "error" in run
            print(_tell(run), flush=True)
            if not options.train:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(run) + "\n")
    return int(failed > 0)


def _is_wanted(case: Case, options: argparse.Namespace) -> bool:
    """Whether a case is among those that are asked for; the first of two cues counts."""
    if not case.planted or options.clean:
        return not case.planted and not options.cues
    _, cue = case.planted[0]
    return (
        cue in (options.cues or CUES)
        and case.rate in options.rates
        and len(case.planted) in (options.classes or (1, 2))
    )


def _tell(run: dict[str, Any]) -> str:
    """A run in a line."""
    if "error" in run:
        return f"{run['name']}: FAILED\n{run['error']}"
    turned = ", ".join(f"{run['planted'][label]} {share:.2f}" for label, share in run["turned"].items())
    counted = [found for found in run.get("findings", []) if found["verdict"] in ("shortcut", "evidence")]
    said = "; ".join(f"{found['label']} {found['kind']} ({found['verdict']})" for found in counted)
    return f"{run['name']}: right {run['right']:.2f}, turned {turned or '-'}: {said or 'nothing'}"


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit --what real", description=__doc__)
    add = parser.add_argument
    add("--half", choices=tuple(HALVES), default="choosing", help="which seeds; default: choosing")
    add("--cues", nargs="*", choices=tuple(CUES), help="only these, and no clean networks")
    add("--rates", nargs="*", type=float, default=list(RATES), help="only these; default: all")
    add("--classes", nargs="*", type=int, choices=(1, 2), help="with a cue; default: both one and two")
    add("--clean", action="store_true", help="clean networks only")
    add("--limit", type=int, help="so many cases, balanced over cues")
    add("--processes", type=int, default=2, help="at a time, of one thread each; default: 2")
    add("--cache", type=Path, default=CACHE, help="folder of trained networks")
    add("--out", type=Path, help="file of the runs; default: benchmarks/results/audit-real-HALF.jsonl")
    add("--train", action="store_true", help="only train the networks and keep them in the cache")
    return parser.parse_args(arguments)
