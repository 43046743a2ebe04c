"""Whatever the form of its head, a model of two classes gives the same table, report and audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from tests.helpers.networks.heads import FORMS, network

MEANS = np.array([-0.5, -0.25, 0.25, 0.5])
"""Of the images, as the model takes them; the first two are of class 0."""
SCORES = 5 * MEANS + 0.25
CHANCES = 1 / (1 + np.exp(-SCORES))


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cats and two dogs: grey pictures, brighter from left to right, of four mean values."""
    folder = tmp_path_factory.mktemp("pets")
    ramp = np.tile(np.linspace(-20, 20, 6), (6, 1))
    for number, mean in enumerate(MEANS):
        name = ("cat", "dog")[number // 2]
        (folder / name).mkdir(exist_ok=True)
        pixels = np.round((mean + 1) * 127.5 + ramp).astype("uint8")
        Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def lost(images: Any) -> Any:
    """The average drop of Grad-CAM by hand: what speaks for class 1 is where the image is bright."""
    signs = np.array([-1, -1, 1, 1]).reshape(-1, 1, 1, 1)
    maps = np.maximum(signs * images, 0)
    low = maps.min(axis=(1, 2), keepdims=True)
    left = images * (maps - low) / (maps.max(axis=(1, 2), keepdims=True) - low)
    before, after = (
        1 / (1 + np.exp(-signs.ravel() * (5 * one.mean(axis=(1, 2, 3)) + 0.25))) for one in (images, left)
    )
    return np.maximum(0, before - after) / before


@pytest.mark.once
def test_columns_of_0_and_1_must_be_the_classes(pets: Path, tmp_path: Path) -> None:
    rows = [f"{pets}/{path},{int(path < 'dog')},{int(path > 'dog')},{number % 2}"
            for number, path in enumerate(("cat/0.png", "cat/1.png", "dog/2.png", "dog/3.png"))]  # fmt: skip
    (tmp_path / "list.csv").write_text("\n".join(["path,cat,dog,fold", *rows]))
    options: dict[str, Any] = {"preprocessing": "-1-1", "method": "grad_cam", "progress": False}
    model, out = network("activation"), tmp_path / "out"
    for columns in (None, "dog,fold"):
        with pytest.raises(ks.errors.DatasetError, match=r"2 classes, with a single 1.*label_column"):
            ks.explain_dataset(model, tmp_path / "list.csv", out, label_column=columns, **options)
    found = ks.explain_dataset(model, tmp_path / "list.csv", out, label_column="cat,dog", **options)
    assert [row["label_index"] for row in found.rows()] == [0, 0, 1, 1]
    swapped = ks.audit(model, tmp_path / "list.csv", label_column="dog,cat", sanity=False, **options)
    assert swapped.accuracy == 0


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS)
def test_every_head_gives_the_same_table_report_and_audit(form: str, pets: Path, tmp_path: Path) -> None:
    model = network(form)
    options: dict[str, Any] = {"preprocessing": "-1-1", "method": "grad_cam", "progress": False}
    rows = list(ks.explain_dataset(model, pets, tmp_path / "out", overlay=None, **options).rows())
    assert [row["prediction"] for row in rows] == [0, 0, 1, 1]
    assert [row["prediction_name"] for row in rows] == ["cat", "cat", "dog", "dog"]
    assert [row["label_index"] for row in rows] == [0, 0, 1, 1]
    assert np.allclose([row["score"] for row in rows], np.abs(SCORES), atol=0.05)
    if form != "two outputs":
        assert np.allclose([row["probability"] for row in rows], np.maximum(CHANCES, 1 - CHANCES), atol=0.01)
    named = ks.explain_dataset(model, pets, tmp_path / "named", target="cat", overlay=None, **options)
    assert np.allclose([row["score"] for row in named.rows()], -SCORES, atol=0.05)
    audit = ks.audit(model, pets, sanity=False, **options)
    assert (audit.accuracy, [one.name for one in audit.classes]) == (1.0, ["cat", "dog"])
    probe = ks.Probe(model, output=None if form == "two outputs" else "binary")
    images = MEANS.reshape(-1, 1, 1, 1) + np.linspace(-0.1, 0.1, 36).reshape(1, 6, 6, 1)
    report = ks.evaluate(
        [ks.GradCAM()], probe, images, [0, 0, 1, 1], metrics=["average_drop"], progress=False
    )
    found = report.values[report.methods.index("GradCAM()"), report.column("average_drop")]
    if form != "two outputs":
        assert np.allclose(found, lost(images), atol=1e-5)
