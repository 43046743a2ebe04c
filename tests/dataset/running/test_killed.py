"""Runs that are stopped from outside: killed, or by a disk that takes no more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerascope as ks
from kerascope.dataset.writing.manifest import read_manifest
from kerascope.dataset.writing.store import Store
from tests.helpers.files.moments import files
from tests.helpers.files.photographs import cuttings, network, same
from tests.helpers.processes import signals
from tests.helpers.processes.command_line import runner

pytestmark = [pytest.mark.once, pytest.mark.slow]

FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
from kerascope.cli import main
main()
"""


@pytest.fixture
def run(tmp_path: Path) -> list[str]:
    """Arguments of a run of three shards, but for its folder."""
    keras.utils.set_random_seed(1)
    network().save(tmp_path / "model.keras")
    cuttings(tmp_path / "in", 12)
    return ["explain", str(tmp_path / "model.keras"), str(tmp_path / "in"), "--shard", "4", "--batch", "2"]


def test_a_process_that_is_killed_is_continued_to_the_bit(
    run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed between two shards; all other moments are in test_dataset_moments.py."""
    part, whole = tmp_path / "part", tmp_path / "whole"
    killed = subprocess.run(
        [sys.executable, "-m", "kerascope", *run, "--out", part, *signals.IMPORT],
        check=False,
        env=signals.environment("SIGKILL", 1, tmp_path / "mark"),
    )
    assert killed.returncode == -signal.SIGKILL
    assert list(Store(part).shards()) == [0]
    assert [path.name.split(".")[1] for path in (part / "data").glob(".*.partial")] == ["part-00001"]
    manifest = read_manifest(part)
    assert manifest is not None
    assert manifest["status"] == "running"
    kerascope = runner(monkeypatch, capsys)
    assert kerascope(*run, "--out", whole).code == 0
    assert kerascope(*run, "--out", part, "--resume").code == 0
    same(whole, part)
    assert files(whole) == files(part)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on the size of files here")
def test_a_disk_that_takes_no_more(
    run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files may have 3 kB: the first shard does not fit. It says so, leaves nothing half, and continues."""
    out = tmp_path / "out"
    failed = subprocess.run(
        [sys.executable, "-c", FULL, *run, "--out", out], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "File too large" in failed.stderr
    assert "make room, then resume" in failed.stderr
    assert list(out.rglob("*.parquet")) == []
    assert list(out.rglob("*.partial")) == []
    assert runner(monkeypatch, capsys)(*run, "--out", out, "--resume").code == 0
    assert ks.open_results(out).counts["explained"] == 12
