"""What photographs become for a model: as it was trained, found out by labels, or likely for who made it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope.dataset import CONVENTIONS, find_images, heatmap
from kerascope.dataset.options import ImageOptions
from kerascope.dataset.preparing import fit_trial
from kerascope.dataset.preparing.detection import detect
from kerascope.dataset.preparing.fit_trial import MOST, FitTrial
from kerascope.dataset.preparing.loader_defaults import is_published
from kerascope.dataset.reading.sample import sample_by_label
from kerascope.dataset.running.job import Job
from kerascope.dataset.running.plan import plan
from tests.helpers.files.photographs import SMALL, network, rows_of

YELLOW = (250, 250, 0)


def sides() -> keras.Model:
    """Left or right: on which half there is more yellow."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(1, 1, name="yellow"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    halves = np.repeat(np.eye(2), 16, axis=0) / 64
    yellow = np.array([1.0, 1.0, -2.0]).reshape(1, 1, 3, 1)
    model.set_weights([yellow, np.zeros(1), np.tile(halves, (32, 1)), np.zeros(2)])
    return model


def photograph(path: Path, *spots: tuple[int, int]) -> None:
    """Grey, 32 x 96, with yellow between columns."""
    pixels = np.full((32, 96, 3), 60, "uint8")
    for left, right in spots:
        pixels[8:24, left:right] = YELLOW
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def at_the_edges(folder: Path, count: int = 16) -> Path:
    """What matters is cut off by a crop."""
    for number in range(count):
        photograph(folder / "left" / f"{number}.png", (2, 16))
        photograph(folder / "right" / f"{number}.png", (80, 94))
    return folder


def in_the_middle(folder: Path, count: int = 16) -> Path:
    """What matters is in the middle; what misleads is cut off by a crop."""
    for number in range(count):
        photograph(folder / "left" / f"{number}.png", (34, 46), (66, 94))
        photograph(folder / "right" / f"{number}.png", (50, 62), (2, 30))
    return folder


def planned(model: keras.Model | ks.Probe, folder: Path, **options: Any) -> Job:
    return plan(model, find_images(folder), "saliency", options=ImageOptions(**options))


def test_a_model_trained_on_squeezed_photographs_is_right_about_them(tmp_path: Path) -> None:
    probe = ks.Probe(sides(), batch_size=4)
    results = ks.explain_dataset(
        probe, at_the_edges(tmp_path / "wide"), tmp_path / "out", "hires_cam", **SMALL
    )
    rows = rows_of(results)
    assert [row["prediction"] for row in rows] == [row["label_index"] for row in rows]
    told = results.manifest["choices"]["preprocessing"]
    assert "stretch, bilinear-aliased, to 32 x 32" in told
    assert "right: stretch 100%, crop 50%, pad 100% of 32 labelled images" in told
    # Two about the first layers, and three fits and filters, of which some give the same images.
    spent = int(told.split("; ")[-1].split()[0])
    assert probe.forward_count == len(rows) + 2 + spent
    assert spent <= (3 + 3) * min(len(rows), MOST)
    heat = np.nan_to_num(heatmap(rows[0]))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 8 <= row < 24
    assert 2 <= column < 16


@pytest.mark.once
def test_labels_show_a_model_trained_on_the_middle(tmp_path: Path) -> None:
    job = planned(sides(), in_the_middle(tmp_path))
    assert job.options.preprocessing.fit == "crop"
    assert "by the labels" in job.choices["preprocessing"]
    assert job.doubts == ()


@pytest.mark.once
def test_a_few_labels_show_nothing(tmp_path: Path) -> None:
    job = planned(sides(), in_the_middle(tmp_path, count=2))
    assert job.options.preprocessing.fit == "stretch"
    assert "stretch 0%, crop 100%" in job.choices["preprocessing"]


@pytest.mark.once
def test_no_more_photographs_are_tried_than_there_is_need_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_trial, "MOST", 3)
    probe = ks.Probe(sides())
    job = planned(probe, at_the_edges(tmp_path, count=4))
    assert "of 3 labelled images" in job.choices["preprocessing"]
    assert probe.forward_count <= 2 + 3 * (3 + 3)


@pytest.mark.once
def test_without_labels_own_models_get_what_keras_loaders_give_with_one_note(tmp_path: Path) -> None:
    folder = at_the_edges(tmp_path) / "left"
    job = planned(sides(), folder)
    assert (job.options.preprocessing.fit, job.options.preprocessing.interpolation) == (
        "stretch",
        "bilinear-aliased",
    )
    (note,) = job.doubts
    assert note.startswith("PhotographNote: photographs such as")
    assert "32 x 96, are not of the model's proportions, 32 x 32; they are squeezed" in note
    assert planned(sides(), folder, fit="pad").doubts == ()


@pytest.mark.once
def test_published_networks_get_the_middle_and_their_backbones_do_not(tmp_path: Path) -> None:
    folder = at_the_edges(tmp_path, count=1) / "left"
    published = keras.applications.MobileNet(alpha=0.25, weights=None, input_shape=(32, 32, 3))
    found = planned(published, folder).options.preprocessing
    assert (found.name, found.fit, found.interpolation) == ("-1-1", "crop", "bilinear")
    own = keras.applications.MobileNet(alpha=0.25, weights=None, input_shape=(32, 32, 3), classes=2)
    assert planned(own, folder).options.preprocessing.fit == "stretch"


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    ["vgg16", "resnet50v2_1", "mobilenetv2_1.00_224", "efficientnetv2-b0", "convnext_tiny", "nasnet_mobile"],
)
def test_networks_of_keras_are_known_by_name(name: str) -> None:
    def named(name: str) -> keras.Model:
        return keras.Sequential([keras.Input((1000,)), keras.layers.Softmax()], name=name)

    assert is_published(named(name))
    assert not is_published(named(f"my_{name}"))


@pytest.mark.once
def test_the_name_of_a_convention_leaves_open_how_photographs_are_cut(tmp_path: Path) -> None:
    folder = at_the_edges(tmp_path, count=1) / "left"
    (tmp_path / "said.json").write_text('{"convention": "0-1", "fit": "crop"}')
    (tmp_path / "open.json").write_text('{"convention": "0-1"}')

    def fit(said: Any) -> str:
        return planned(sides(), folder, preprocessing=said).options.preprocessing.fit

    assert [fit("0-1"), fit(tmp_path / "open.json")] == ["stretch"] * 2
    assert [fit("efficientnet-lite"), fit(tmp_path / "said.json"), fit(CONVENTIONS["0-1"])] == ["crop"] * 3


@pytest.mark.once
def test_a_model_of_keras_hub_says_its_own() -> None:
    """Its preprocessor has these attributes in keras-hub 0.32."""
    model = network()
    converter = SimpleNamespace(
        image_size=(32, 32),
        scale=[0.1, 0.2, 0.3],
        offset=None,
        crop_to_aspect_ratio=True,
        pad_to_aspect_ratio=False,
        interpolation="bilinear",
        antialias=False,
    )
    model.preprocessor = SimpleNamespace(image_converter=converter)
    probe = ks.Probe(model)
    found = detect(probe, probe.blank())
    assert (found.preprocessing.fit, found.preprocessing.interpolation) == ("crop", "bilinear-aliased")
    assert (found.preprocessing.scale, found.preprocessing.offset) == ((0.1, 0.2, 0.3), 0.0)
    assert found.stated == {"fit", "interpolation"}


@pytest.mark.once
def test_labels_say_which_pixels_a_model_wants(tmp_path: Path) -> None:
    """Bright is where red is about .55, as 198 is from -1 to 1 and in no other convention."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 1, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    distance = np.zeros((1, 1, 3, 2))
    distance[0, 0, 0] = [1, -1]
    model.set_weights(
        [distance, np.array([-0.55, 0.55]), np.array([[-5.0, 0], [-5.0, 0]]), np.array([1.0, 0.0])]
    )
    for name, level in (("bright", 198), ("dark", 60)):
        (tmp_path / name).mkdir()
        for number in range(16):
            Image.new("RGB", (8, 8), (level,) * 3).save(tmp_path / name / f"{number}.png")
    job = planned(model, tmp_path)  # a warning would fail
    assert job.options.preprocessing.name == "-1-1"
    assert job.doubts == ()
    assert f"{5 * 32} predictions" in job.choices["preprocessing"]


@pytest.mark.once
def test_audits_take_the_same(tmp_path: Path) -> None:
    audit = ks.audit(sides(), at_the_edges(tmp_path), method="saliency", sanity=False, progress=False)
    assert audit.accuracy == 1


@pytest.mark.once
def test_classes_take_turns_though_a_folder_lists_one_after_another(tmp_path: Path) -> None:
    for name, count in (("a", 5), ("b", 2), ("c", 1)):
        for number in range(count):
            photograph(tmp_path / "in" / name / f"{number}.png")
    assert [item.label for item in sample_by_label(find_images(tmp_path / "in"))] == list("abcabaaa")


@pytest.mark.once
def test_another_candidate_is_taken_where_chance_is_unlikely() -> None:
    """Of two others, six photographs that one alone gets right show it (2/64 < .05), five do not (2/32)."""
    candidates = tuple(CONVENTIONS.values())[:3]

    def chosen(better: int) -> int:
        right = np.zeros((3, 20), bool)
        right[:, 10:] = True
        right[2, :better] = True
        return candidates.index(FitTrial(candidates, right, np.zeros((3, 20)), 60).best)

    assert [chosen(5), chosen(6)] == [0, 2]
