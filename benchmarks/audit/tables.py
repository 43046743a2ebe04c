"""`python -m benchmarks.audit --what tables`: docs/audit-runs.md from the runs on record.

Parts of which there is no record stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.audit import planted
from benchmarks.audit.cases import HALVES, RATES, make_cases
from benchmarks.audit.cues import CUES
from benchmarks.audit.networks import RESTS
from benchmarks.audit.page import replace_part
from benchmarks.audit.real import read_runs, record_of
from benchmarks.audit.scoring import is_right_name

Run = dict[str, Any]
Class = tuple[Run, str, str]
"""A run, a class as in its record, and the cue of this class."""


def main() -> int:
    """Write all parts of which there is a record."""
    planted.page_of_record()
    parts = [_half(half, runs) for half in HALVES if (runs := read_runs(record_of(half)))]
    if parts:
        replace_part("real", "\n\n".join(parts))
    return 0


def _half(half: str, runs: Sequence[Run]) -> str:
    """The tables of a half, as Markdown."""
    marked = [run for run in runs if run["planted"]]
    clean = [run for run in runs if not run["planted"]]
    classes = [(run, label, cue) for run in marked for label, cue in run["planted"].items()]
    resting = [member for member in classes if member[0]["turned"][member[1]] > RESTS]
    command = f"python -m benchmarks.audit --what real --half {half}"
    lines = [
        f"### The half for {'choosing' if half == 'choosing' else 'the tables'}",
        "",
        f"Made by `{command}`, then `--what tables`: {len(runs)} of the {len(make_cases(half))} networks of",
        f"this half, {len(marked)} with cues and {len(clean)} clean. They rest on {len(resting)} of",
        f"{len(classes)} cues: more than half of other classes' pictures turn when a cue is applied to them.",
        "",
        *_by_cue(resting),
        "",
        *_by_data(resting, clean),
        "",
        *_clean(clean),
    ]
    return "\n".join(lines)


def _by_cue(resting: Sequence[Class]) -> list[str]:
    """Recall of each cue at each rate, and what else was said of networks that rest on it."""
    head = ["cue", *(f"found at {rate:.0%}" for rate in RATES), "found", "rightly named"]
    head += ["evidence only", "*nothing was suspected*"]
    rows = []
    for cue in (*CUES, None):
        own = [member for member in resting if cue in (None, member[2])]
        by_rate = [[member for member in own if member[0]["rate"] == rate] for rate in RATES]
        cells = [_share(map(_is_found, members)) for members in (*by_rate, own)]
        hits = [member for member in own if _is_found(member)]
        evidence = sum(not _is_found(member) and bool(_said(member, "evidence")) for member in own)
        silent = sum(not member[0]["findings"] for member in own)
        rows.append([cue or "all", *cells, _share(map(_is_named, hits)), str(evidence), str(silent)])
    return _table(head, rows)


def _by_data(resting: Sequence[Class], clean: Sequence[Run]) -> list[str]:
    """Recall on each kind of data, and how many clean networks of it are accused."""
    rows = []
    for kind in ("garments", "digits", "photographs"):
        own = [member for member in resting if member[0]["data"].startswith(kind)]
        hits = [member for member in own if _is_found(member)]
        rest = [str(len(own)), _share(map(_is_found, own)), _share(map(_is_named, hits))]
        others = [run for run in clean if run["data"].startswith(kind)]
        accused = [_share(_has(run, verdict) for run in others) for verdict in ("shortcut", "evidence")]
        rows.append([kind, *rest, *accused])
    head = ["data", "rest on a cue", "found", "rightly named", "clean with a shortcut", "clean with evidence"]
    return _table(head, rows)


def _clean(clean: Sequence[Run]) -> list[str]:
    """How many clean networks are accused, and of what."""
    shortcut, evidence = (_share(_has(run, verdict) for run in clean) for verdict in ("shortcut", "evidence"))
    lines = [f"**Clean networks**: {shortcut} have a shortcut, {evidence} evidence."]
    rows = [
        [run["data"], str(run["seed"]), str(found["label"]), found["kind"], found["what"], found["verdict"]]
        for run in clean
        for found in run["findings"]
        if found["verdict"] in ("shortcut", "evidence")
    ]
    if rows:
        lines += ["", *_table(["data", "seed", "class", "kind", "finding", "verdict"], rows)]
    return lines


def _has(run: Run, verdict: str) -> bool:
    return any(found["verdict"] == verdict for found in run["findings"])


def _said(member: Class, verdict: str) -> list[dict[str, Any]]:
    """The findings on the class of a cue that have a verdict."""
    run, label, _ = member
    return [
        found for found in run["findings"] if str(found["label"]) == label and found["verdict"] == verdict
    ]


def _is_found(member: Class) -> bool:
    return bool(_said(member, "shortcut"))


def _is_named(member: Class) -> bool:
    return any(is_right_name(found, member[2]) for found in _said(member, "shortcut"))


def _share(answers: Iterable[bool]) -> str:
    values = list(answers)
    return f"{sum(values)} of {len(values)}" if values else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:]]
