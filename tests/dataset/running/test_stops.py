"""Processes that die at random points, or meet a full disk, a read-only folder, or the lock of a dead one."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import kerascope as ks
from tests.helpers.files.moments import files
from tests.helpers.files.photographs import cuttings, network, same
from tests.helpers.processes import fork

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork, limits on files, and capabilities"),
]


Forks = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and photographs."""
    folder = tmp_path_factory.mktemp("stops")
    keras.utils.set_random_seed(1)
    network(size=12).save(folder / "model.keras")
    cuttings(folder / "in", 8, (12, 12))
    return folder


@pytest.fixture(scope="module")
def forks(root: Path) -> Iterator[Forks]:
    """Does tasks, each in a process of its own: see `tests/helpers/processes/fork.py`."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.processes.fork", root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        read, write = process.stdout, process.stdin

        def done(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
            write.write(f"{json.dumps(tasks)}\n")
            write.flush()
            found: list[dict[str, Any]] = json.loads(read.readline())
            return found

        yield done
        write.close()


def told(folder: Path) -> dict[str, Any]:
    """What an audit says, but for when and how it was made."""
    found = ks.open_audit(folder).to_json()
    return {name: value for name, value in found.items() if name not in ("created", "cost")}


def test_a_run_that_is_killed_at_random_is_continued_to_the_bit(forks: Forks, root: Path, seed: int) -> None:
    """Ten times an explanation and ten times an audit, three of each while it overwrites another run."""
    (root / "kills").mkdir()
    kinds = ("explain", "audit")
    whole = forks([{"what": what, "folder": str(root / "kills" / what), "stop": 0} for what in kinds])
    draw = random.Random(seed)
    tasks, again = [], []
    for what, ended in zip(kinds, whole, strict=True):
        assert ended["calls"] > 500, ended
        for number in range(10):
            folder = root / "kills" / f"{what}-{number}"
            overwrite = number >= 7
            if overwrite:
                shutil.copytree(root / "kills" / kinds[number % 2], folder)
            task = {"what": what, "folder": str(folder), "overwrite": overwrite}
            tasks.append({**task, "stop": draw.randrange(1, ended["calls"])})
            again.append({**task, "resume": not overwrite})
    ended = forks([*tasks, *again])
    assert [one["signal"] for one in ended] == [signal.SIGKILL] * len(tasks) + [0] * len(again)
    for task, one in zip(again, ended[len(tasks) :], strict=True):
        # Overwritten: a removal that had ended leaves a run that can be resumed or overwritten alike.
        assert one["error"] is None, one
        folder, first = Path(task["folder"]), root / "kills" / task["what"]
        if task["what"] == "explain":
            same(first, folder)
        else:
            assert told(folder) == told(first)
        assert files(folder) == files(first)


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_half(forks: Forks, root: Path) -> None:
    """Files may have 3 kB, so that no shard fits; then, when all else is written, the audit does not."""
    place = root / "full"
    (whole,) = forks([{"what": "audit", "folder": str(place / "whole")}])
    assert whole["error"] is None
    tasks: list[dict[str, Any]] = [
        {"what": "explain", "folder": str(place / "explain"), "limit": 3000},
        {"what": "audit", "folder": str(place / "audit"), "limit": 3000},
        {"what": "audit", "folder": str(place / "late"), "limit_at": "audit.json"},
    ]
    for one in forks(tasks):
        assert one["error"].startswith("DatasetError: results must be written to"), one
        assert "File too large; whole shards are kept: make room, then resume" in one["error"]
    assert not list(place.rglob("*.partial"))
    assert not (place / "late" / "audit.json").exists()
    again = [{"what": one["what"], "folder": one["folder"], "resume": True} for one in tasks]
    assert [one["error"] for one in forks(again)] == [None, None, None]
    assert told(place / "audit") == told(place / "late") == told(place / "whole")


def test_a_folder_that_turns_read_only_is_said_and_continued(forks: Forks, root: Path) -> None:
    place = root / "read-only"
    place.mkdir()
    tasks = [
        {"what": what, "folder": str(place / what), "read_only_at": f"part-{number:05d}.parquet"}
        for number, what in enumerate(("explain", "audit"))
    ]
    for number, (task, one) in enumerate(zip(tasks, forks(tasks), strict=True)):
        assert "Permission denied; whole shards are kept" in (one["error"] or ""), one
        folders = [path for path in Path(task["folder"]).rglob("*") if path.is_dir()]
        for path in (Path(task["folder"]), *folders):
            path.chmod(0o755)
        assert len(list((Path(task["folder"]) / "data").glob("part-*.parquet"))) == number
    again = forks([{"what": one["what"], "folder": one["folder"], "resume": True} for one in tasks])
    assert [one["error"] for one in again] == [None, None]
    assert not list(place.rglob("*.partial"))


def test_a_lock_goes_with_the_process_that_held_it(forks: Forks, root: Path) -> None:
    task = {"what": "explain", "folder": str(root / "dead"), "hold": True}
    dead, next_one = forks([task, {**task, "hold": False}])
    assert dead["signal"] == signal.SIGKILL
    assert (root / "dead" / ".lock").exists()
    assert next_one["error"] is None
    assert ks.open_results(root / "dead").counts["explained"] == 8


def test_forks_do_the_same_as_this_process(forks: Forks, root: Path) -> None:
    probe = ks.Probe(keras.saving.load_model(root / "model.keras"), batch_size=2)
    ks.explain_dataset(probe, root / "in", root / "here", "saliency", **fork.OPTIONS)
    assert forks([{"what": "explain", "folder": str(root / "there")}])[0]["error"] is None
    same(root / "here", root / "there")
