"""Runs that are stopped from outside: killed, or by a disk that takes no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from tests.helpers.photographs import cuttings, network, same

PROGRAM = """
import sys, resource
if len(sys.argv) > 4:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
import keras, kerascope as ks
model = keras.saving.load_model(sys.argv[1])
print("ready", flush=True)
ks.explain_dataset(model, sys.argv[2], sys.argv[3], batch_size=4, shard_size=8, progress=False, resume=True)
print("done", flush=True)
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "ignore", "-c", PROGRAM, *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.once
def test_killed_at_random_moments_and_continued(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    network().save(tmp_path / "model.keras")
    cuttings(tmp_path / "in", 400)
    whole, part = tmp_path / "whole", tmp_path / "part"
    subprocess.run(command(tmp_path / "model.keras", tmp_path / "in", whole), check=True, timeout=300)
    rng = np.random.default_rng(0)
    kills = 0
    for _ in range(4):
        with subprocess.Popen(
            command(tmp_path / "model.keras", tmp_path / "in", part), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                process.wait(timeout=float(rng.uniform(0.5, 2)))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        for path in (part / "data").glob("part-*.parquet"):
            assert pq.read_table(path).num_rows == 8
    assert kills
    subprocess.run(command(tmp_path / "model.keras", tmp_path / "in", part), check=True, timeout=300)
    same(whole, part)
    assert not list((part / "data").glob(".*"))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on the size of files here")
def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """Files may have 40 kB: the first shard does not fit. It says so, leaves nothing half, and continues."""
    keras.utils.set_random_seed(1)
    network().save(tmp_path / "model.keras")
    cuttings(tmp_path / "in", 12)
    arguments = (tmp_path / "model.keras", tmp_path / "in", tmp_path / "out")
    failed = subprocess.run(
        command(*arguments, 3000), capture_output=True, text=True, check=False, timeout=300
    )
    assert failed.returncode == 1
    assert "File too large" in failed.stderr
    assert "make room, then resume" in failed.stderr
    assert list((tmp_path / "out").rglob("*.parquet")) == []
    assert list((tmp_path / "out").rglob("*.partial")) == []
    subprocess.run(command(*arguments), check=True, timeout=300)
    assert ks.open_results(tmp_path / "out").counts["explained"] == 12
