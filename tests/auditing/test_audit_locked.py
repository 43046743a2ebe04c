"""The folder of an audit is one run's until its last file is written, and never loses what is not its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.auditing import multilabel, pipeline
from kerascope.auditing.shortcuts import search
from kerascope.dataset.writing.store import Store
from tests.helpers.files.folders import contents, others, png
from tests.helpers.files.photographs import cuttings, network

pytestmark = pytest.mark.once

OPTIONS: dict[str, Any] = {
    "method": "saliency",
    "sanity": False,
    "batch_size": 4,
    "threads": 0,
    "progress": False,
}


def labels_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="sigmoid"),
        ]
    )


@pytest.fixture(scope="module", params=["classes", "labels"])
def several(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "labels")


@pytest.fixture(scope="module")
def probe(several: bool) -> ks.Probe:
    keras.utils.set_random_seed(1)
    return ks.Probe(labels_network() if several else network(size=12), batch_size=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    cuttings(folder, 8, (12, 12))
    return folder


def test_a_second_run_is_refused_at_every_stage(
    probe: ks.Probe, photos: Path, several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stages = tmp_path / "out", []

    def refused(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def tried(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            stages.append(name)
            for more in ({}, {"resume": True}, {"overwrite": True}):
                with pytest.raises(errors.LockedError, match="another one writes"):
                    ks.audit(probe, photos, folder=out, **OPTIONS, **more)
            for folder in [out] if not several else out.glob("*-*"):
                with pytest.raises(errors.LockedError, match="another one writes"):
                    ks.explain_dataset(probe, photos, folder, overwrite=True, progress=False)
            return result

        return tried

    stopped = pytest.MonkeyPatch()
    for name, room, attribute in (
        ("explained", pipeline.AuditData, "of"),
        ("searched", search, "find_shortcuts"),
        ("drawn", pipeline, "_write_pictures"),
        ("written", pipeline.Audit, "save"),
        ("all written", multilabel.LabelAudits, "save"),
    ):
        stopped.setattr(room, attribute, refused(name, getattr(room, attribute)))
    try:
        found = ks.audit(probe, photos, folder=out, **OPTIONS)
    finally:
        stopped.undo()
    each = ["explained", "searched", "drawn", "written"]
    assert stages == ([*each, *each, "all written"] if several else each)
    assert ks.open_audit(out).to_json() == found.to_json()
    assert ks.audit(probe, photos, folder=out, overwrite=True, **OPTIONS).images == 8


def test_a_refused_audit_has_changed_nothing(
    probe: ks.Probe, photos: Path, several: bool, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ks.audit(probe, photos, folder=out, **OPTIONS)
    before = contents(out)
    for options, kind, said in (
        ({"masks": np.zeros((3, 12, 12), bool)}, errors.ParameterError, "one for each of the 8 images"),
        ({"masks": tmp_path / "none"}, errors.ParameterError, "masks must be"),
        ({"masks": out}, errors.DatasetError, "must not be replaced"),
        ({"model_file": out / "audit.json"}, errors.DatasetError, "must not be replaced"),
        ({"resume": True}, errors.ParameterError, "leave one out"),
        ({"clustering": "no"}, errors.ParameterError, "clustering"),
        ({"preprocessing": "no"}, errors.ParameterError, "preprocessing"),
        ({"only": [0]} if not several else {"only": [7]}, errors.ParameterError, "only"),
        ({"shard_size": 0}, errors.ParameterError, "shard_size"),
        ({"threads": -1}, errors.ParameterError, "threads"),
    ):
        with pytest.raises(kind, match=said):
            ks.audit(probe, photos, folder=out, overwrite=True, **{**OPTIONS, **options})
        assert contents(out) == before, options
    with Store(out).lock, pytest.raises(errors.LockedError):
        ks.audit(probe, photos, folder=out, overwrite=True, **OPTIONS)
    assert contents(out) == before


def test_what_others_have_put_into_an_audit_stays(
    probe: ks.Probe, photos: Path, several: bool, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ks.audit(probe, photos, folder=out, **OPTIONS)
    inner = next(out.glob("0-*")) if several else out
    for folder in {out, inner}:
        (folder / "notes.txt").write_text("mine")
    (inner / "audit-pictures" / "mine.png").write_bytes(png())
    (inner / "data" / "_SUCCESS").touch()
    named = len(list((inner / "audit-pictures").iterdir()))
    ks.audit(probe, photos, folder=out, overwrite=True, **OPTIONS)
    assert (inner / "audit-pictures" / "mine.png").read_bytes() == png()
    assert (inner / "data" / "_SUCCESS").exists()
    assert {(folder / "notes.txt").read_text() for folder in {out, inner}} == {"mine"}
    assert len(list((inner / "audit-pictures").iterdir())) == named
    # In the way of what would be written.
    for name in ("audit.json", "audit-pictures/000099.png"):
        kept = (inner / name).read_bytes() if (inner / name).exists() else None
        (inner / name).write_bytes(png())
        before = contents(out)
        for options in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(errors.DatasetError, match="not kerascope's"):
                ks.audit(probe, photos, folder=out, **OPTIONS, **options)
            assert contents(out) == before
        if kept is not None:
            (inner / name).write_bytes(kept)


def test_an_audit_that_was_stopped_early_can_be_overwritten(
    probe: ks.Probe, photos: Path, several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its audit.json is written; of several labels, folders of labels are all that there is."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_write_pictures", lambda *_: json.loads(""))
        with pytest.raises(ValueError, match="Expecting value"):
            ks.audit(probe, photos, folder=out, **OPTIONS)
    assert not (out / "audit.json").exists()
    assert ks.audit(probe, photos, folder=out, overwrite=True, **OPTIONS).images == 8
    if several:
        shutil.rmtree(out)
        others(out)
        shutil.rmtree(out / "data")
        (out / "0-mine").mkdir()
        before = contents(out)
        with pytest.raises(errors.DatasetError):
            ks.audit(probe, photos, folder=out, overwrite=True, **OPTIONS)
        assert contents(out) == before


def test_pictures_of_audits_before_they_were_signed_are_removed(
    probe: ks.Probe, photos: Path, several: bool, tmp_path: Path
) -> None:
    """By what audit.json names."""
    if several:
        pytest.skip("the same for each label")
    out = tmp_path / "out"
    found = ks.audit(probe, photos, folder=out, **OPTIONS)
    pictures = sorted((out / "audit-pictures").iterdir())
    assert pictures
    for path in pictures:
        path.write_bytes(png())
    ks.explain_dataset(probe, photos, out, overwrite=True, progress=False)
    assert not (out / "audit-pictures").exists()
    with pytest.raises(errors.DatasetError, match="make one first"):
        ks.open_audit(out)
    assert found.images == 8
