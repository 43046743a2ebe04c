"""Folders of photographs, and mosaics of four classes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from kerascope import errors
from kerascope.dataset import mosaics, read_folder
from kerascope.dataset.decoding import photograph as photograph_room
from tests.helpers.expected_warnings import warned

pytestmark = pytest.mark.once


def photograph(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (20, 12)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photographs"
    for number in range(3):
        photograph(root / "dog" / f"{number}.png", (200, number, 0))
    photograph(root / "cat" / "one.JPG", (0, 0, 255))
    photograph(root / "cat" / "two.bmp", (0, 255, 0))
    (root / "cat" / "notes.txt").write_text("not a picture")
    (root / "empty").mkdir()
    photograph(root / "loose.png", (1, 2, 3))
    return root


def test_subfolders_are_classes(folder: Path) -> None:
    found = read_folder(folder, size=8)
    assert found.images.shape == (5, 8, 8, 3)
    assert found.images.dtype == np.float32
    assert found.class_names == ("cat", "dog", "empty")
    assert found.labels.tolist() == [0, 0, 1, 1, 1]
    assert found.paths == ("cat/one.JPG", "cat/two.bmp", "dog/0.png", "dog/1.png", "dog/2.png")
    np.testing.assert_array_equal(found.images[1, 0, 0], [0, 255, 0])
    np.testing.assert_array_equal(found.images[4, 3, 3], [200, 2, 0])
    assert read_folder(folder, size=(6, 9)).images.shape == (5, 6, 9, 3)


def test_the_middle_is_kept_in_its_shape(tmp_path: Path) -> None:
    """Of a wide picture the sides are cut off where that is asked for."""
    picture = np.zeros((10, 30, 3), "uint8")
    picture[:, 10:20] = 255
    (tmp_path / "wide").mkdir()
    Image.fromarray(picture).save(tmp_path / "wide" / "one.png")
    assert (read_folder(tmp_path, size=10, fit="crop").images == 255).all()


def test_a_folder_is_read_as_keras_reads_it(tmp_path: Path) -> None:
    """Wide pictures squeezed, without antialiasing."""
    pytest.importorskip("tensorflow")  # Keras reads folders with it, on any backend
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        pixels = generator.integers(0, 256, (40, 90, 3), dtype="uint8")
        Image.fromarray(pixels).save(tmp_path / name / "one.png")
    wanted = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(16, 12), shuffle=False, verbose=False
    )
    found = read_folder(tmp_path, size=(16, 12))
    np.testing.assert_allclose(found.images, np.asarray(next(iter(wanted))[0]), atol=0.01)


def test_a_photograph_that_was_turned_is_turned_back(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), "uint8")
    picture[:4] = 255
    (tmp_path / "turned").mkdir()
    image = Image.fromarray(picture)
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "turned" / "one.png", exif=exif)
    found = read_folder(tmp_path, size=8).images[0]
    assert found[:4].max() == 0
    assert found[4:].min() == 255


def test_some_of_each_class_are_drawn(folder: Path) -> None:
    found = read_folder(folder, size=8, per_class=2, seed=1)
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.paths == read_folder(folder, size=8, per_class=2, seed=1).paths
    others = {read_folder(folder, size=8, per_class=2, seed=seed).paths for seed in range(6)}
    assert len(others) > 1


def test_what_cannot_be_read_is_left_out_and_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    photograph(folder / "dog" / "large.png", (9, 9, 9), (40, 40))
    monkeypatch.setattr(photograph_room, "MAX_PIXELS", 1000)
    with warned(errors.KerascopeWarning, r"dog/broken.png.*dog/large.png .*1,000 pixels; got 40 x 40"):
        found = read_folder(folder, size=8)
    assert len(found.images) == 5


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    photograph(tmp_path / "elsewhere" / "secret" / "one.png", (7, 7, 7))
    (folder / "dog" / "linked.png").symlink_to(tmp_path / "elsewhere" / "secret" / "one.png")
    (folder / "zebra").symlink_to(tmp_path / "elsewhere" / "secret", target_is_directory=True)
    (folder / "dog" / "again.png").symlink_to(folder / "dog" / "0.png")  # leads inside
    with warned(errors.KerascopeWarning, "linked.png .*leads out of it"):
        found = read_folder(folder, size=8)
    assert found.class_names == ("cat", "dog", "empty")
    assert "dog/linked.png" not in found.paths
    assert len(found.paths) == 6


def test_no_folder_and_no_pictures_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="must exist"):
        read_folder(tmp_path / "nothing", size=8)
    shutil.rmtree(folder / "cat")
    shutil.rmtree(folder / "dog")
    with pytest.raises(errors.InputError, match="1 subfolders and no picture"):
        read_folder(folder, size=8)


# ---- mosaics ---------------------------------------------------------------------------------


def halved(picture: Any) -> Any:
    """Half the height and width, in loops: the mean of four pixels."""
    height, width, channels = picture.shape
    found = np.zeros((height // 2, width // 2, channels))
    for row in range(height // 2):
        for column in range(width // 2):
            for channel in range(channels):
                block = picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2, channel]
                found[row, column, channel] = sum(map(float, block.ravel())) / 4
    return found


def test_mosaics_show_four_classes_and_know_where() -> None:
    images = np.random.default_rng(0).random((15, 6, 8, 3))
    labels = np.arange(15) % 5
    made = mosaics(images, labels, seed=2)
    assert made.images.shape == images.shape
    assert made.targets.tolist() == labels.tolist()
    places = set()
    for image in range(15):
        shown = made.indices[image].tolist()
        assert len({int(labels[one]) for one in shown}) == 4
        place = shown.index(image)
        places.add(place)
        for tile, one in enumerate(shown):
            row, column = 3 * (tile // 2), 4 * (tile % 2)
            found = made.images[image, row : row + 3, column : column + 4]
            np.testing.assert_allclose(found, halved(images[one]), atol=1e-12)
            assert made.tiles[image, row : row + 3, column : column + 4].all() == (tile == place)
        assert made.tiles[image].sum() == 12
    assert places == {0, 1, 2, 3}


def test_odd_sizes_are_filled() -> None:
    made = mosaics(np.full((4, 7, 5, 1), 0.25), np.arange(4))
    assert made.images == pytest.approx(0.25)
    assert set(made.tiles.sum(axis=(1, 2)).tolist()) <= {6, 8, 9, 12}


def test_mosaics_are_the_same_for_a_seed() -> None:
    images, labels = np.random.default_rng(0).random((8, 4, 4, 1)), np.arange(8) % 4
    np.testing.assert_array_equal(mosaics(images, labels, 1).images, mosaics(images, labels, 1).images)
    assert not np.allclose(mosaics(images, labels, 1).images, mosaics(images, labels, 2).images)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((6, 4, 4, 1)), [0, 1, 2, 0, 1, 2], "four classes or more; the labels have 3"),
        (np.zeros((4, 4, 4)), [0, 1, 2, 3], r"images \(N, H, W, C\)"),
        (np.zeros((4, 1, 4, 1)), [0, 1, 2, 3], "height and width 2 or more"),
        (np.zeros((4, 4, 4, 1)), [0, 1, 2], "a label each"),
    ],
)
def test_what_mosaics_cannot_be_made_of_is_said(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(errors.InputError, match=message):
        mosaics(images, labels)
