"""The same on a Ray cluster: equal to the bit, and a worker that is killed loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from kerascope import errors
from kerascope.dataset import Cluster
from tests.helpers import stops
from tests.helpers.moments import files
from tests.helpers.photographs import cuttings, network, same

pytest.importorskip("ray")

pytestmark = [pytest.mark.once, pytest.mark.slow]

OPTIONS = ("--shard", "8", "--batch", "4", "--method", "rise", "--set", "masks=20")


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
    cuttings(root / "in", 46)
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
        env={**os.environ, **NOT_NICE},
    )
    assert ran.returncode == 3, ran.stderr
    assert "46 of 48 images, 2 failed" in ran.stdout
    same(made / "local", out)
    # What one engine began, the other continues.
    for number in (0, 3):
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


def test_a_worker_that_is_killed_loses_nothing(made: Path) -> None:
    """It is killed when it has written its shard, and before that is in its place."""
    out, mark = made / "killed", made / "mark"
    ran = subprocess.run(
        kerascope(
            *("explain", made / "model.keras", made / "in", "--out", out, *OPTIONS),
            *("--engine", "ray", "--workers", "2", *stops.IMPORT),
        ),
        capture_output=True,
        text=True,
        check=False,
        env={**stops.environment("SIGKILL", 3, mark), **NOT_NICE},
    )
    assert ran.returncode == 3, ran.stderr
    assert mark.exists()
    same(made / "local", out)
    assert files(made / "local") == files(out)


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
        env={**os.environ, **NOT_NICE},
    )
    assert ran.returncode == 1
    assert "safe_mode" in ran.stderr  # code of its own runs on purpose only
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["status"] == "failed"
