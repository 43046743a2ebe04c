"""The same on a Ray cluster: equal to the bit, and a worker that is killed loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from kerascope import errors
from kerascope.dataset import Cluster
from tests.helpers.photographs import cuttings, network, same

pytest.importorskip("ray")

pytestmark = [pytest.mark.once, pytest.mark.slow]

OPTIONS = ("--shard", "8", "--batch", "4", "--method", "rise", "--set", "masks=150")


# As many threads as a worker has: sums over more are rounded elsewhere.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")


# Ray's processes would give way to all others, such as the other tests.
NOT_NICE = {"RAY_worker_niceness": "0"}


def kerascope(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "kerascope", *map(str, arguments)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, images with two that cannot be read, and what this process alone makes of them."""
    root = tmp_path_factory.mktemp("cluster")
    keras.utils.set_random_seed(1)
    network().save(root / "model.keras")
    cuttings(root / "in", 200)
    (root / "in" / "cat" / "bad.jpg").write_bytes(b"no picture")
    (root / "in" / "coffee" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    ran = subprocess.run(
        kerascope("explain", root / "model.keras", root / "in", "--out", root / "local", *OPTIONS),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ONE_THREAD},
    )
    assert ran.returncode == 3, ran.stderr
    return root


def test_workers_give_what_one_process_gives(made: Path) -> None:
    out = made / "workers"
    engine = ("--engine", "ray", "--workers", "2")
    ran = subprocess.run(
        kerascope("explain", made / "model.keras", made / "in", "--out", out, *OPTIONS, *engine),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, **NOT_NICE},
    )
    assert ran.returncode == 3, ran.stderr
    assert "200 of 202 images, 2 failed" in ran.stdout
    same(made / "local", out)
    # What one engine began, the other continues.
    for number in (3, 20):
        (out / "data" / f"part-{number:05d}.parquet").unlink()
    again = subprocess.run(
        kerascope("explain", made / "model.keras", made / "in", "--out", out, *OPTIONS, "--resume"),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ONE_THREAD},
    )
    assert again.returncode == 3, again.stderr
    same(made / "local", out)
    assert sorted(path.name for path in out.iterdir()) == [".lock", "data", "manifest.json", "overlays"]


def workers(parent: int) -> list[int]:
    """Processes of Ray's actors that belong to a driver's cluster, by what Linux tells of them."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            title = (path / "cmdline").read_bytes()
            environment = (path / "environ").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::MapWorker") and f"KERASCOPE_TEST={parent}".encode() in environment:
            found.append(int(path.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds workers as Linux shows them")
def test_a_worker_that_is_killed_loses_nothing(made: Path) -> None:
    out = made / "killed"
    process = subprocess.Popen(
        kerascope(
            *("explain", made / "model.keras", made / "in", "--out", out, *OPTIONS),
            *("--engine", "ray", "--workers", "2"),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **NOT_NICE, "KERASCOPE_TEST": str(os.getpid())},
    )
    with process:
        deadline = time.monotonic() + 300
        while not list((out / "data").glob("part-*.parquet")):
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (victim, *_) = workers(os.getpid())
        os.kill(victim, signal.SIGKILL)
        before = len(list((out / "data").glob("part-*.parquet")))
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 3, said
    assert before < 26, "it was killed too late to show anything"
    same(made / "local", out)
    assert not list(out.rglob("*.partial"))


def test_what_a_worker_cannot_do_is_said(made: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.ParameterError, match="whole numbers"):
        Cluster(0)

    program = (
        "import sys, keras, kerascope as ks\n"
        "model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Lambda(lambda value: value / "
        "255),\n    keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()])\n"
        "ks.explain_dataset(model, sys.argv[1], sys.argv[2], workers=1, progress=False)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(made / "in"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, **NOT_NICE},
    )
    assert ran.returncode == 1
    assert "safe_mode" in ran.stderr  # code of its own runs on purpose only
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["status"] == "failed"
