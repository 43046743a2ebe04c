"""The same on a Ray cluster: equal to the bit, and a worker that is killed loses nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset import Cluster, find_images
from kerascope.dataset.options import ImageOptions, RunOptions
from kerascope.dataset.running import cluster, worker
from kerascope.dataset.running.plan import plan
from tests.helpers.expected_warnings import warned
from tests.helpers.files.moments import files
from tests.helpers.files.object_store import KEYS, object_store
from tests.helpers.files.photographs import SMALL, cuttings, network, same
from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import trained

ray = pytest.importorskip("ray")

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
    """A model, and images with two that cannot be read."""
    root = tmp_path_factory.mktemp("cluster")
    keras.utils.set_random_seed(1)
    network().save(root / "model.keras")
    cuttings(root / "in", 46)
    (root / "in" / "cat" / "bad.jpg").write_bytes(b"no picture")
    (root / "in" / "coffee" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    return root


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    """One Ray session for all tests of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in {**NOT_NICE, **ONE_THREAD, "RAY_USAGE_STATS_ENABLED": "0"}.items():
            patch.setenv(name, text)
        ray.init(
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            object_store_memory=256 << 20,
        )
        yield
        ray.shutdown()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """This process computes as a worker with one processor does."""
    if keras.backend.backend() != "torch":
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def struck(session: None, one_thread: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of each kind of work, a worker is killed when it has done an item, before anybody knows; the marks."""
    marks = tmp_path / "marks"
    marks.mkdir()

    class Struck(worker.Worker):
        def do(self, number: int, references: Sequence[Any], item: Any) -> worker.WorkResult:
            done = super().do(number, references, item)
            mark = marks / type(ray.get(references[1])).__name__
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return done

    monkeypatch.setattr(cluster, "Worker", Struck)
    return marks


def test_a_folder_by_workers_that_are_killed_is_that_of_one_process(
    struck: Path, made: Path, tmp_path: Path
) -> None:
    model = keras.saving.load_model(made / "model.keras")
    for name, workers in (("alone", None), ("workers", 2)):
        results = ks.explain_dataset(model, made / "in", tmp_path / name, workers=workers, threads=0, **SMALL)
        assert dict(results.counts)["failed"] == 2
    assert [path.name for path in struck.iterdir()] == ["ShardWork"]
    same(tmp_path / "alone", tmp_path / "workers")
    assert files(tmp_path / "alone") == files(tmp_path / "workers")


def test_workers_read_what_lies_in_an_object_store(
    session: None, one_thread: None, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They ask it by the credentials of this process, which the session was begun without."""
    for name, text in KEYS.items():
        monkeypatch.setenv(name, text)
    model = keras.saving.load_model(made / "model.keras")
    with object_store(made / "in") as options:
        for name, workers in (("alone", None), ("workers", 1)):
            source = f"s3://photos?{options}"
            results = ks.explain_dataset(model, source, tmp_path / name, workers=workers, **SMALL)
            assert dict(results.counts)["failed"] == 1
    same(tmp_path / "alone", tmp_path / "workers")


def test_a_report_by_workers_that_are_killed_is_that_of_one_process(struck: Path) -> None:
    model, held = trained("corner"), planted(12, "corner", seed=1)
    masks = np.zeros(held.images.shape[:3], bool)
    masks[:, 4:20, 4:20] = True
    reports, told = [], []
    for workers in (None, 2):
        with warned(errors.EvaluationWarning, "SmoothGrad.*explain again|focus.*four classes") as caught:
            found = ks.evaluate(
                ["hires_cam", "saliency", "smooth_grad"],
                model,
                held.images,
                held.labels,
                masks,
                workers=workers,
                progress=False,
            )
        reports.append(found)
        told.append(sorted(str(one.message) for one in caught))
    alone, others = reports
    assert told[0] == told[1]  # what workers are warned about is said here
    assert [path.name for path in struck.iterdir()] == ["MeasurementWork"]
    for field in dataclasses.fields(ks.Report):
        one, two = (getattr(report, field.name) for report in (alone, others))
        np.testing.assert_equal(two, one, field.name)
    assert alone.measuring.sum() > 100  # of which what is shared counts once


def test_an_audit_by_workers_that_are_killed_is_that_of_one_process(struck: Path, tmp_path: Path) -> None:
    model, held = trained("corner"), planted(90, "corner", seed=1)
    masks = np.zeros(held.images.shape[:3], bool)
    masks[:, 4:20, 4:20] = True
    found = {
        name: ks.audit(
            model,
            held.images,
            held.labels,
            method=["hires_cam", "grad_cam"],
            masks=masks,
            folder=tmp_path / name,
            workers=workers,
            sanity=False,
            shard_size=20,
            batch_size=16,
            progress=False,
        )
        for name, workers in (("alone", None), ("workers", 2))
    }
    assert sorted(path.name for path in struck.iterdir()) == ["PredictWork", "ShardWork", "StyleWork"]
    assert found["alone"].confirmed
    assert found["alone"].cost["try"]["forwards"] > 0
    one, two = (_told(found[name].to_json()) for name in ("alone", "workers"))
    assert one == two
    same(tmp_path / "alone", tmp_path / "workers")
    assert files(tmp_path / "alone") == files(tmp_path / "workers")


def _told(audit: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in audit.items() if name not in ("created", "folder")}


def test_the_command_line_begins_a_cluster_and_ends_it(made: Path, tmp_path: Path) -> None:
    """In a process of its own, as it is used; what one engine began, the other continues."""
    out, alone = tmp_path / "workers", tmp_path / "alone"
    engine = ("--engine", "ray", "--workers", "2")
    environment = {**os.environ, **ONE_THREAD, **NOT_NICE}

    def explain(*arguments: object) -> str:
        ran = subprocess.run(
            kerascope("explain", made / "model.keras", made / "in", *OPTIONS, *arguments),
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert ran.returncode == 3, ran.stderr
        return ran.stdout

    assert "46 of 48 images, 2 failed" in explain("--out", out, *engine)
    explain("--out", alone)
    same(alone, out)
    for number in (0, 3):
        (out / "data" / f"part-{number:05d}.parquet").unlink()
    explain("--out", out, "--resume")
    same(alone, out)
    assert sorted(path.name for path in out.iterdir()) == [".lock", "data", "manifest.json", "overlays"]


def test_shards_that_are_written_elsewhere_are_missed(made: Path, tmp_path: Path) -> None:
    """By workers of other machines, to a folder of the same name."""

    class Elsewhere(cluster.Workers):
        def map(self, work: worker.Work, items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
            yield from ((place, (shard.number, 3, 0)) for place, shard in enumerate(items))

    workers = Elsewhere(Cluster(1), model := network())
    job = plan(model, find_images(made / "in"), "saliency", options=ImageOptions(shard_size=24))
    with pytest.raises(errors.DatasetError, match="of 2 shards that workers have written 2 are not in"):
        job.run(tmp_path / "out", RunOptions(workers=workers, progress=False))


def test_what_a_worker_cannot_do_is_said(
    session: None, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.ParameterError, match="whole number of at least 1"):
        Cluster(0)
    with pytest.raises(errors.ParameterError, match="black box"):
        ks.evaluate("rise", ks.BlackBox(lambda images: images.mean((1, 2))), np.ones((2, 8, 8, 3)), workers=1)

    # Code of its own runs on purpose only.
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Lambda(lambda value: value / 255),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    with pytest.raises(errors.UnsafeModelError, match="safe_mode"):
        ks.explain_dataset(
            model, made / "in", tmp_path / "out", preprocessing="0-255", workers=1, progress=False
        )
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["status"] == "failed"

    # What kills every worker ends the run, and does not begin for ever.
    class Mortal(worker.Worker):
        def do(self, number: int, references: Sequence[Any], item: Any) -> worker.WorkResult:
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

    monkeypatch.setattr(cluster, "Worker", Mortal)
    monkeypatch.setattr(cluster, "_RETRIES", 1)
    with pytest.raises(errors.WorkerError, match="2 died of the same"):
        ks.explain_dataset(network(), made / "in", tmp_path / "mortal", workers=1, progress=False)
    # More than there is room for would wait for ever.
    with pytest.warns(errors.KerascopeWarning, match="400 CPU each are wanted, and there are 4"):
        cluster._check(ray, Cluster(1, cpus=400), started=False)
    with pytest.raises(errors.WorkerError, match="room"):
        cluster._check(ray, Cluster(1, cpus=400), started=True)
