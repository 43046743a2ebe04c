"""Runs over whole folders: resumption to the bit, locks, refusals, interruptions, bounded work."""

from __future__ import annotations

import importlib
import io
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset.running import explainer as explainer_room
from kerascope.dataset.writing.store import Store
from tests.helpers.files.photographs import SMALL, cuttings, labelled, network, rows_of, same

FOUND_OUT = 2 + (3 + 3) * 15
"""Passes about the preprocessing: black and white, then three fits and three filters of 15 photographs."""


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return network()


@pytest.fixture(scope="module")
def probe(model: keras.Model) -> ks.Probe:
    return ks.Probe(model, batch_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelled(tmp_path_factory.mktemp("photographs"))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_threads_and_batches_give_the_same(
    probe: ks.Probe, folder: Path, tmp_path: Path, threads: int
) -> None:
    one = ks.explain_dataset(probe, folder, tmp_path / "one", threads=2, **SMALL)
    two = ks.explain_dataset(probe, folder, tmp_path / "two", threads=threads, **SMALL)
    same(one.folder, two.folder)


class StopError(Exception):
    """In the place of whatever stops a run."""


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_that_was_stopped_is_continued_to_the_bit(
    probe: ks.Probe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole = ks.explain_dataset(probe, folder, tmp_path / "whole", **SMALL)
    write, written = Store.write_shard, []

    def stopped(self: Store, number: int, table: Any) -> Path:
        if len(written) == after:
            raise StopError
        written.append(number)
        return write(self, number, table)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write_shard", stopped)
        with pytest.raises(StopError):
            ks.explain_dataset(probe, folder, tmp_path / "part", **SMALL)
    manifest = json.loads((tmp_path / "part" / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert manifest["counts"]["shards"] == after
    before = probe.forward_count
    results = ks.explain_dataset(probe, folder, tmp_path / "part", resume=True, **SMALL)
    assert probe.forward_count - before <= 16 - 6 * after + FOUND_OUT
    assert results.counts == whole.counts
    same(whole.folder, results.folder)
    # Once more, there is nothing to do.
    before = probe.forward_count
    assert ks.explain_dataset(probe, folder, tmp_path / "part", resume=True, **SMALL).counts == whole.counts
    assert probe.forward_count - before <= FOUND_OUT


def test_another_model_option_or_image_is_refused(
    model: keras.Model, probe: ks.Probe, folder: Path, tmp_path: Path
) -> None:
    images = tmp_path / "in"
    files = cuttings(images, 8)
    out = tmp_path / "out"
    ks.explain_dataset(probe, images, out, **SMALL)
    with pytest.raises(errors.DatasetError, match="resume it, overwrite it"):
        ks.explain_dataset(probe, images, out, **SMALL)
    changes: dict[str, dict[str, Any]] = {
        'method: "MultiScaleCAM()" before, "Saliency()" now': {"method": "saliency"},
        'target: "predicted class" before, "class 1" now': {"target": 1},
        'overlay: "jpg" before, null now': {"overlay": None},
        "preprocessing.fit": {"fit": "pad"},
        "batch_size: 4 before, 2 now": {"batch_size": 2},
        "class_names": {"class_names": ["coffee", "cat"]},
        "paths": {"paths": str(images / "cat")},
    }
    for said, change in changes.items():
        options = {"paths": images, **SMALL, **change}
        with pytest.raises(errors.DatasetError, match="changed: ") as caught:
            ks.explain_dataset(probe, folder=out, resume=True, **options)
        assert said in str(caught.value)
    weights = model.get_weights()
    try:
        model.set_weights([value + 0.01 for value in weights])
        with pytest.raises(errors.DatasetError, match=r"model\.digest"):
            ks.explain_dataset(probe, images, out, resume=True, **SMALL)
    finally:
        model.set_weights(weights)
    files[0].rename(files[0].with_name("zzz.jpg"))
    with pytest.raises(errors.DatasetError, match=r"changed in shard 0: .*000\.jpg before, .*002\.jpg now"):
        ks.explain_dataset(probe, images, out, resume=True, **SMALL)
    for file in images.rglob("*.jpg"):
        if file.name != "002.jpg":
            file.unlink()
    with pytest.raises(errors.DatasetError, match="changed in shard 0"):
        ks.explain_dataset(probe, images, out, resume=True, **SMALL)
    fresh = ks.explain_dataset(probe, images, out, overwrite=True, **SMALL)
    assert fresh.counts["images"] == 1
    assert len(list((out / "overlays").rglob("*.jpg"))) == 1


def test_two_runs_into_one_folder_are_refused(probe: ks.Probe, folder: Path, tmp_path: Path) -> None:
    with Store(tmp_path).lock, pytest.raises(errors.LockedError, match="another one writes"):
        ks.explain_dataset(probe, folder, tmp_path, **SMALL)
    assert ks.explain_dataset(probe, folder, tmp_path, **SMALL).manifest["status"] == "complete"


def test_a_failing_image_does_not_take_its_batch(
    probe: ks.Probe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = explainer_room.Explainer._explain_batch
    whole = ks.explain_dataset(probe, folder, tmp_path / "whole", overlay=None, **SMALL)

    def failing(self: Any, batch: Any) -> Any:
        if any(one.index == 3 for one in batch):
            raise errors.BlackBoxError("number three")
        return ask(self, batch)

    monkeypatch.setattr(explainer_room.Explainer, "_explain_batch", failing)
    results = ks.explain_dataset(probe, folder, tmp_path / "out", overlay=None, **SMALL)
    rows = rows_of(results)
    assert rows[3]["error"] == "BlackBoxError: number three"
    assert results.counts["failed"] == 2
    for one, other in zip(rows_of(whole), rows, strict=True):
        if other["status"] == "explained":
            np.testing.assert_allclose(one["map"], other["map"], rtol=1e-4, atol=1e-8)

    def broken(self: Any, batch: Any) -> Any:
        raise errors.LayerError("no such thing")

    monkeypatch.setattr(explainer_room.Explainer, "_explain_batch", broken)
    with pytest.raises(errors.LayerError, match="no such thing"):
        ks.explain_dataset(probe, folder, tmp_path / "out2", overlay=None, **SMALL)


def test_what_does_not_fit_is_said_before_anything_is_written(
    probe: ks.Probe, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"target": 7}, errors.TargetError, "7"),
        ({"method": ks.GradCAM(layer="nowhere")}, errors.UnknownLayerError, "nowhere"),
        ({"method": ks.GradCAM(layer="head")}, errors.NoSpatialExtentError, "head"),
        ({"overlay": "gif"}, errors.ParameterError, "overlay"),
        ({"map_type": "float64"}, errors.ParameterError, "map_type"),
        ({"shard_size": 0}, errors.ParameterError, "shard_size"),
        ({"threads": -1}, errors.ParameterError, "threads"),
        ({"fit": "squeeze"}, errors.ParameterError, "fit"),
    ]
    for change, kind, said in cases:
        with pytest.raises(kind, match=said):
            ks.explain_dataset(probe, folder, out, **{**SMALL, **change})
    assert not (out / "data").exists()
    with pytest.raises(errors.DatasetError, match="there are none in"):
        ks.open_results(tmp_path)


def test_models_that_take_no_photograph_are_refused(folder: Path, tmp_path: Path) -> None:
    sequence = keras.Sequential([keras.Input((20, 4)), keras.layers.Conv1D(2, 3), keras.layers.Flatten()])
    with pytest.raises(errors.DatasetError, match="one photograph"):
        ks.explain_dataset(sequence, folder, tmp_path, **SMALL)
    four = keras.Sequential(
        [keras.Input((8, 8, 4)), keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    )
    with pytest.raises(errors.DatasetError, match="three channels"):
        ks.explain_dataset(four, folder, tmp_path, **SMALL)


def test_work_is_bounded_and_compiled_once(folder: Path, tmp_path: Path, model: keras.Model) -> None:
    probe = ks.Probe(model, batch_size=4)
    ks.explain_dataset(probe, folder, tmp_path / "one", **SMALL)
    traces = probe.trace_count
    before = probe.forward_count, probe.backward_count
    ks.explain_dataset(probe, folder, tmp_path / "two", **SMALL)
    assert probe.trace_count == traces
    assert probe.forward_count - before[0] == 15 + FOUND_OUT
    assert probe.backward_count - before[1] == 15


def test_no_more_is_read_ahead_than_two_batches(
    probe: ks.Probe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly it is explained, memory holds a few batches."""
    prepare, read, most = explainer_room.Explainer.prepare, [], []

    def counted(self: Any, index: int, item: Any) -> Any:
        read.append(index)
        return prepare(self, index, item)

    finish = explainer_room.Explainer.finish
    done: list[int] = []

    def finished(self: Any, explained: Any) -> Any:
        most.append(len(read) - len(done))
        done.append(explained.prepared.index)
        return finish(self, explained)

    monkeypatch.setattr(explainer_room.Explainer, "prepare", counted)
    monkeypatch.setattr(explainer_room.Explainer, "finish", finished)
    ks.explain_dataset(probe, folder, tmp_path, batch_size=2, shard_size=6, progress=False)
    assert len(done) == 16
    assert max(most) <= 2 * 2 * 2 + 2 * 2 + 2


@dataclass(frozen=True)
class Partial(ks.GradCAM):
    """Was interrupted, and gives what it has, as methods with masks do."""

    def __call__(self, *arguments: Any) -> Any:
        return replace(super().__call__(*arguments), warnings=("InterruptedWarning: what was found so far",))


@pytest.mark.parametrize("threads", [0, 2])
def test_an_interrupted_map_is_not_kept(probe: ks.Probe, folder: Path, tmp_path: Path, threads: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        ks.explain_dataset(probe, folder, tmp_path, Partial(), threads=threads, **SMALL)
    results = ks.open_results(tmp_path)
    assert results.manifest["status"] == "interrupted"
    assert results.counts["shards"] == 0


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "kerascope.dataset.writing.schema")
    with pytest.raises(errors.MissingPackageError, match=r"kerascope\[dataset\]"):
        importlib.import_module("kerascope.dataset.writing.schema")


def test_progress_says_speed_and_errors(
    probe: ks.Probe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    ks.explain_dataset(probe, folder, tmp_path, **{**SMALL, "progress": True})
    text = shown.getvalue()
    assert "16/16" in text
    assert "1 failed" in text
