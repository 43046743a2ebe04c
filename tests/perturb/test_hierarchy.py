"""Segments cut in halves until each is alone."""

from __future__ import annotations

import numpy as np
import pytest

from kerascope.perturb.hierarchy import hierarchy

pytestmark = pytest.mark.once


def test_a_group_is_cut_between_centres_that_lie_within_a_pixel() -> None:
    # Across the columns, the longer side: segment 0 has its centre at 1.75, segment 1 at 1.25.
    found = hierarchy(np.array([[1, 0, 1, 1], [1, 0, 0, 0]]))
    assert [half.members.tolist() for half in found.halves] == [[1], [0]]
