"""Tests against mutations: each in processes forked from one that has imported what takes long."""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutation.choose import choose
from benchmarks.mutation.draw import SOURCE

HEAVY = (
    "keras, tensorflow, jinja2, matplotlib.pyplot, pandas, PIL.Image, scipy.ndimage, "
    "scipy.optimize, scipy.sparse.linalg, scipy.stats, skimage.segmentation, sklearn.cluster, typer"
)
MINUTES, GIBIBYTES = 20, 10  # of the clock for a test, and of memory for a process


def run(drawn: Path, covered: list[Path], results: Path, processes: int) -> None:
    """Append a line of JSON to the results for each mutation that has none yet."""
    mutations = json.loads(drawn.read_text())
    suites = [json.loads(path.read_text()) for path in covered]
    known = {found["number"] for found in _read(results)}
    left = [number for number in range(len(mutations)) if number not in known]
    for module in HEAVY.split(", "):
        importlib.import_module(module)
    for worker in range(processes):
        if not os.fork():
            for number in left[worker::processes]:
                found = {"number": number, **_outcome(mutations[number], suites)}
                with results.open("a") as file:
                    file.write(json.dumps(found) + "\n")
            os._exit(0)
    for _ in range(processes):
        os.wait()
    found = _read(results)
    print(*(f"{count} {name}" for name, count in Counter(one["outcome"] for one in found).items()), sep=", ")
    _confirm({one["by"] for one in found if one["outcome"] == "killed"}, suites)


def _read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def _outcome(mutation: dict[str, Any], suites: list[dict[str, Any]]) -> dict[str, Any]:
    """What becomes of a mutation, by which test, after how many tests and seconds."""
    lines, began, ran = (SOURCE / mutation["file"]).read_text().split("\n"), time.perf_counter(), 0
    places = [place for place, line in enumerate(lines, start=1) if line == mutation["before"]]
    if not places:
        return {"outcome": "gone from the source"}
    place = min(places, key=lambda place: abs(place - mutation["line"]))
    source, lines[place - 1] = "\n".join(lines), mutation["after"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(SOURCE.parent, folder / "src")
        (folder / "src" / SOURCE.name / mutation["file"]).write_text("\n".join(lines))
        for suite in suites:
            for names in filter(None, choose(mutation["file"], source, place, suite)):
                outcome, started = _session(folder, {name: suite["seconds"][name] for name in names})
                ran += len(started)
                if outcome != "survived":
                    killer = {"by": started[-1] if started else "import", "tests": ran}
                    return {"outcome": outcome, **killer, "seconds": round(time.perf_counter() - began)}
    outcome = "survived" if ran else "not run by a test"
    return {"outcome": outcome, "tests": ran, "seconds": round(time.perf_counter() - began)}


def _confirm(killers: set[str], suites: list[dict[str, Any]]) -> None:
    """A test that kills must pass where nothing is mutated."""
    seconds = {name: spent for suite in suites for name, spent in suite["seconds"].items() if name in killers}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(SOURCE.parent, Path(folder, "src"))
        outcome, started = _session(Path(folder), seconds)
    print(f"Without a mutation the tests that kill: {outcome}{'' if outcome == 'survived' else started[-1:]}")


def _session(folder: Path, seconds: dict[str, float]) -> tuple[str, list[str]]:
    """Tests in a process of their own: what became of the source in a folder, and which tests had started."""
    log = folder / "started"
    log.write_text("")
    child = os.fork()
    if not child:
        code = 70
        try:
            code = _tested(folder, seconds, log)
        finally:
            traceback.print_exc()
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    started = log.read_text().splitlines()
    if status > 2:
        raise RuntimeError(f"pytest ended with {status}:\n{(folder / 'output').read_text()[-3000:]}")
    # Ended by a signal: out of time, or worse.
    return signal.Signals(-status).name if status < 0 else "killed" if status else "survived", started


def _tested(folder: Path, seconds: dict[str, float], log: Path) -> int:
    """Pytest's exit code."""
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    resource.setrlimit(resource.RLIMIT_DATA, (GIBIBYTES << 30, GIBIBYTES << 30))
    sys.path.insert(0, str(folder / "src"))
    os.environ["PYTHONPATH"] = sys.path[0]
    files = dict.fromkeys(name.partition("::")[0] for name in seconds)
    # Hypothesis is imported where it is used, and not for a line in the summary.
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    return pytest.main([*options, f"--basetemp={folder / 'pytest'}", *files], plugins=[_Watch(seconds, log)])


class _Watch:
    """Keeps the chosen tests in their order, notes which runs, and gives it twenty times what it needs."""

    def __init__(self, seconds: dict[str, float], log: Path) -> None:
        self._seconds, self._log = seconds, log

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {name: place for place, name in enumerate(self._seconds)}
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        with self._log.open("a") as file:
            file.write(item.nodeid + "\n")
        # These signals end the process, where a handler of Python's would wait for the end of a call.
        signal.setitimer(signal.ITIMER_PROF, 20 + 20 * self._seconds[item.nodeid])
        signal.alarm(60 * MINUTES)
