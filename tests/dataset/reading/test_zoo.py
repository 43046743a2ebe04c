"""The zoo of faults: no run ends, no row is lost without a word, and every failure is named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset import Preprocessing, find_images
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.running import job
from kerascope.dataset.running.explainer import Explainer
from tests.helpers.files.photographs import colours, encoded, network, rows_of
from tests.helpers.files.zoo import KINDS, Kind, names
from tests.helpers.files.zoo.kind import JPEG, PNG, good
from tests.helpers.processes.command_line import runner

pytestmark = pytest.mark.once


class Zoo:
    """All kinds of odd input, each in a folder of its own.

    Args:
        root: folder of these.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = {name: root / f"{place:03}-{name}" for place, name in enumerate(KINDS)}
        self.given = [self._put(one) for one in KINDS.values()]

    def renewed(self) -> Zoo:
        """The same, where what has changed is made again."""
        for one in KINDS.values():
            if one.later is not None:
                shutil.rmtree(self.folders[one.name], ignore_errors=True)
                self._put(one)
        return self

    def change(self) -> None:
        """What changes while it is read."""
        for one in KINDS.values():
            if one.later is not None:
                one.later(self.folders[one.name])

    def _put(self, one: Kind) -> Path:
        folder = self.folders[one.name]
        folder.mkdir(parents=True)
        return one.put(folder) or folder

    def complaints(self, rows: list[dict[str, Any]], told: list[str]) -> Iterator[str]:
        """What is not as it must be, a line each.

        Args:
            rows: of a run over all of it.
            told: warnings of the run.
        """
        for name, one in KINDS.items():
            where = str(self.folders[name])
            own = [row for row in rows if where in row["path"]]
            failed = [row["error"] for row in own if row["status"] == "failed"]
            explained = [row for row in own if row["status"] == "explained"]
            if (len(explained), len(failed)) != (one.explained, one.failed):
                yield f"{name}: {len(explained)} explained, {len(failed)} failed: {failed}"
            notes = [note for row in own for note in row["warnings"]]
            said = failed or [*notes, *(text for text in told if where in text)]
            fitting = [text for text in said if re.search(one.says, text)]
            if len(fitting) < max(len(failed), bool(one.says)):
                yield f"{name}: {one.says!r} is not said in {said}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    found = Zoo(tmp_path_factory.mktemp("zoo") / "zoo")
    yield found
    names.remove(found.root)


@pytest.fixture
def zoo(made: Zoo) -> Zoo:
    return made.renewed()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return network()


@pytest.fixture
def changing(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the moment on when a run begins, what changes has changed."""
    explainer = job.Explainer

    def changed(*arguments: Any) -> Any:
        zoo.change()
        return explainer(*arguments)

    return lambda: monkeypatch.setattr(job, "Explainer", changed)


def test_explain(zoo: Zoo, model: keras.Model, tmp_path: Path, changing: Callable[[], None]) -> None:
    source = find_images(zoo.given)
    assert source.count() == sum(1 for _ in source)
    changing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = ks.explain_dataset(
            model, zoo.given, tmp_path / "out", "fast", target=0, shard_size=64, progress=False
        )
    rows = rows_of(results)
    assert list(zoo.complaints(rows, results.manifest["warnings"])) == []
    assert all((tmp_path / "out" / row["overlay"]).is_file() for row in rows if row["overlay"])
    text = (tmp_path / "out" / "manifest.json").read_text()
    assert to_readable(text) == text


def test_audit(zoo: Zoo, model: keras.Model, tmp_path: Path, changing: Callable[[], None]) -> None:
    changing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        audit = ks.audit(
            model,
            zoo.given,
            method="fast",
            folder=tmp_path / "out",
            sanity=False,
            shard_size=64,
            progress=False,
        )
    rows = rows_of(ks.open_results(tmp_path / "out"))
    told = ks.open_results(tmp_path / "out").manifest["warnings"]
    assert list(zoo.complaints(rows, told)) == []
    audit.to_html(tmp_path / "audit.html")


def test_commands(
    zoo: Zoo,
    model: keras.Model,
    tmp_path: Path,
    changing: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kerascope = runner(monkeypatch, capsys)
    model.save(tmp_path / "m.keras")
    page = tmp_path / "report.html"
    methods = ("--method", "input_x_gradient", "--html", page)
    ran = kerascope("evaluate", tmp_path / "m.keras", *zoo.given, "--limit", "400", *methods, "--json")
    assert ran.code == 0, ran.err
    left_out = sum(one.failed for one in KINDS.values() if one.later is None)
    assert json.loads(ran.out)["images"] + left_out >= 100
    assert f"and {left_out - 5} more" in ran.err
    changing()
    out = tmp_path / "out"
    ran = kerascope(
        "explain", tmp_path / "m.keras", *zoo.given, "--method", "fast", "--out", out, "--overlay", "none"
    )
    assert ran.code == 3, ran.err
    assert (
        list(zoo.complaints(rows_of(ks.open_results(out)), ks.open_results(out).manifest["warnings"])) == []
    )
    assert all(line.startswith("warning: ") for line in ran.err.splitlines())


def test_a_folder_may_be_called_like_an_overlay(model: keras.Model, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "000001_a.jpg"
    folder.mkdir(parents=True)
    good(folder, "b.png")
    good(tmp_path / "in", "a.png")
    results = ks.explain_dataset(model, tmp_path / "in", tmp_path / "out", "fast", target=0, progress=False)
    assert results.counts["explained"] == 2
    assert all((tmp_path / "out" / row["overlay"]).is_file() for row in rows_of(results))


@pytest.mark.parametrize(
    "place", [(Preprocessing, "__call__"), (Explainer, "finish")], ids=["before", "behind"]
)
def test_a_mistake_of_ours_ends_the_run(
    place: tuple[type, str], model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is around what reads foreign data, and around nothing else."""

    def mistaken(*_: Any, **__: Any) -> None:
        raise TypeError("planted")

    monkeypatch.setattr(*place, mistaken)
    good(tmp_path)
    with pytest.raises(TypeError, match="planted"):
        ks.explain_dataset(model, tmp_path, tmp_path / "out", target=0, progress=False)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["status"] == "failed"


def test_memory_that_one_image_lacks(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(tmp_path, "a.png", "b.png")
    resized = Preprocessing.__call__

    def lacking(self: Preprocessing, picture: Any, *more: Any) -> Any:
        if picture.size == (60, 44):
            raise MemoryError
        return resized(self, picture, *more)

    (tmp_path / "c.png").write_bytes(encoded(colours(size=(60, 44)), "PNG"))
    monkeypatch.setattr(Preprocessing, "__call__", lacking)
    results = ks.explain_dataset(model, tmp_path, tmp_path / "out", "fast", target=0, progress=False)
    assert (results.counts["explained"], results.counts["failed"]) == (2, 1)


def test_where_no_folder_is(model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has gone, and there is none for temporary files."""
    good(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    results = ks.explain_dataset(model, tmp_path, tmp_path / "out", "fast", target=0, progress=False)
    assert results.counts["explained"] == 1
    with pytest.raises(errors.DatasetError, match="nothing at"):
        find_images("good.png")


def test_results_go_to_a_name_that_can_be_written(model: keras.Model, tmp_path: Path) -> None:
    good(tmp_path)
    with pytest.raises(errors.DatasetError, match="name in UTF-8"):
        ks.explain_dataset(model, tmp_path, tmp_path / os.fsdecode(b"s\xff"), target=0, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["good.png"]


@pytest.mark.slow
def test_where_letters_are_ascii(model: keras.Model, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good(folder, "Käse.png", os.fsdecode(b"s\xff.png"))
    (folder / "Brötchen.png").write_bytes(b"no picture")
    (folder / "list.csv").write_text("path,label\nKäse.png,Käse\nBrötchen.png,Brot\n")
    model.save(tmp_path / "m.keras")
    ran = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "kerascope",
                "explain",
                tmp_path / "m.keras",
                folder,
                folder / "list.csv",
            ),
            *("--method", "fast", "--target", "0", "--out", tmp_path / "out", "--json"),
        ],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 3, ran.stderr
    assert json.loads(ran.stdout)["counts"]["explained"] == 3
    rows = rows_of(ks.open_results(tmp_path / "out"))
    wanted = ["Brötchen.png", "Käse.png", "s\\xff.png", "Käse.png", "Brötchen.png"]
    assert [Path(row["path"]).name for row in rows] == wanted
    assert [row["label"] for row in rows] == [None, None, None, "Käse", "Brot"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "names something"),
        ("a\0b", "names something"),
        ("nowhere.png", "nothing at"),
        ("no*where", "nothing at"),
        ("empty", "there are none"),
        ("only", "there are none"),
        ("a.zip", "unpack"),
        ("numbers.parquet", "column of images"),
        ("dates.parquet", "column of labels"),
        ("twice.parquet", "name of its own"),
    ],
)
def test_what_is_refused_before_the_work(given: str, says: str, tmp_path: Path) -> None:
    for name in ("empty", "only"):
        (tmp_path / name).mkdir()
    (tmp_path / "only" / "photo.heic").touch()
    (tmp_path / "a.zip").touch()
    pq.write_table(pa.table({"number": [1]}), tmp_path / "numbers.parquet")
    dates = pa.array([0], pa.date32())
    pq.write_table(pa.table({"image": [PNG], "label": dates}), tmp_path / "dates.parquet")
    twice = pa.Table.from_arrays([[PNG], ["cat"], ["dog"]], ["image", "label", "label"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(errors.DatasetError, match=says):
        find_images(f"{tmp_path}/{given}" if given else given)


def test_a_table_is_read_again_where_it_was_written_again(model: keras.Model, tmp_path: Path) -> None:
    def digests(content: bytes) -> set[str]:
        pq.write_table(pa.table({"image": [content] * 2}), tmp_path / "t.parquet")
        results = ks.explain_dataset(
            model, tmp_path / "t.parquet", tmp_path / "out", "fast", target=0, overwrite=True, progress=False
        )
        return {row["digest"] for row in results.rows(["digest"])}

    for content in (PNG, JPEG):
        assert digests(content) == {hashlib.sha256(content).hexdigest()}
