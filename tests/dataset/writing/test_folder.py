"""What is in the folder of results and not kerascope's stays as it is; what is read is never replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset.reading.dicom_frames import FrameLocation
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.location import FileLocation
from kerascope.dataset.running import job
from kerascope.dataset.writing.manifest import write_manifest
from kerascope.dataset.writing.overlap import check_no_overlap
from kerascope.dataset.writing.removal import remove_run
from kerascope.dataset.writing.store import Store
from kerascope.persistence import atomic_write
from tests.helpers.expected_warnings import warned
from tests.helpers.files.folders import contents, others, png
from tests.helpers.files.photographs import cuttings, network, same

pytestmark = pytest.mark.once

OPTIONS: dict[str, Any] = {"batch_size": 2, "shard_size": 2, "threads": 0, "progress": False}


class Place(NamedTuple):
    """A model, photographs, and the results of a run over them, in a folder of its own."""

    probe: ks.Probe
    root: Path

    @property
    def photos(self) -> Path:
        return self.root / "in"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def explain(self, paths: Any = None, folder: Path | None = None, **options: Any) -> ks.dataset.Results:
        return ks.explain_dataset(self.probe, paths or self.photos, folder or self.out, **OPTIONS, **options)


@pytest.fixture(scope="module")
def probe() -> ks.Probe:
    keras.utils.set_random_seed(1)
    return ks.Probe(network(), batch_size=2)


@pytest.fixture(scope="module")
def done(probe: ks.Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(probe, tmp_path_factory.mktemp("done"))
    cuttings(place.photos, 4)
    place.explain()
    return place.root


@pytest.fixture
def place(probe: ks.Probe, done: Path, tmp_path: Path) -> Place:
    """Two shards of two images each, done."""
    root = Path(shutil.copytree(done, tmp_path / "place"))
    manifest = json.loads((root / "out" / "manifest.json").read_text())
    manifest["source"]["paths"] = [str(root / "in")]
    (root / "out" / "manifest.json").write_text(json.dumps(manifest))
    for shard in (root / "out" / "data").iterdir():
        table = pq.read_table(shard)
        paths = [path.replace(str(done), str(root)) for path in table["path"].to_pylist()]
        column = table.column_names.index("path")
        pq.write_table(table.set_column(column, "path", pa.array(paths)), shard)
    return Place(probe, root)


def refused(place: Place, said: str, kind: type[Exception] = errors.DatasetError, **options: Any) -> None:
    """A run is refused, and has changed nothing, not even a list of names."""
    before = contents(place.root, but=("out/.lock",))
    with pytest.raises(kind, match=said):
        place.explain(**options)
    assert contents(place.root, but=("out/.lock",)) == before


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_of_another_program_is_refused(place: Place, options: dict[str, Any]) -> None:
    folder = others(place.root / "app")
    for missing in ("", "manifest.json", "data/part-00000.parquet", "overlays", ".lock"):
        # What tells it, one after the other.
        if (folder / missing).is_dir() and missing:
            shutil.rmtree(folder / missing)
        elif missing:
            (folder / missing).unlink()
        if missing == "overlays" and "overwrite" not in options:
            (folder / ".lock").unlink()
            break
        refused(
            place,
            "of another program|has shards and none|only results of kerascope",
            folder=folder,
            **options,
        )
    if "overwrite" not in options:
        # Nothing is in the way now; what is there stays.
        before = contents(folder)
        place.explain(folder=folder, **options)
        assert {name: contents(folder)[name] for name in before} == before


def test_only_what_a_run_has_written_is_removed(place: Place) -> None:
    beside = {
        "mine.txt": b"mine",
        "data/_SUCCESS": b"",
        "data/part-00000-0f3a.snappy.parquet": b"not read",
        "overlays/cat/mine.jpg": png(),
        "overlays/cat/000009_other.jpg": png(),
        "overlays/notes/a.txt": b"a",
        "audit.json": b'{"format": 1, "vulnerabilities": []}',
        "audit-pictures/000000.png": png(),
    }
    for name, content in beside.items():
        (place.out / name).parent.mkdir(parents=True, exist_ok=True)
        (place.out / name).write_bytes(content)
    ours = list((place.out / "overlays").rglob("0*_0*.jpg"))
    # Of a shard in flight when a run was killed: it is called so, and signed.
    left = place.out / "overlays" / "cat" / "000007_left.jpg"
    shutil.copy(ours[0], left)
    store = Store(place.out)
    with store.lock:
        remove_run(store)
    assert not left.exists()
    found = contents(place.out)
    assert {name for name, content in found.items() if content is not None} == {".lock", *beside}
    assert {name: found[name] for name in beside} == beside
    assert not (place.out / "overlays" / "coffee").exists()


def test_paths_in_a_crafted_folder_lead_nowhere_else(place: Place) -> None:
    outside = place.root / "outside"
    outside.mkdir()
    for name in ("000000_a.jpg", "000001_b.jpg"):
        (outside / name).write_bytes(png())
    shutil.rmtree(place.out / "overlays" / "cat")
    (place.out / "overlays" / "cat").symlink_to(outside)
    (place.out / "overlays" / "coffee" / "000005_link.jpg").symlink_to(outside / "000000_a.jpg")
    shard = place.out / "data" / "part-00000.parquet"
    table = pq.read_table(shard)
    names = [
        ("overlays/../../outside/000000_a.jpg", "overlays/cat/000000_a.jpg"),
        (str(outside / "000001_b.jpg"), "manifest.json"),
        ("overlays/coffee/000005_link.jpg", "overlays/mine.txt"),
    ]
    (place.out / "overlays" / "mine.txt").write_bytes(b"mine")
    before = contents(outside)
    for pair in names:
        column = table.column_names.index("overlay")
        pq.write_table(table.set_column(column, "overlay", pa.array(pair)), shard)
        copy = Path(shutil.copytree(place.out, place.root / "copy", symlinks=True))
        store = Store(copy)
        with store.lock:
            remove_run(store)
        assert (copy / "overlays" / "mine.txt").exists()
        assert contents(outside) == before
        shutil.rmtree(copy)
    for name in ("data", "overlays", "manifest.json"):
        moved = place.root / f"real-{name}"
        (place.out / name).rename(moved)
        (place.out / name).symlink_to(moved)
        refused(place, "a file or a link|of another program", overwrite=True)
        (place.out / name).unlink()
        moved.rename(place.out / name)


def test_a_picture_is_not_written_over_what_is_not_kerascopes(place: Place) -> None:
    """It was put there after the run had begun."""
    shard = place.out / "data" / "part-00001.parquet"
    shard.unlink()
    picture = next((place.out / "overlays" / "coffee").glob("000002_*"))
    picture.write_bytes(png())
    with pytest.raises(errors.DatasetError, match="move it elsewhere"):
        place.explain(resume=True)
    assert picture.read_bytes() == png()
    assert not shard.exists()
    picture.unlink()
    assert place.explain(resume=True).counts["explained"] == 4


@pytest.mark.filterwarnings("ignore::kerascope.errors.KerascopeWarning")
def test_what_is_read_is_not_removed(place: Place) -> None:
    nested = place.out / "overlays" / "photos"
    cuttings(nested, 2)
    cuttings(place.out / "mine", 2)
    listed = place.root / "list.txt"
    listed.write_text(f"{nested / 'cat' / '000.jpg'}\n")
    linked = place.root / "linked"
    linked.symlink_to(nested)
    one = place.root / "one"
    one.mkdir()
    (one / "link.jpg").symlink_to(nested / "cat" / "000.jpg")
    inputs = (place.out, nested, f"{nested}/*/*.jpg", listed, linked, one, place.root)
    for given in inputs:
        follow = given in (linked, one)
        refused(place, "must not be replaced", paths=given, overwrite=True, follow_links=follow)
    for name in ("model_file", "preprocessing"):
        file = place.out / "inside.json"
        file.write_text('{"convention": "0-1"}')
        refused(place, r"inside\.json' lies in", overwrite=True, **{name: file})
    frame = Item("x.dcm", "x", FrameLocation(FileLocation(str(nested / "x.dcm")), 0))
    with pytest.raises(errors.DatasetError, match="must not be replaced"):
        check_no_overlap(place.out, (), [frame])
    shutil.rmtree(nested)
    shutil.rmtree(place.out / "mine")
    assert place.explain(overwrite=True).counts["explained"] == 4


def test_refused_runs_have_changed_nothing(place: Place) -> None:
    refused(place, "leave one out", errors.ParameterError, resume=True, overwrite=True)
    refused(place, "changed: ", resume=True, target=1)
    for options, kind in (
        ({"target": 7}, errors.TargetError),
        ({"method": ks.GradCAM(layer="nowhere")}, errors.UnknownLayerError),
        ({"paths": place.root / "nothing"}, errors.DatasetError),
    ):
        refused(place, ".", kind, overwrite=True, **options)
    with Store(place.out).lock:
        for options in ({}, {"resume": True}, {"overwrite": True}):
            refused(place, "another one writes", errors.LockedError, **options)
    next(place.photos.rglob("*.jpg")).unlink()
    refused(place, "changed in shard 1", resume=True)


def test_a_damaged_shard_is_explained_anew_and_that_is_said(place: Place) -> None:
    whole = Path(shutil.copytree(place.out, place.root / "whole"))
    shard = place.out / "data" / "part-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(errors.DatasetError, match="is damaged; resume"):
        list(ks.open_results(place.out).rows(["path"]))
    refused(place, "resume it, overwrite it")
    with warned(errors.KerascopeWarning, "Shard 1 was damaged"):
        results = place.explain(resume=True)
    assert results.manifest["warnings"][-1].startswith("KerascopeWarning: Shard 1 was damaged")
    same(whole, place.out)
    shard.write_bytes(b"")
    same(place.explain(overwrite=True).folder, whole)


def test_tables_of_others_in_the_folder_are_not_read(place: Place) -> None:
    table = pa.table({"image": pa.array([png()])})
    pq.write_table(table, place.out / "data" / "part-00000-0f3a.snappy.parquet")
    results = place.explain(resume=True)
    assert (
        results.counts["rows"] == results.table(["path"]).num_rows == len(list(results.rows(["path"]))) == 4
    )
    pq.write_table(table, place.out / "data" / "part-00007.parquet")
    results = ks.open_results(place.out)
    assert results.table(["path"]).num_rows == len(list(results.rows(["path"]))) == 4
    for options in ({"resume": True}, {"overwrite": True}):
        refused(place, r"part-00007\.parquet' is of another program", **options)


def test_a_damaged_manifest_says_what_to_do_by_hand(place: Place) -> None:
    path = place.out / "manifest.json"
    path.write_bytes(path.read_bytes()[:50])
    for options in ({}, {"resume": True}, {"overwrite": True}):
        refused(place, "remove it, data/ and overlays/ by hand", **options)
    for content in ("[1]", '{"format": 1, "model": "m"}', '{"model": {"digest": "0"}}', '{"format": true}'):
        path.write_text(content)
        refused(place, "is of another program", overwrite=True)


def test_a_lock_of_another_program_is_left_alone(place: Place) -> None:
    (place.out / ".lock").write_text("4711\n")
    with pytest.raises(errors.DatasetError, match="a lock must be an empty file"):
        place.explain(resume=True)
    assert (place.out / ".lock").read_text() == "4711\n"


def test_the_table_of_an_interrupted_run_without_shards_is_empty(place: Place) -> None:
    shutil.rmtree(place.out / "data")
    assert ks.open_results(place.out).table().num_rows == 0
    assert np.all([path.exists() for path in (place.out / "overlays").iterdir()])


def test_files_with_long_names_are_written_at_the_same_time(tmp_path: Path) -> None:
    one, two = (tmp_path / f"{index:06d}_{'写' * 66}.jpg" for index in (1, 2))
    with atomic_write(one, sync=False) as first, atomic_write(two, sync=False) as second:
        first.write_text("1")
        second.write_text("2")
    assert (one.read_text(), two.read_text()) == ("1", "2")


def test_a_disk_that_is_full_at_the_end_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(store: Store, manifest: Any) -> None:
        if manifest["status"] != "running":
            raise OSError(28, "No space left on device")
        write_manifest(store, manifest)

    monkeypatch.setattr(job, "write_manifest", write)
    with pytest.raises(errors.DatasetError, match="No space left on device; whole shards are kept"):
        place.explain(resume=True)
