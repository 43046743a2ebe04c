"""Segments of an image: grids, SLIC, given arrays; what does not fit."""

from __future__ import annotations

import math
import pickle
import sys
from typing import Any

import numpy as np
import pytest

from kerascope import errors
from kerascope.perturb.segmentation import as_segments, grid_cells, segment_images
from kerascope.typing import Array

pytestmark = pytest.mark.once


def pictures(*spatial: int, count: int = 2, channels: int = 3) -> Array:
    return np.random.default_rng(0).random((count, *spatial, channels)).astype("float32")


def patches(count: int = 1, side: int = 32) -> Array:
    """Pictures of four plain quarters in different colours."""
    found = np.zeros((count, side, side, 3), "float32")
    half = side // 2
    found[:, :half, :half, 0] = 1
    found[:, :half, half:, 1] = 1
    found[:, half:, :half, 2] = 1
    return found


def segmented(given: Any, images: Array) -> tuple[Array, str]:
    """The segments, and the note, after what holds of all of them has been checked."""
    labels, note = segment_images(as_segments(given), images)
    assert labels.dtype == np.int32
    assert labels.shape == images.shape[:-1]
    for one in labels:
        assert np.unique(one).tolist() == list(range(int(one.max()) + 1)), "numbers must have no gaps"
    return labels, note


class TestGrid:
    @pytest.mark.parametrize(
        ("cells", "spatial"),
        [
            ((8,), (40,)),
            ((2, 4), (8, 16)),
            ((3, 5), (10, 17)),
            ((7, 7), (224, 224)),
            ((1, 2), (1, 2)),
            ((5, 6), (5, 6)),
            ((2, 3, 2), (4, 8, 6)),
        ],
    )
    def test_cells_cover_the_image_and_are_of_one_size(
        self, cells: tuple[int, ...], spatial: tuple[int, ...]
    ) -> None:
        labels, note = segmented(cells, pictures(*spatial))
        assert labels.max() + 1 == math.prod(cells)
        assert (labels[0] == labels[1]).all()
        assert note == f"segments: {math.prod(cells)}, a grid of {' x '.join(map(str, cells))}"
        sides = [[set() for _ in spatial] for _ in range(math.prod(cells))]
        for place in np.ndindex(spatial):
            for axis, position in enumerate(place):
                sides[labels[0][place]][axis].add(position)
        for cell, spans in enumerate(sides):
            assert math.prod(map(len, spans)) == (labels[0] == cell).sum(), "a cell must be a box"
            for span, side, count in zip(spans, spatial, cells, strict=True):
                assert max(span) - min(span) + 1 == len(span), "a cell must be in one piece"
                assert len(span) in (side // count, -(-side // count)), "cells must be of one size"

    def test_cells_are_numbered_in_reading_order(self) -> None:
        labels, _ = segmented((2, 3), pictures(4, 6))
        assert labels[0].tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2

    @pytest.mark.parametrize(
        ("cells", "spatial"),
        [((9, 4), (8, 16)), ((4,), (8, 16)), ((2, 2, 2), (8, 16)), ((2, 2), (16,)), ((3,), (2,))],
    )
    def test_a_grid_that_does_not_fit(self, cells: tuple[int, ...], spatial: tuple[int, ...]) -> None:
        with pytest.raises(errors.InputError, match="grid of segments") as raised:
            segmented(cells, pictures(*spatial))
        assert str(spatial) in str(raised.value)
        assert str(cells) in str(raised.value)


class TestCells:
    @pytest.mark.parametrize(
        ("count", "spatial", "expected"),
        [
            (121, (224, 224), (11, 11)),
            (49, (224, 224), (7, 7)),
            (64, (16, 16), (8, 8)),
            (50, (100, 200), (5, 10)),
            (50, (200, 100), (10, 5)),
            (121, (1000,), (121,)),
            (121, (1000, 2), (121, 1)),
            (27, (30, 30, 30), (3, 3, 3)),
            (2, (10, 10), (1, 2)),
            (10**6, (4, 8, 6), (4, 8, 6)),
            (50, (1, 1), (1, 1)),
        ],
    )
    def test_known_grids(self, count: int, spatial: tuple[int, ...], expected: tuple[int, ...]) -> None:
        assert grid_cells(count, spatial) == expected

    def test_about_as_many_as_asked_for_of_similar_sides(self) -> None:
        generator = np.random.default_rng(1)
        for rank in (1, 2, 3):
            for _ in range(200):
                spatial = tuple(generator.integers(300, 900, rank).tolist())
                count = int(generator.integers(2, 300))
                cells = grid_cells(count, spatial)
                assert count / 1.5 <= math.prod(cells) <= count * 1.5, (count, spatial, cells)
                if count > 100:
                    sides = [side / number for side, number in zip(spatial, cells, strict=True)]
                    assert max(sides) < 2 * min(sides), (count, spatial, cells)

    def test_never_more_than_pixels(self) -> None:
        generator = np.random.default_rng(2)
        for _ in range(200):
            spatial = tuple(generator.integers(1, 9, int(generator.integers(1, 4))).tolist())
            cells = grid_cells(int(generator.integers(2, 300)), spatial)
            assert all(1 <= count <= side for count, side in zip(cells, spatial, strict=True))
            assert math.prod(cells) >= min(2, math.prod(spatial))


class TestNumber:
    def test_signals_and_volumes_are_cut_as_a_grid(self) -> None:
        labels, note = segmented(4, pictures(40))
        assert (labels == np.arange(40) // 10).all()
        assert note == "segments: 4, a grid of 4"
        labels, note = segmented(8, pictures(8, 8, 8))
        assert np.bincount(labels[0].ravel()).tolist() == [64] * 8
        assert note == "segments: 8, a grid of 2 x 2 x 2"

    def test_pictures_are_cut_where_colours_change(self) -> None:
        pytest.importorskip("skimage")
        labels, note = segmented(16, patches())
        quarters = np.kron([[0, 1], [2, 3]], np.ones((16, 16), int))
        for segment in range(labels.max() + 1):
            assert len(np.unique(quarters[labels[0] == segment])) == 1, "a segment must have one colour"
        assert 8 <= labels.max() + 1 <= 24
        assert note.endswith("by SLIC")

    @pytest.mark.parametrize("count", [2, 10, 60])
    def test_numbers_have_no_gaps(self, count: int) -> None:
        pytest.importorskip("skimage")
        labels, _ = segmented(count, pictures(24, 36, count=3))
        assert all(one.max() >= 1 for one in labels)

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_any_number_of_channels(self, channels: int) -> None:
        pytest.importorskip("skimage")
        labels, _ = segmented(12, pictures(16, 20, channels=channels))
        assert labels.max() > 0

    def test_units_do_not_count(self) -> None:
        pytest.importorskip("skimage")
        images = patches(2) + 0.1 * pictures(32, 32)
        assert (segmented(10, images)[0] == segmented(10, 64 * images - 32)[0]).all()

    def test_the_neighbours_in_a_batch_do_not_count(self) -> None:
        pytest.importorskip("skimage")
        images = np.concatenate([pictures(24, 24), 100 * pictures(24, 24)])
        labels, _ = segmented(10, images)
        assert (segmented(10, images[:1])[0] == labels[:1]).all()

    @pytest.mark.parametrize("value", [0.0, 1.0, -7.5])
    def test_a_picture_of_one_colour_has_segments(self, value: float) -> None:
        pytest.importorskip("skimage")
        labels, _ = segmented(16, np.full((1, 32, 32, 3), value, "float32"))
        assert labels.max() >= 1
        sizes = np.bincount(labels.ravel())
        assert sizes.max() <= 2 * sizes.min(), "there is nothing to tell them apart by but their places"

    @pytest.mark.parametrize("spatial", [(1, 7), (7, 1), (2, 2), (1, 2)])
    def test_tiny_pictures_have_segments(self, spatial: tuple[int, int]) -> None:
        pytest.importorskip("skimage")
        labels, _ = segmented(2, pictures(*spatial))
        assert labels.max() >= 1

    def test_different_numbers_are_said(self) -> None:
        pytest.importorskip("skimage")
        images = np.concatenate([patches(side=48), pictures(48, 48, count=1)])
        labels, note = segmented(40, images)
        counts = sorted(int(one.max()) + 1 for one in labels)
        assert counts[0] < counts[1], "the example must have different numbers"
        assert note == f"segments: {counts[0]} to {counts[1]}, by SLIC"

    def test_the_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
        with pytest.raises(errors.MissingPackageError, match="segments"):
            segmented(10, pictures(16, 16))
        segmented((2, 2), pictures(16, 16))
        segmented(4, pictures(16))


class TestArray:
    @pytest.mark.parametrize("spatial", [(12,), (4, 6), (2, 3, 4)])
    def test_one_for_all_images(self, spatial: tuple[int, ...]) -> None:
        given = np.random.default_rng(0).integers(0, 3, spatial)
        labels, note = segmented(given, pictures(*spatial))
        assert (labels == given).all()
        assert note == "segments: 3, given"

    def test_one_for_each_image(self) -> None:
        given = np.stack([np.arange(24).reshape(4, 6) % 2, np.arange(24).reshape(4, 6) % 5])
        labels, note = segmented(given, pictures(4, 6))
        assert (labels == given).all()
        assert note == "segments: 2 to 5, given"

    def test_gaps_are_closed_in_order_in_each_image(self) -> None:
        given = np.stack([np.tile([0, 0, 7], (2, 1)), np.tile([4, 2, 9], (2, 1))])
        labels, _ = segmented(given, pictures(2, 3))
        assert labels[0].tolist() == [[0, 0, 1]] * 2
        assert labels[1].tolist() == [[1, 0, 2]] * 2

    @pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64"])
    def test_any_type_of_whole_numbers(self, dtype: str) -> None:
        given = np.array([[0, 1], [100, 1]], dtype)
        assert segmented(given, pictures(2, 2))[0][0].tolist() == [[0, 1], [2, 1]]

    def test_large_numbers_are_kept_apart(self) -> None:
        """Arrays are stored as float32, which holds whole numbers below 2^24."""
        largest = (1 << 24) - 1
        labels, _ = segmented(np.array([[largest, largest - 1]]), pictures(1, 2))
        assert labels[0].tolist() == [[1, 0]]
        with pytest.raises(errors.ParameterError, match="segments"):
            as_segments(np.array([[0, 1 << 24]]))

    @pytest.mark.parametrize(
        "shape", [(6, 4), (4,), (4, 6, 1), (3, 4, 6), (1, 4, 6), (4, 6, 3), (2, 4, 6, 3)]
    )
    def test_a_wrong_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(errors.InputError, match="segments must cover the images") as raised:
            segmented(np.zeros(shape, int), pictures(4, 6))
        assert str(shape) in str(raised.value)
        assert "(2, 4, 6)" in str(raised.value)

    def test_negative_numbers(self) -> None:
        with pytest.raises(errors.ParameterError, match="from -1 to 3"):
            as_segments(np.array([[0, 3], [-1, 2]]))

    def test_it_is_a_copy_and_a_value(self) -> None:
        given = np.array([[0, 1], [2, 3]])
        kept = as_segments(given)
        given[0, 0] = 9
        assert kept == as_segments(np.array([[0, 1], [2, 3]]))
        assert kept != as_segments(given)
        assert hash(kept) == hash(as_segments(np.array([[0, 1], [2, 3]])))
        assert as_segments(kept) is kept
        assert pickle.loads(pickle.dumps(kept)) == kept


class TestGiven:
    @pytest.mark.parametrize(
        "given",
        [
            *(0, 1, -3, 2.0, True, None, "slic", math.nan),
            *((), (1,), (1, 1), (0, 4), (-2, 4), (2.0, 4), (True, 4), ("2", 4), [2, 4], {2, 4}),
            *(np.zeros((2, 2)), np.zeros((2, 2), bool), np.array(3), np.array(["a"]), {"no": "array"}),
        ],
        ids=repr,
    )
    def test_what_is_no_segmentation(self, given: Any) -> None:
        with pytest.raises(errors.ParameterError, match="segments must"):
            as_segments(given)

    def test_empty_array(self) -> None:
        with pytest.raises(errors.ParameterError, match="segments"):
            as_segments(np.zeros((0, 4), int))

    def test_numbers_of_numpy_become_plain(self) -> None:
        assert repr(as_segments(np.int64(7))) == "7"
        assert repr(as_segments((np.int32(2), 4))) == "(2, 4)"
