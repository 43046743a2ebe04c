"""Metrics that look at the map alone, where maps or masks are special."""

from __future__ import annotations

import numpy as np
import pytest

from kerascope import errors, metric
from kerascope.metric.localisation import otsu
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, MAPS, MASKS, SIDE, TARGET, box, explained, measured

pytestmark = pytest.mark.once


def test_shared_places_count_in_parts() -> None:
    """Pixels of the same relevance: what their order is must not matter."""
    maps = np.zeros((4, SIDE, SIDE))
    maps[:, :3, :3] = 1  # nine share the maximum; two of them lie in the first mask
    assert measured(metric.PointingGame(), maps)[0] == pytest.approx(2 / 9)
    assert measured(metric.RelevanceRank(), maps)[0] == pytest.approx(2 / 9)
    # Of nine pixels on the object two are above the twenty beside it that are zero, and level with seven; the
    # other seven lie below seven, and level with twenty.
    assert measured(metric.LocalisationAUC(), maps)[0] == pytest.approx((2 * (20 + 3.5) + 7 * 10) / (9 * 27))


def test_a_full_mask_has_no_area_under_a_curve() -> None:
    full = np.ones_like(MASKS)
    assert np.isnan(measured(metric.LocalisationAUC(), masks=full)).all()
    assert measured(metric.PointingGame(), masks=full).tolist() == [1, 1, 1, 1]


def test_an_empty_mask_is_said_aloud() -> None:
    with warned(errors.EvaluationWarning, "1 of 4 have none"):
        found = metric.PointingGame()(box(), IMAGES, explained(box(), IMAGES, MAPS), TARGET, masks=MASKS)
    assert np.isnan(found.values[3])
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    ("one", "expected"),
    [(metric.Sparseness(), 1 - 1 / 36), (metric.Complexity(), 0), (metric.MeanAttribution(), 1 / 36)],
)
def test_a_single_pixel_is_as_simple_as_can_be(one: metric.Metric, expected: float) -> None:
    single = np.zeros((4, SIDE, SIDE))
    single[:, 2, 3] = -5
    assert measured(one, single) == pytest.approx(expected)


def test_otsu_separates_two_heaps() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0, 0.1, 500), generator.normal(1, 0.1, 80)])
    assert 0.3 < otsu(values) < 0.7
    skimage = pytest.importorskip("skimage.filters")
    assert otsu(values) == pytest.approx(skimage.threshold_otsu(values), abs=0.01)
