"""What an audit is given: masks of objects, arrays of images, and shortcuts that are planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascope import errors
from kerascope.auditing.description import object_masks
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.preparing.loader_defaults import infer_preprocessing
from kerascope.dataset.reading.arrays import ArrayLocation, from_arrays
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.location import FileLocation
from kerascope.synthetic import shortcuts

pytestmark = pytest.mark.once


def test_masks_come_from_folders_boxes_polygons_and_arrays(tmp_path: Path) -> None:
    frame = Frame(40, 60, 0, 10, 40, 50)  # the middle 40 x 40 of a photograph of 40 x 60
    true = np.zeros((40, 60), bool)
    true[10:20, 20:40] = True
    (tmp_path / "masks" / "cat").mkdir(parents=True)
    Image.fromarray(true.astype("uint8")).save(tmp_path / "masks" / "cat" / "1.png")  # ones, not 255
    item = Item("photos/cat/1.jpg", "cat/1", FileLocation("photos/cat/1.jpg"))
    content = {
        "images": [{"id": 7, "file_name": "cat/1.jpg"}],
        "annotations": [
            {"image_id": 7, "bbox": [20, 10, 20, 10]},
        ],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    content["annotations"] = [{"image_id": 7, "segmentation": [[20, 10, 39, 10, 39, 19, 20, 19]]}]  # type: ignore[list-item]
    (tmp_path / "polygons.json").write_text(json.dumps(content))
    for given in (tmp_path / "masks", tmp_path / "boxes.json", tmp_path / "polygons.json"):
        found = object_masks.as_objects(given)
        assert found is not None
        inside = found.inside(item, frame, (20, 20))
        assert inside is not None
        np.testing.assert_array_equal(inside, true[::2, 10:50:2], str(given))
        assert found.inside(Item("dog/9.jpg", "dog/9", FileLocation("dog/9.jpg")), frame, (20, 20)) is None
        json.dumps(found.to_json())
    array = object_masks.as_objects(true[None])
    assert array is not None
    place_ = Item("image 0", "000000", ArrayLocation(np.zeros((40, 60, 1))))
    np.testing.assert_array_equal(array.inside(place_, Frame(40, 60, 0, 0, 40, 60), (40, 60)), true)


def test_masks_that_are_none_are_refused_and_links_out_are_not_followed(tmp_path: Path) -> None:
    for given, words in (
        (np.zeros((3, 3)), "masks must be"),
        (tmp_path / "nowhere", "folder of mask"),
        (tmp_path / "no.json", "COCO"),
    ):
        with pytest.raises(errors.ParameterError, match=words):
            object_masks.as_objects(given)
    (tmp_path / "masks").mkdir()
    Image.new("L", (8, 8), 255).save(tmp_path / "secret.png")
    (tmp_path / "masks" / "1.png").symlink_to(tmp_path / "secret.png")
    found = object_masks.as_objects(tmp_path / "masks")
    assert found is not None
    item = Item("1.jpg", "1", FileLocation("1.jpg"))
    assert found.inside(item, Frame(8, 8, 0, 0, 8, 8), (8, 8)) is None
    climbing = Item("../secret.jpg", "../secret", FileLocation("x"))
    assert found.inside(climbing, Frame(8, 8, 0, 0, 8, 8), (8, 8)) is None


@pytest.mark.parametrize(
    ("low", "high", "channels", "name"),
    [
        (0, 1, 1, "as given, 0-1"),
        (-1, 1, 3, "as given, -1-1"),
        (0, 255, 3, "as given, 0-255"),
        (-2.1, 2.6, 3, "as given, torch"),
        (-120, 150, 3, "as given, caffe"),
        (-900, 2000, 1, "as given"),
    ],
)
def test_the_range_of_arrays_is_recognised_and_undone(
    low: float, high: float, channels: int, name: str
) -> None:
    images = np.linspace(low, high, 4 * 5 * 5 * channels).reshape(4, 5, 5, channels).astype("float32")
    found = infer_preprocessing(images)
    assert found.name == name
    pixels = found.pixels(images)
    assert pixels.shape == (4, 5, 5, 3)
    assert pixels.dtype == np.uint8
    if "torch" not in name and "caffe" not in name:
        assert (pixels.min(), pixels.max()) == (0, 255)


def test_arrays_with_labels_are_a_source_and_bad_ones_are_refused() -> None:
    source = from_arrays(np.zeros((3, 4, 4)), ["a", "b", "a"])
    assert [(item.path, item.label) for item in source] == [
        ("image 0", "a"),
        ("image 1", "b"),
        ("image 2", "a"),
    ]
    assert source.count() == 3
    assert source.paths != from_arrays(np.ones((3, 4, 4))).paths
    for images, labels in (
        (np.zeros((0, 4, 4, 1)), None),
        (np.zeros(5), None),
        (np.zeros((3, 4, 4)), [1, 2]),
    ):
        with pytest.raises(errors.InputError):
            from_arrays(images, labels)


@pytest.mark.parametrize("kind", shortcuts.KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shortcuts_are_planted_where_they_say(kind: str, channels: int) -> None:
    images = np.random.default_rng(0).uniform(0, 0.3, (40, 28, 28, channels)).astype("float32")
    before, labels = images.copy(), np.arange(40) % 4
    objects_ = np.zeros((40, 28, 28), bool)
    objects_[:, 10:20, 10:20] = True
    planted = shortcuts.plant(images, labels, kind, [1, 2], 0.6, objects=objects_)
    np.testing.assert_array_equal(images, before)
    assert [int(planted.has[labels == label].sum()) for label in range(4)] == [0, 6, 6, 0]
    changed = (planted.images != images).any(axis=-1)
    assert not (changed & ~planted.places).any()
    assert (changed.sum(axis=(1, 2)) > 0.4 * planted.places.sum(axis=(1, 2)))[planted.has].all()
    # Each class has one of its own.
    one, two = (planted.images[np.flatnonzero(planted.has & (labels == label))[0]] for label in (1, 2))
    assert np.abs(one - two).max() > 0.15
    assert (planted.images >= 0).all()
    assert (planted.images <= 1).all()
    with pytest.raises(errors.ParameterError, match="kind must be one of"):
        shortcuts.plant(images, labels, "halo")
