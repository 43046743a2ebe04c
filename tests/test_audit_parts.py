"""The parts of an audit, against oracles with explicit loops and cases whose answer is known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kerascope import errors
from kerascope.auditing import describing, objects, strategies, traits
from kerascope.auditing.classes import where
from kerascope.auditing.finding import Finding, Measured, Outcome, ranked
from kerascope.auditing.laboratory import elsewhere, enlarged, feathered, turned
from kerascope.auditing.material import Gallery
from kerascope.auditing.suspects import background, outside, patch
from kerascope.auditing.suspects import place as place_kind
from kerascope.dataset.arrays import ArrayPlace, as_given, from_arrays
from kerascope.dataset.frame import Frame
from kerascope.dataset.item import FilePlace, Item
from kerascope.testing import shortcuts

pytestmark = pytest.mark.once
Array = np.ndarray[Any, Any]


# ---- where and at what -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7, 7), (8, 8), (12, 20), (28, 28), (50, 33)])
def test_cells_share_out_a_map_by_area(shape: tuple[int, int]) -> None:
    weights = np.random.default_rng(0).random(shape)
    expected = np.zeros((8, 8))
    for row in range(8):
        for column in range(8):
            for y in range(shape[0]):
                for x in range(shape[1]):
                    down = min((row + 1) * shape[0] / 8, y + 1) - max(row * shape[0] / 8, y)
                    right = min((column + 1) * shape[1] / 8, x + 1) - max(column * shape[1] / 8, x)
                    expected[row, column] += max(down, 0) * max(right, 0) * weights[y, x]
    np.testing.assert_allclose(describing.cells(weights), expected / weights.sum(), rtol=1e-5)


def test_contents_are_features_under_the_map_and_of_unit_length() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(3, 4, 5, 6)), rng.random((3, 4, 5))
    weights[2] = 0
    found = describing.contents(features, weights)
    for image in range(2):
        pooled = np.zeros(6)
        for row in range(4):
            for column in range(5):
                pooled += weights[image, row, column] * features[image, row, column]
        np.testing.assert_allclose(found[image], pooled / math.sqrt((pooled**2).sum()), rtol=1e-5)
    assert not found[2].any()
    # Of many features a projection keeps angles, more or less, and is the same every time.
    wide = rng.normal(size=(2, 3, 3, 500)) + 2
    one, two = describing.contents(wide, np.ones((2, 3, 3)))
    pooled = wide.mean(axis=(1, 2))
    cosine = pooled[0] @ pooled[1] / np.linalg.norm(pooled[0]) / np.linalg.norm(pooled[1])
    assert one.shape == (64,)
    assert one @ two == pytest.approx(cosine, abs=0.15)
    np.testing.assert_array_equal(one, describing.contents(wide, np.ones((2, 3, 3)))[0])


def test_traits_are_means_of_the_picture_its_background_and_what_is_looked_at() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 30, 3)).astype("uint8")
    weights = np.zeros((24, 30))
    weights[10:14, 10:15] = rng.random((4, 5))
    found = traits.traits(pixels, weights)
    p = pixels / 255
    luma = 0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2]

    def region(values: Array, share: Array) -> float:
        return float((values * share).sum() / share.sum())

    edges = np.zeros_like(luma)
    for row in range(24):
        for column in range(1, 30):
            edges[row, column] = abs(luma[row, column] - luma[row, column - 1])
    sides = [np.zeros((24, 30)) for _ in range(4)]
    sides[0][:4], sides[1][-4:], sides[2][:, :5], sides[3][:, -5:] = 1, 1, 1, 1
    planes = {"brightness": luma, "green": p[..., 1], "upright edges": edges}
    planes["saturation"] = p.max(axis=-1) - p.min(axis=-1)
    for name, plane in planes.items():
        at = traits.TRAITS.index(name)
        assert found[0, at] == pytest.approx(plane.mean(), rel=1e-4)
        assert found[1, at] == pytest.approx(np.median([region(plane, side) for side in sides]), rel=1e-4)
        assert found[2, at] == pytest.approx(region(plane, weights), rel=1e-4)
    assert found[0, traits.TRAITS.index("contrast")] == pytest.approx(luma.std(), rel=1e-4)
    assert np.isnan(traits.traits(pixels, weights * 0)[2]).all()


def test_an_object_at_one_side_is_no_background() -> None:
    pixels = np.full((30, 30, 3), 50, "uint8")
    pixels[:, :6] = 250
    assert traits.traits(pixels, np.ones((30, 30)))[1, 0] < 0.4
    pixels[:] = 250
    assert traits.traits(pixels, np.ones((30, 30)))[1, 0] > 0.9


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((slice(0, 2), slice(0, 2)), "at the top left"),
        ((slice(3, 5), slice(3, 5)), "in the middle"),
        ((slice(3, 5), slice(6, 8)), "at the right"),
        ((slice(6, 8), slice(3, 5)), "at the bottom"),
        ((slice(0, 8), slice(0, 8)), "all over the picture"),
    ],
)
def test_where_it_looks_in_words(box: tuple[slice, slice], words: str) -> None:
    position = np.zeros((8, 8))
    position[box] = 1
    assert where(position) == words
    assert where(position * 0) == "nowhere"
    border = np.ones((8, 8))
    border[1:-1, 1:-1] = 0
    assert where(border) == "along the border"


# ---- strategies --------------------------------------------------------------------------------


def groups(sizes: tuple[int, ...], seed: int = 0) -> tuple[Array, Array, Array]:
    """Positions and contents of so many groups that look elsewhere and at something else."""
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    positions = np.zeros((len(numbers), 8, 8))
    for place, number in enumerate(numbers.tolist()):
        positions[place, 2 * number : 2 * number + 2, 1:4] = 1
        positions[place] += 0.1 * rng.random((8, 8))
    contents = np.eye(6)[numbers] + 0.15 * rng.normal(size=(len(numbers), 6))
    contents /= np.linalg.norm(contents, axis=1, keepdims=True)
    return positions / positions.sum(axis=(1, 2), keepdims=True), contents, numbers


@pytest.mark.parametrize("method", ["spectral", "hdbscan"])
@pytest.mark.parametrize("sizes", [(60,), (40, 25), (50, 30, 20)])
def test_clusters_are_the_groups_by_size(method: Any, sizes: tuple[int, ...]) -> None:
    positions, contents, numbers = groups(sizes)
    order = np.random.default_rng(1).permutation(len(numbers))
    found = strategies.clusters(positions[order], contents[order], np.ones(len(order), bool), method)
    assert found.count == len(sizes)
    known = found.numbers >= 0
    assert known.mean() > 0.9
    assert (found.numbers[known] == numbers[order][known]).mean() > 0.97
    assert set(numbers[order][found.nearest(0, 5)]) == {0}


def test_maps_that_show_nothing_have_no_strategy() -> None:
    positions, contents, _ = groups((40, 25))
    positions[:20], contents[:20] = 0, 0
    shows = positions.any(axis=(1, 2))
    found = strategies.clusters(positions, contents, shows)
    assert (found.numbers[:20] == -1).all()
    assert found.count == 2
    for some in (0, 1, 9):
        few = strategies.clusters(positions[20:], contents[20:], np.arange(45) < some)
        assert few.count == min(some, 1)
        assert (few.numbers >= 0).sum() == some


def test_of_many_images_a_sample_is_clustered_and_no_matrix_is_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    positions, contents, numbers = groups((2000, 900))
    largest: list[int] = []
    spectral = strategies._spectral

    def watched(points: Array, seed: int) -> Array:
        largest.append(len(points))
        return spectral(points, seed)

    monkeypatch.setattr(strategies, "_spectral", watched)
    found = strategies.clusters(positions, contents, np.ones(len(numbers), bool))
    assert largest == [strategies.LARGEST]
    assert found.sampled == strategies.LARGEST
    assert (found.numbers == numbers).mean() > 0.99


def test_a_cluster_of_few_joins_the_nearest() -> None:
    positions, contents, _ = groups((40, 25, 4))
    found = strategies.clusters(positions, contents, np.ones(69, bool))
    assert np.bincount(found.numbers).min() >= strategies.LEAST
    with pytest.raises(errors.ParameterError, match="clustering must be one of"):
        strategies.clusters(positions, contents, np.ones(69, bool), "k-means")  # type: ignore[arg-type]


# ---- suspicions --------------------------------------------------------------------------------


def youden_by_loops(own: Array, others: Array) -> float:
    best = 0.0
    for threshold in own:
        for sign in (1, -1):
            shares = [
                sum(sign * value >= sign * threshold for value in values) / len(values)
                for values in (own, others)
            ]
            best = max(best, shares[0] - shares[1])
    return best


@pytest.mark.parametrize("seed", range(6))
def test_youdens_index_is_that_of_the_best_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = np.round(rng.normal(rng.normal(), 1, 30), 1)
    others = np.round(rng.normal(0, 1, 45), 1)
    higher, beyond, measured = background.youden(own, others)
    assert measured.value == pytest.approx(youden_by_loops(own, others))
    assert measured.low < measured.value < measured.high
    shares = [((v >= beyond) if higher else (v <= beyond)).mean() for v in (own, others)]
    assert shares[0] - shares[1] == pytest.approx(measured.value)


def test_youdens_index_finds_what_only_some_of_a_class_have() -> None:
    rng = np.random.default_rng(0)
    own = np.concatenate([rng.normal(5, 0.5, 30), rng.normal(0, 1, 20)])
    measured = background.youden(own, rng.normal(0, 1, 200))[2]
    assert measured.low > background.TELLS
    assert background.youden(rng.normal(0, 1, 50), rng.normal(0, 1, 200))[2].low < background.TELLS


def gallery(pictures: Array, peaks: list[tuple[int, int]]) -> Gallery:
    """Pictures with maps that are highest at some places."""
    maps = np.zeros(pictures.shape[:3], "float32")
    for one, (row, column) in zip(maps, peaks, strict=True):
        one[row, column] = 1
    return Gallery(np.arange(len(pictures)), pictures, maps)


def marked(count: int, noise: float, seed: int = 0) -> tuple[Array, list[tuple[int, int]]]:
    """Noisy pictures, uint8, with a mark of 6 x 6 pixels each, and where its corner is."""
    rng = np.random.default_rng(seed)
    mark = np.random.default_rng(99).integers(0, 2, (6, 6, 1))
    pictures = 0.4 + noise * rng.normal(size=(count, 40, 40, 3))
    corners = [tuple(int(value) for value in rng.integers(2, 32, 2)) for _ in range(count)]
    for picture, (row, column) in zip(pictures, corners, strict=True):
        picture[row : row + 6, column : column + 6] = 0.1 + 0.8 * mark + 0.02 * rng.normal(size=(6, 6, 3))
    return (255 * np.clip(pictures, 0, 1)).astype("uint8"), corners  # type: ignore[return-value]


def test_a_patch_is_found_again_as_by_loops() -> None:
    pictures, corners = marked(3, 0.1)
    row, column = corners[0]
    template = pictures[0, row : row + 6, column : column + 6].astype("float32") / 255
    best, places = patch._explained(pictures, template[None])
    for number, picture in enumerate(pictures):
        found = []
        for top in range(40 - 6 + 1):
            for left in range(40 - 6 + 1):
                window = picture[top : top + 6, left : left + 6] / 255
                centred = template - template.mean(axis=(0, 1))
                found.append((1 - ((window - template) ** 2).mean() / (centred**2).mean(), (top, left)))
        value, corner = max(found)
        assert best[number, 0] == pytest.approx(value, abs=1e-3)
        assert tuple(places[number, 0]) == corner == corners[number]


def test_the_same_pixels_are_a_patch_and_like_strokes_are_none() -> None:
    pictures, corners = marked(30, 0.08)
    own = gallery(pictures, [(row + 3, column + 2) for row, column in corners])
    rest = gallery(marked(30, 0.08, seed=5)[0][:, ::-1, ::-1], [(20, 20)] * 30)
    best = max(
        (found for side in (5, 8) if (found := patch._best(own, rest, side, 0)) is not None),
        key=lambda one: one[0],
    )
    suspect = patch._suspect(2, own, own, rest, best)
    assert suspect is not None
    assert suspect.region is None  # it is in another place in each
    assert suspect.places is not None
    assert suspect.images is not None
    overlaps = []
    for number, mask in zip(suspect.images.tolist(), suspect.places, strict=True):
        row, column = corners[number]
        true = np.zeros((40, 40), bool)
        true[row : row + 6, column : column + 6] = True
        overlaps.append((mask & true).sum() / (mask | true).sum())
    assert len(overlaps) >= 28
    assert np.mean(overlaps) > 0.8
    # Strokes of the same kind with colours of their own are alike, and are not the same.
    rng = np.random.default_rng(3)
    for picture, (row, column) in zip(pictures, corners, strict=True):
        window = picture[row : row + 6, column : column + 6]
        low, high = rng.uniform(0, 90), rng.uniform(150, 255)
        window[:] = np.where(window > 128, high, low)
    own = gallery(pictures, [(row + 3, column + 2) for row, column in corners])
    found = patch._best(own, rest, 5, 0)
    assert found is None or patch._suspect(2, own, own, rest, found) is None


def test_a_place_is_where_pixels_differ_and_is_named() -> None:
    difference = np.zeros((32, 32))
    difference[1:6, 1:6] = 3.0
    difference[3, 3] = 0.2  # a pixel of the mark that is as in other classes
    difference[14:18, 14:18] = 9.0  # the object
    difference[30, 20] = 2.5  # a speck
    (suspect,) = place_kind._telling(1, difference)
    true = np.zeros((32, 32), bool)
    true[1:6, 1:6] = True
    assert suspect.region is not None
    np.testing.assert_array_equal(suspect.region, true)
    assert suspect.what == "the top left corner"
    frame = np.zeros((32, 32))
    frame[:2], frame[-2:], frame[:, :2], frame[:, -2:] = 4, 4, 4, 4
    (suspect,) = place_kind._telling(1, frame)
    assert suspect.what == place_kind.FRAME
    # Nearly all of the margin is a background, and nothing at all no place.
    assert place_kind._telling(1, np.full((32, 32), 4.0)) == []
    assert place_kind._telling(1, np.full((32, 32), 0.5)) == []


def test_the_zone_with_more_relevance_than_area_is_suspected() -> None:
    rng = np.random.default_rng(0)
    positions = rng.random((40, 8, 8)) * 0.2
    positions[:, :2, -2:] += 1
    positions /= positions.sum(axis=(1, 2), keepdims=True)
    everywhere = np.ones((8, 8), bool)
    found = place_kind._most_suspicious(positions, everywhere)
    assert found is not None
    assert found[0] == "the top right corner"
    assert found[1].usual == pytest.approx(4 / 64)
    assert found[1].value == pytest.approx(positions[:, :2, -2:].sum(axis=(1, 2)).mean())
    assert place_kind._most_suspicious(np.full((40, 8, 8), 1 / 64), everywhere) is None


# ---- trials ------------------------------------------------------------------------------------


def outcome(hits: list[int], controls: list[int], name: str = "bring") -> Outcome:
    return Outcome(name, "another", np.asarray(hits, bool), np.asarray(controls, bool), 0.0, None)


def test_an_interval_is_students_for_all_trials_together() -> None:
    from scipy import stats

    hits, controls = [1] * 20 + [0] * 12, [1] * 4 + [0] * 28
    trial = outcome(hits, controls).judged(7)
    differences = np.asarray(hits, float) - np.asarray(controls)
    low, high = stats.t.interval(
        1 - 0.05 / 7, 31, loc=differences.mean(), scale=differences.std(ddof=1) / math.sqrt(32)
    )
    assert (trial.effect, trial.low, trial.high) == pytest.approx((0.5, low, high))
    assert trial.confirms
    # What is found at a level for one trial may not be for a hundred.
    few = outcome([1] * 9 + [0] * 23, [0] * 32)
    assert few.judged(1).confirms
    assert not few.judged(1000).confirms


def test_all_alike_is_not_certain_and_taking_away_is_no_proof() -> None:
    all_alike = outcome([1] * 32, [0] * 32).judged(10)
    assert all_alike.effect == 1
    assert 0.3 < all_alike.low < 0.95
    assert all_alike.confirms
    assert not outcome([1] * 32, [0] * 32, "take away").judged(10).confirms
    assert not outcome([1] * 7, [0] * 7).judged(1).confirms
    assert not outcome([1] * 32, [1] * 32).judged(1).confirms
    assert outcome([], []).judged(3).count == 0


def test_findings_are_confirmed_not_confirmed_or_untested_and_ranked() -> None:
    def finding(label: int, *outcomes: Outcome, share: float = 1.0) -> Finding:
        made = Finding("place", label, str(label), "a corner", "untested", (), {}, share)
        return made.judged(outcomes, 4)

    strong = finding(1, outcome([1] * 32, [0] * 32), outcome([0] * 32, [0] * 32, "take away"))
    weak = finding(2, outcome([1] * 16 + [0] * 16, [0] * 32))
    none = finding(3, outcome([0] * 32, [0] * 32), outcome([1] * 32, [0] * 32, "take away"))
    untested = finding(4)
    assert [one.status for one in (strong, weak, none, untested)] == [
        "confirmed",
        "confirmed",
        "not confirmed",
        "untested",
    ]
    assert [one.label for one in ranked([none, untested, weak, strong])] == [1, 2, 4, 3]
    assert strong.statement == "Class 1 rests on a corner."
    assert "not confirmed" in none.statement
    assert Measured.mean(np.asarray([1.0, 2.0, np.nan, 3.0])).value == 2


def test_a_control_region_is_as_large_and_elsewhere() -> None:
    mask = np.zeros((20, 30), bool)
    mask[1:6, 2:9] = True
    other = elsewhere(mask)
    assert other is not None
    assert other.sum() == mask.sum()
    assert not (other & mask).any()
    middle = np.zeros((20, 20), bool)
    middle[8:12, 8:12] = True
    other = elsewhere(middle)
    assert other is not None
    assert not (other & middle).any()
    frame = np.ones((20, 20), bool)
    frame[2:-2, 2:-2] = False
    assert elsewhere(frame) is None
    np.testing.assert_array_equal(enlarged(mask, (40, 60)), mask.repeat(2, 0).repeat(2, 1))
    assert (turned(5) != np.arange(5)).all()
    soft = feathered(mask[None])[0]
    assert (soft[mask] == 1).all()
    assert 0 < soft[0, 3] < 1
    assert soft[15, 20] == 0


def test_an_object_leaves_its_surroundings_behind() -> None:
    rng = np.random.default_rng(0)
    images = np.full((2, 24, 24, 3), 0.3, "float32") + 0.01 * rng.normal(size=(2, 24, 24, 3)).astype(
        "float32"
    )
    inside = np.zeros((2, 24, 24), bool)
    inside[:, 8:16, 8:16] = True
    images[inside] = 1.0
    scenes = outside._emptied(images, inside)
    assert np.abs(scenes[inside] - 0.3).max() < 0.03
    np.testing.assert_array_equal(scenes[~inside], images[~inside])


# ---- objects, arrays ---------------------------------------------------------------------------


def test_masks_come_from_folders_boxes_polygons_and_arrays(tmp_path: Path) -> None:
    frame = Frame(40, 60, 0, 10, 40, 50)  # the middle 40 x 40 of a photograph of 40 x 60
    true = np.zeros((40, 60), bool)
    true[10:20, 20:40] = True
    (tmp_path / "masks" / "cat").mkdir(parents=True)
    Image.fromarray(true.astype("uint8")).save(tmp_path / "masks" / "cat" / "1.png")  # ones, not 255
    item = Item("photos/cat/1.jpg", "cat/1", FilePlace("photos/cat/1.jpg"))
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
        found = objects.as_objects(given)
        assert found is not None
        inside = found.inside(item, frame, (20, 20))
        assert inside is not None
        np.testing.assert_array_equal(inside, true[::2, 10:50:2], str(given))
        assert found.inside(Item("dog/9.jpg", "dog/9", FilePlace("dog/9.jpg")), frame, (20, 20)) is None
        json.dumps(found.written())
    array = objects.as_objects(true[None])
    assert array is not None
    place_ = Item("image 0", "000000", ArrayPlace(np.zeros((40, 60, 1))))
    np.testing.assert_array_equal(array.inside(place_, Frame(40, 60, 0, 0, 40, 60), (40, 60)), true)


def test_masks_that_are_none_are_refused_and_links_out_are_not_followed(tmp_path: Path) -> None:
    for given, words in (
        (np.zeros((3, 3)), "masks must be"),
        (tmp_path / "nowhere", "folder of mask"),
        (tmp_path / "no.json", "COCO"),
    ):
        with pytest.raises(errors.ParameterError, match=words):
            objects.as_objects(given)
    (tmp_path / "masks").mkdir()
    Image.new("L", (8, 8), 255).save(tmp_path / "secret.png")
    (tmp_path / "masks" / "1.png").symlink_to(tmp_path / "secret.png")
    found = objects.as_objects(tmp_path / "masks")
    assert found is not None
    item = Item("1.jpg", "1", FilePlace("1.jpg"))
    assert found.inside(item, Frame(8, 8, 0, 0, 8, 8), (8, 8)) is None
    climbing = Item("../secret.jpg", "../secret", FilePlace("x"))
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
    found = as_given(images)
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
