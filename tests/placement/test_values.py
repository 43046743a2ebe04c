"""Placements as values: cells on the image, by matrices along each axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kerascope as ks
from kerascope.explanation import Explanation
from kerascope.placement import AxisPlacement, Placement, combine_finest, no_picture, stretch
from kerascope.resize import resize
from kerascope.testing.oracles.heatmap import heatmap

pytestmark = pytest.mark.once

MAPS = np.random.default_rng(0).random((2, 3, 4)).astype("float32")


def explain(values: np.ndarray, placement: Placement | None, size: tuple[int, ...]) -> Explanation:
    count = len(values)
    numbers = np.zeros(count, "float32")
    return Explanation(
        values=values,
        targets=np.zeros(count, "int32"),
        scores=numbers,
        probabilities=numbers,
        predictions=None,
        images=np.zeros((count, *size, 1), "float32"),
        input_size=size,
        reduction="none",
        signed=False,
        class_axis=False,
        method="GradCAM()",
        target="class 0",
        placement=placement,
    )


def test_stretched_is_half_pixel_bilinear() -> None:
    placement = stretch((3, 4), (12, 10))
    np.testing.assert_allclose(placement.to_image(MAPS), resize(MAPS, (12, 10)), atol=1e-6)
    np.testing.assert_allclose(placement.to_image(MAPS)[0], heatmap(MAPS[0], "none", (12, 10)), atol=1e-6)
    np.testing.assert_allclose(placement.to_image(MAPS, (6, 20)), resize(MAPS, (6, 20)), atol=1e-6)


def test_cells_lie_where_the_placement_says() -> None:
    placement = Placement((9, 8), (AxisPlacement(3, 1.5, 2.0), AxisPlacement(4, 6.5, -2.0)), "measured")
    drawn = placement.to_image(MAPS)
    # The centre of pixel i lies at i + 1/2: those of the cells are met exactly, the last column first.
    np.testing.assert_allclose(drawn[:, [1, 3, 5]][:, :, [6, 4, 2, 0]], MAPS, atol=1e-6)
    np.testing.assert_allclose(drawn[:, 2, 6], (MAPS[:, 0, 0] + MAPS[:, 1, 0]) / 2, atol=1e-6)
    np.testing.assert_allclose(drawn[:, 8, 7], MAPS[:, 2, 0], atol=1e-6)  # beyond the last cell


def test_what_no_cell_sees_is_zero() -> None:
    axes = (AxisPlacement(3, 3.0, 2.0), AxisPlacement(4, 1.0, 2.0))
    placement = Placement((10, 8), axes, "measured", seen=((2, 8), (0, 8)))
    drawn = placement.to_image(MAPS + 1)
    assert not drawn[:, :2].any()
    assert not drawn[:, 8:].any()
    assert drawn[:, 2:8].all()
    np.testing.assert_array_equal(drawn, np.where(drawn > 0, resize_within(MAPS + 1), 0))


def resize_within(maps: np.ndarray) -> np.ndarray:
    whole = np.zeros((2, 10, 8), "float32")
    whole[:, 2:8] = resize(maps, (6, 8))
    return whole


def test_columns_are_the_same_along_rows() -> None:
    placement = Placement((5, 4), (None, AxisPlacement(4, 0.5, 1.0)), "measured")
    assert placement.grid == (4,)
    np.testing.assert_array_equal(placement.to_image(MAPS[:, 0]), np.repeat(MAPS[:, :1], 5, axis=1))
    np.testing.assert_allclose(placement.to_cells(np.repeat(MAPS[:, :1], 5, axis=1)), MAPS[:, 0], atol=1e-6)


def test_cells_average_the_image_under_them() -> None:
    placement = stretch((3, 4), (12, 8))
    np.testing.assert_allclose(placement.to_cells(np.full((1, 12, 8), 2.5)), 2.5, atol=1e-6)
    peak = np.zeros((1, 12, 8))
    peak[0, 5, 3] = 1
    assert np.unravel_index(placement.to_cells(peak)[0].argmax(), (3, 4)) == (1, 1)


def test_several_layers_meet_on_the_finest_cells() -> None:
    fine, coarse = (
        Placement((12, 12), (AxisPlacement(n, s, d),) * 2, "measured") for n, s, d in ((5, 2, 2), (2, 4, 4))
    )
    assert combine_finest([coarse, fine]).axes == fine.axes
    (matrix, _) = coarse.matrices_to(fine)
    np.testing.assert_allclose(matrix, [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]])
    columns = Placement((12, 12), (None, AxisPlacement(2, 3, 6)))
    with pytest.raises(ks.errors.ExplanationError, match="same axes"):
        combine_finest([fine, columns])


def test_an_explanation_is_drawn_by_its_placement_or_stretched(tmp_path) -> None:
    axes = (AxisPlacement(3, 1.5, 1.0), AxisPlacement(4, 1.5, 1.0))
    found = explain(MAPS, Placement((5, 6), axes, "measured", trust=0.9), (5, 6))
    np.testing.assert_allclose(found.heatmaps()[:, 1:4, 1:5], MAPS, atol=1e-6)
    np.testing.assert_allclose(found.heatmaps(placement="stretched"), resize(MAPS, (5, 6)), atol=1e-6)
    pytest.importorskip("matplotlib")
    plain = replace(found, placement=None)
    np.testing.assert_array_equal(found.overlay(placement="stretched"), plain.overlay())
    assert (found.overlay() != plain.overlay()).any()
    assert ks.load(found.save(tmp_path / "one")).placement == found.placement
    with pytest.raises(ks.errors.ParameterError, match="placement must be one of"):
        found.heatmaps(placement="bent")


def test_positions_that_are_no_places_have_values_and_no_picture() -> None:
    found = explain(MAPS[:, 0], no_picture((4,), (5, 6), "the 4 positions are no places"), (5, 6))
    assert found.values.shape == (2, 4)
    with pytest.raises(ks.errors.ExplanationError, match="4 positions are no places"):
        found.heatmaps()
