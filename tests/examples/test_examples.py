"""The examples: what they print and leave behind, and the pictures that one of them makes itself."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

import examples
import kerascope as ks
from examples import bus_and_snow, cifar10, colour_pictures, coloured_shapes, imagenet_classes, vehicles
from tests.helpers.processes.once_per_run import once_per_run

pytestmark = pytest.mark.once
slow = pytest.mark.slow

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(examples.__path__, "examples.")
    if not module.name.endswith("__main__")
)
FIGURES = ("methods.png", "layers.png", "classes.png")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures are made."""
    monkeypatch.setattr(colour_pictures, "MADE_PER_CLASS", 20)
    monkeypatch.setattr(colour_pictures, "MADE_TEST_PER_CLASS", 10)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A network that takes connections and never answers; nothing in the cache, no Debian package."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(colour_pictures, "FASHION_FOLDER", tmp_path / "missing")
    monkeypatch.setattr(colour_pictures, "ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/cifar-10-python.tar.gz"
        monkeypatch.setattr(colour_pictures, "ADDRESS", address)
        yield


# ---- the whole of it -------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run of the"""

    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "new" / "output"

    @property
    def printed(self) -> str:
        return (self.folder / "printed.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    def make(folder: Path) -> None:
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
            patch.setattr(colour_pictures, "MADE_PER_CLASS", 20)
            patch.setattr(colour_pictures, "MADE_TEST_PER_CLASS", 10)
            patch.setattr(cifar10, "IDEAL", replace(cifar10.IDEAL, steps=16))
            arguments = ["--data", "made", "--epochs", "1", "--output", str(Run(folder).output)]
            assert cifar10.main(arguments) == 0, printed.getvalue()
        (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")

    return Run(once_per_run(tmp_path_factory, "cifar10", make))


@slow
def test_it_says_what_it_does_and_how_well_the_network_reads(run: Run) -> None:
    for text in (
        f"Keras {keras.__version__} on {keras.backend.backend()}",
        "coloured shapes made here, seed 0 (200 to train on, 100 to test)",
        cifar10.WHY,
        "convolution_3: 8 x 8 places that see 18 x 18 pixels",
    ):
        assert text in run.printed
    assert re.search(r"test accuracy \d+\.\d%", run.printed)
    assert re.search(r"Guided Grad-CAM: \d+% of the map lies on the object, which covers 1\d%", run.printed)


@slow
def test_the_figures_are_pictures(run: Run) -> None:
    assert {path.name for path in run.output.iterdir()} == {*FIGURES, "network.keras"}
    for name in FIGURES:
        with Image.open(run.output / name) as image:
            pixels = np.asarray(image.convert("RGB"), int)
        assert 600 < pixels.shape[1] < 2000, name
        assert 400 < pixels.shape[0] < 3000, name
        assert pixels.std() > 20, f"{name} shows something"
        # What excites classes may be black and white, the more so after little training.
        coloured = (np.ptp(pixels, axis=-1) > 30).mean() > 0.01
        assert coloured or name == "classes.png", f"{name} is coloured"
        frame = np.concatenate([pixels[:8].reshape(-1, 3), pixels[:, :8].reshape(-1, 3)])
        assert (frame == 255).all(), f"{name}: nothing is cut at the edge"


@slow
def test_the_network_is_saved_and_loads_again(run: Run) -> None:
    model = keras.saving.load_model(run.output / "network.keras")
    assert model.layers[-1].name == "visualized_layer"
    assert model.output_shape == (None, 10)


def test_what_is_missing_is_said(offline: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for source, said in (("cifar10", "the network did not answer"), ("fashion", "dataset-fashion-mnist")):
        assert cifar10.main(["--data", source, "--output", str(tmp_path)]) == 1
        assert said in capsys.readouterr().err


def test_one_picture_that_is_read_wrongly_is_chosen() -> None:
    labels, predictions = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 2, 1])
    assert cifar10.choose(labels, predictions, 3).tolist() == [0, 3, 2]
    assert cifar10.choose(labels, labels, 3).tolist() == [0, 2, 4]


# ---- the pictures ----------------------------------------------------------------------------


def test_without_a_network_shapes_are_made_and_that_is_said(few: None, offline: None) -> None:
    pictures = colour_pictures.load_pictures("auto")
    assert pictures.source.startswith("coloured shapes made here")
    cifar10, fashion = pictures.passed_over
    assert "CIFAR-10: not in Keras's cache, and the network did not answer within 0.1 s" in cifar10
    assert "dataset-fashion-mnist" in fashion


def test_without_a_network_clothes_are_taken_where_they_are_installed(
    offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        images, labels = random.integers(256, size=(count, 28, 28)), np.arange(count) % 10
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(colour_pictures, "FASHION_FOLDER", tmp_path)
    pictures = colour_pictures.load_pictures("auto")
    assert "Fashion-MNIST" in pictures.source
    assert len(pictures.passed_over) == 1
    assert pictures.train_images.shape == (20, 28, 28, 3)
    assert pictures.test_labels.tolist() == list(range(10))
    np.testing.assert_allclose(pictures.test_images[..., 2] * 255, images, atol=1e-4)


def test_photographs_are_taken_where_they_are_cached(
    offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_data() -> Any:
        assert socket.getdefaulttimeout() == colour_pictures.STALL_SECONDS
        images, labels = np.full((20, 32, 32, 3), 255, np.uint8), np.arange(20, dtype=np.uint8)[:, None] % 10
        return (images, labels), (images[:10], labels[:10])

    (tmp_path / "empty" / "datasets" / "cifar-10-batches-py-target").mkdir(parents=True)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    pictures = colour_pictures.load_pictures("auto")
    assert "keras.datasets.cifar10" in pictures.source
    assert pictures.train_images.max() == 1
    assert sorted(pictures.train_labels) == sorted(list(range(10)) * 2)
    assert pictures.test_labels.shape == (10,)
    assert socket.getdefaulttimeout() is None


def test_a_failing_download_falls_back(few: None, offline: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_data() -> Any:
        raise Exception("URL fetch failure")  # what Keras raises

    monkeypatch.setattr(colour_pictures, "answers", lambda *asked: True)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    pictures = colour_pictures.load_pictures("auto")
    assert "the download failed (URL fetch failure)" in pictures.passed_over[0]


def test_another_source_is_refused() -> None:
    with pytest.raises(ValueError, match="'web'"):
        colour_pictures.load_pictures("web")


def test_coloured_shapes_are_determined_by_the_seed(few: None) -> None:
    first, again, other = (colour_pictures.load_pictures("made", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train_images, again.train_images)
    np.testing.assert_array_equal(first.test_labels, again.test_labels)
    assert (first.train_images != other.train_images).any()


def test_coloured_shapes_are_balanced_and_the_ground_does_not_tell_the_class() -> None:
    images, labels, objects = coloured_shapes.make_pictures(60, np.random.default_rng(0))
    assert images.shape == (600, 32, 32, 3)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert np.bincount(labels).tolist() == [60] * 10
    assert (np.bincount(labels[:200], minlength=10) > 5).all(), "shuffled"
    assert len({image.tobytes() for image in images}) == 600
    assert (objects.mean(axis=(1, 2)) > 0.02).all()
    for region in (objects, ~objects):
        colours = np.stack([image[inside].mean(axis=0) for image, inside in zip(images, region, strict=True)])
        means = np.stack([colours[labels == label].mean(axis=0) for label in range(10)])
        assert np.ptp(means, axis=0).max() < 5 * colours.std() / np.sqrt(60)


@slow
def test_imagenet_classes(tmp_path: Path) -> None:
    told = io.StringIO()
    sheet, gif = tmp_path / "sheet.png", tmp_path / "run.gif"
    asked = [str(sheet), "--classes", "zebra", "espresso", "--steps", "3", "--animation", str(gif)]
    with contextlib.redirect_stdout(told):
        assert imagenet_classes.main(asked) == 0
    assert re.findall(r"^(\w+) +score +\S+ probability \d\.\d{4}$", told.getvalue(), re.MULTILINE) == [
        "zebra",
        "espresso",
    ]
    with Image.open(sheet) as image:
        assert min(image.size) > 200
    with Image.open(gif) as image:
        assert image.size == (448, 224)


@slow
@pytest.mark.parametrize("module", MODULES)
def test_the_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert not result.failed, f"{result.failed} of {result.attempted} examples fail"


@slow
def test_an_audit_names_the_snow_and_training_on_balanced_pictures_mends_it(
    tmp_path: Path, seed: int
) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert bus_and_snow.main([str(tmp_path), "--masks", "--seed", str(seed)]) == 0
    biased, balanced = (ks.open_audit(tmp_path / f"audit-{name}") for name in ("biased", "balanced"))
    # Right on pictures like its own, and the reason is named.
    assert biased.accuracy is not None
    assert biased.accuracy > 0.9
    (snow,) = biased.shortcuts
    print(f"right {biased.accuracy:.1%}, effect of what lies outside the object {snow.effect:.0%}")
    assert (snow.name, snow.kind, snow.absence) == ("bus", "outside", ("car",))
    assert snow.effect > 0.6
    # What is read in several ways is one finding.
    assert any(what.startswith("the background (") for what in snow.same)
    assert "bus on road 0%" in said.getvalue()
    changes = ks.compare_audits(biased, balanced)
    assert ("bus", "outside") in {(one.name, one.kind) for one in changes.gone}
    assert balanced.shortcuts == ()
    assert changes.shared == 400
    assert "Class bus relies on what lies outside the object" in (tmp_path / "biased.html").read_text(
        encoding="utf-8"
    )


def test_vehicles_are_where_they_say_and_scenes_as_often(tmp_path: Path) -> None:
    for label in vehicles.CLASSES:
        for scene in vehicles.SCENES:
            picture, inside = vehicles.draw(label, scene, np.random.default_rng(3))
            assert picture.shape == (64, 64, 3)
            assert 0.04 < inside.mean() < 0.25
            assert abs(picture[inside].mean() - picture[~inside].mean()) > 3
    vehicles.write(tmp_path, 60, vehicles.BIASED, 1)
    buses = [path.name for path in (tmp_path / "bus").iterdir()]
    assert len(buses) == 60
    assert sum("snow" in name for name in buses) > 50
