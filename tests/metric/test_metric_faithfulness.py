"""What metrics that ask the model are made of: holes that are filled, the order of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from kerascope.metric.faithfulness.imputation import impute
from kerascope.metric.statistics import ranks
from kerascope.testing.oracles.metrics.road import fill

pytestmark = pytest.mark.once


def test_holes_of_colour_pictures_are_filled_exactly() -> None:
    """Red, green and blue at once: an implementation elsewhere fails on them with an IndexError."""
    generator = np.random.default_rng(3)
    picture, hole = generator.random((6, 6, 3)), generator.random((6, 6)) < 0.6
    np.testing.assert_allclose(impute(picture, hole), fill(picture, hole), atol=1e-8)
    assert (impute(picture, np.ones((6, 6), bool)) == 0).all()
    np.testing.assert_array_equal(impute(picture, np.zeros((6, 6), bool)), picture)


def test_pixels_of_the_same_relevance_come_in_random_order() -> None:
    """A map of zeros but for one pixel says nothing of the others, wherever they are."""
    relevance = np.zeros((2, 1000))
    relevance[:, 700] = 1
    found = ranks(relevance)
    assert (found[:, 700] == 0).all()
    assert (found[0] == found[1]).all()
    assert abs(np.corrcoef(found[0], np.arange(1000))[0, 1]) < 0.1
