"""Whole folders explained: rows, pictures, faults, labels, and what models are fed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.dataset
import pytest
from PIL import Image

import kerascope as ks
from kerascope import errors
from kerascope.dataset import heatmap
from kerascope.dataset.options import ImageOptions
from kerascope.dataset.running import explainer as explainer_room
from tests.helpers.expected_warnings import warned
from tests.helpers.files.photographs import (
    PHOTOGRAPHS,
    SMALL,
    copied,
    cuttings,
    faulty_folder,
    labelled,
    network,
    rows_of,
    same,
    shipped,
)


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


def opened(path: Any) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def test_rows_are_what_a_method_gives(probe: ks.Probe, folder: Path, tmp_path: Path) -> None:
    results = ks.explain_dataset(probe, folder, tmp_path / "out", target=1, **SMALL)
    assert dict(results.counts) == {"images": 16, "explained": 15, "failed": 1, "rows": 16, "shards": 3}
    assert results.manifest["status"] == "complete"
    rows = rows_of(results)
    assert [row["index"] for row in rows] == list(range(16))
    good = [row for row in rows if row["status"] == "explained"]
    pixels = []
    for row in good:
        picture = opened(row["path"])
        assert (row["height"], row["width"], row["box"]) == (44, 60, [0, 0, 44, 60])
        pixels.append(np.asarray(picture, "float32"))
    images = keras.ops.convert_to_numpy(keras.ops.image.resize(np.stack(pixels), (32, 32)))
    wanted = ks.MultiScaleCAM()(probe, images, target=1)  # by default
    tolerance = 1e-4 * wanted.values.max()
    np.testing.assert_allclose(np.stack([row["map"] for row in good]), wanted.values, atol=tolerance)
    np.testing.assert_allclose([row["score"] for row in good], wanted.scores, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose([row["probability"] for row in good], wanted.probabilities, rtol=1e-4)
    assert [row["prediction"] for row in good] == list(wanted.predictions)
    assert {(row["target"], row["method"], row["layer"]) for row in good} == {
        (1, "MultiScaleCAM()", "second")
    }
    assert results.manifest["choices"]["method"].startswith(
        "MultiScaleCAM() (auto: MultiScaleCAM, since 'second'"
    )
    assert {row["label"] for row in good} == {"cat", "coffee"}
    # The folder has a subfolder for each of the two outputs, so these are their names.
    assert {(row["label"], row["label_index"]) for row in good} == {("cat", 0), ("coffee", 1)}
    assert {row["target_name"] for row in good} == {"coffee"}
    (bad,) = (row for row in rows if row["status"] == "failed")
    assert bad["path"].endswith("cat/bad.jpg")
    assert "formats" in bad["error"]
    assert (bad["map"], bad["score"], bad["target"], bad["overlay"]) == (None,) * 4


def test_pictures_and_heat_maps_have_the_size_of_the_photograph(
    probe: ks.Probe, folder: Path, tmp_path: Path
) -> None:
    results = ks.explain_dataset(
        probe, folder, tmp_path / "out", ks.LayerCAM(layer="first"), fit="crop", **SMALL
    )
    for row in rows_of(results):
        if row["status"] == "failed":
            continue
        whole = heatmap(row)
        assert whole.shape == (44, 60)
        assert np.isnan(whole[:, :8]).all()
        assert np.isnan(whole[:, 52:]).all()
        assert np.isfinite(whole[:, 8:52]).all()
        overlay = opened(tmp_path / "out" / row["overlay"])
        assert overlay.size == (60, 44)
        assert Path(row["overlay"]).suffix == ".jpg"
        assert Path(row["overlay"]).parts[:2] == ("overlays", row["label"])
    with pytest.raises(errors.DatasetError, match="formats"):
        heatmap(next(row for row in rows_of(results) if row["status"] == "failed"))


def test_the_table_is_plain_parquet(probe: ks.Probe, folder: Path, tmp_path: Path) -> None:
    results = ks.explain_dataset(probe, folder, tmp_path / "out", overlay=None, map_type="float16", **SMALL)
    assert not (tmp_path / "out" / "overlays").exists()
    table = pyarrow.dataset.dataset(tmp_path / "out" / "data").to_table()
    assert table.equals(results.table())
    kind = table.schema.field("map").type
    assert (kind.shape, str(kind.value_type)) == ([32, 32], "halffloat")
    assert table["status"].to_pylist().count("explained") == 15
    frame = results.table(["path", "score"]).to_pandas()
    assert frame["score"].notna().sum() == 15
    assert ks.open_results(tmp_path / "out").counts == results.counts


def test_several_classes_of_an_image_are_several_rows(probe: ks.Probe, folder: Path, tmp_path: Path) -> None:
    results = ks.explain_dataset(probe, folder, tmp_path / "out", "saliency", target=ks.Top(2), **SMALL)
    assert results.counts["rows"] == 31
    rows = [row for row in rows_of(results) if row["status"] == "explained"]
    assert [row["rank"] for row in rows] == [1, 2] * 15
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert first["path"] == second["path"]
        assert {first["target"], second["target"]} == {0, 1}
        assert first["score"] >= second["score"]
        assert first["map"].shape == (32, 32)
        assert first["overlay"] != second["overlay"]


def test_the_label_of_each_image_is_explained(probe: ks.Probe, folder: Path, tmp_path: Path) -> None:
    results = ks.explain_dataset(probe, folder, tmp_path / "out", target="label", overlay=None, **SMALL)
    for row in rows_of(results):
        if row["status"] == "explained":
            assert row["target"] == row["label_index"]
    loose = tmp_path / "loose"
    cuttings(loose, 2)
    (loose / "cat" / "000.jpg").rename(loose / "000.jpg")
    with pytest.raises(errors.TargetError, match="class_names"):
        ks.explain_dataset(probe, loose, tmp_path / "out2", target="label", **SMALL)
    given = ks.explain_dataset(
        probe, loose, tmp_path / "out3", target="label", class_names=["cat", "coffee"], overlay=None, **SMALL
    )
    assert given.counts["failed"] == 2
    assert "must have a label" in rows_of(given)[0]["error"]


def test_faults_are_rows_and_nothing_more(probe: ks.Probe, tmp_path: Path) -> None:
    root = tmp_path / "faulty"
    wanted = faulty_folder(root)
    for name in PHOTOGRAPHS:
        copied(name, root)
        wanted[name] = None
    results = ks.explain_dataset(probe, root, tmp_path / "out", **SMALL)
    rows = {Path(row["path"]).name: row for row in rows_of(results)}
    assert sorted(rows) == sorted(wanted)
    for name, said in wanted.items():
        row = rows[name]
        assert row["status"] == ("explained" if said is None else "failed"), (name, row["error"])
        assert said is None or said in row["error"], (name, row["error"])
    assert results.counts["failed"] == sum(said is not None for said in wanted.values())
    assert dict(results.failures()).keys() == {
        rows[name]["path"] for name, said in wanted.items() if said is not None
    }
    for name, note in {
        "alpha.png": "transparency",
        "animated.gif": "first of 2",
        "cmyk.jpg": "colour profile",
        "sixteen.png": "16 bits",
    }.items():
        assert note in rows[name]["warnings"][0]
    assert (rows["turned.jpg"]["height"], rows["turned.jpg"]["width"]) == (48, 32)
    overlay = opened(tmp_path / "out" / rows["turned.jpg"]["overlay"])
    assert overlay.size == (32, 48)


def test_a_large_photograph_is_not_held(
    probe: ks.Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is decoded again where its picture is drawn, with the same result."""
    copied("coffee.png", tmp_path / "in")
    kept = ks.explain_dataset(probe, tmp_path / "in", tmp_path / "out1", **SMALL)
    monkeypatch.setattr(explainer_room, "_KEPT", 100)
    again = ks.explain_dataset(probe, tmp_path / "in", tmp_path / "out2", **SMALL)
    same(kept.folder, again.folder)


def test_a_file_that_vanishes_meanwhile(
    probe: ks.Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is read: a row with its error. Between reading and drawing: a row without its picture."""
    cuttings(tmp_path / "in", 6)
    monkeypatch.setattr(explainer_room, "_KEPT", 0)
    whole = explainer_room.Explainer.explain

    def explain(self: Any, batch: Any) -> Any:
        (tmp_path / "in" / "cat" / "000.jpg").unlink(missing_ok=True)
        (tmp_path / "in" / "coffee" / "005.jpg").unlink(missing_ok=True)
        shutil.copy(shipped("rocket.jpg"), tmp_path / "in" / "coffee" / "001.jpg")
        return whole(self, batch)

    monkeypatch.setattr(explainer_room.Explainer, "explain", explain)
    results = ks.explain_dataset(probe, tmp_path / "in", tmp_path / "out", threads=0, **SMALL)
    rows = rows_of(results)
    assert [row["status"] for row in rows] == ["explained"] * 5 + ["failed"]
    assert rows[0]["overlay"] is None
    assert any("another one now" in row["warnings"][0] for row in rows[:5] if row["warnings"])
    assert "no picture was drawn (a file must be readable; No such file" in rows[0]["warnings"][0]
    assert "No such file" in rows[5]["error"]


def test_grey_models_and_models_of_any_size(folder: Path, tmp_path: Path) -> None:
    grey = network(channels=1, size=24)
    results = ks.explain_dataset(grey, folder, tmp_path / "grey", "saliency", **SMALL)
    assert results.counts["explained"] == 15
    row = rows_of(results)[0]
    pixels = np.asarray(opened(row["path"]).convert("L"), "float32")[None, ..., None]
    wanted = ks.Probe(grey).scores(keras.ops.convert_to_numpy(keras.ops.image.resize(pixels, (24, 24))))
    np.testing.assert_allclose(row["score"], wanted[0], rtol=1e-4, atol=1e-6)
    anything = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    with pytest.raises(errors.InputError, match="size"):
        ks.explain_dataset(anything, folder, tmp_path / "any", **SMALL)
    results = ks.explain_dataset(anything, folder, tmp_path / "any", size=(20, 30), **SMALL)
    assert rows_of(results)[0]["map"].shape == (20, 30)
    results = ks.explain_dataset(anything, folder, tmp_path / "fast", "fast", size=(20, 30), **SMALL)
    assert rows_of(results)[0]["map"].shape == (18, 28)


def test_doubtful_preprocessing_is_warned_about_with_what_was_measured(folder: Path, tmp_path: Path) -> None:
    plain = keras.Sequential(network().layers[1:])
    plain.build((None, 32, 32, 3))
    with warned(errors.PreprocessingWarning, r"0-1 was assumed.*Right: 0-1 stretch \d+%, "):
        results = ks.explain_dataset(plain, folder, tmp_path, overlay=None, size=32, **SMALL)
    assert results.manifest["warnings"][0].startswith("PreprocessingWarning: ")
    assert "assumed" in results.manifest["choices"]["preprocessing"]


def test_labels_that_are_no_classes_are_warned_about(folder: Path, tmp_path: Path) -> None:
    with warned(errors.KerascopeWarning, r"2 labels, such as 'cat', and the model 5 outputs"):
        results = ks.explain_dataset(network(classes=5), folder, tmp_path, overlay=None, **SMALL)
    assert {row["label_index"] for row in rows_of(results)} == {None}
    assert {row["label"] for row in rows_of(results)} == {"cat", "coffee"}


@pytest.mark.parametrize(
    ("weight", "bias", "words"), [(0.0, -1.0, "is constant"), (1e-3, 1.0, r"varies by \S+%")]
)
def test_flat_maps_are_marked_by_row(
    folder: Path, tmp_path: Path, weight: float, bias: float, words: str
) -> None:
    dead = network()
    dead.get_layer("second").set_weights([np.full((3, 3, 6, 8), weight), np.full(8, bias)])
    dead.get_layer("head").set_weights([np.ones((8, 2)), np.zeros(2)])
    results = ks.explain_dataset(dead, folder, tmp_path, "fast", **SMALL)
    rows = [row for row in rows_of(results) if row["status"] == "explained"]
    assert rows
    for row in rows:
        assert re.search(f"^FlatMapWarning: the map {words}", row["warnings"][0])


def test_options_from_numpy_are_kept_as_python_writes_them() -> None:
    options = ImageOptions(overlay=np.str_("png"), batch_size=np.int64(4), shard_size=np.int64(8))
    assert json.loads(json.dumps([options.overlay, options.batch_size, options.shard_size])) == ["png", 4, 8]
