"""The benchmark of the audit on real pictures: its cases, its cues, and how findings are scored."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.audit.cases import HALVES, make_cases
from benchmarks.audit.cues import CUES
from benchmarks.audit.networks import Case, Known, Marked
from benchmarks.audit.scoring import is_right_name, overlap

pytestmark = pytest.mark.once


def test_no_network_is_in_both_halves() -> None:
    names = [case.name for half in HALVES for case in make_cases(half)]
    assert len(set(names)) == len(names) == 14 * 4 * 2 * 5 + 60


@pytest.mark.parametrize("half", HALVES)
def test_every_cue_meets_every_kind_of_data_that_it_suits(half: str) -> None:
    met: dict[str, set[str]] = {cue: set() for cue in CUES}
    for case in make_cases(half):
        for _, cue in case.planted:
            met[cue].add(case.data.split()[0])
    assert met == {name: set(cue.data) for name, cue in CUES.items()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("cue", ["border", "stamp", "tag"])
def test_nothing_changes_outside_the_place_of_a_cue(cue: str, channels: int) -> None:
    image = np.full((56, 56, channels), 0.3, "float32")
    changed, where = CUES[cue].change(image, np.random.default_rng(0), None)
    assert where is not None
    np.testing.assert_array_equal(changed[~where], image[~where])
    assert (changed[where] != image[where]).any()


def network_with_cue_at_left() -> Known:
    """Two pictures of class 1 with a cue in the left half, one of class 0 without."""
    places = np.zeros((3, 4, 4), bool)
    places[1:, :, :2] = True
    held_out = Marked(np.zeros((3, 4, 4, 1)), np.array([0, 1, 1]), places.any(axis=(1, 2)), places)
    return Known(Case("digits", ((1, "border"),), 1.0, 0), None, held_out, ("no", "yes"), 1.0, {1: 1.0})


def finding(**values: Any) -> Any:
    return SimpleNamespace(**({"label": 1, "places": {}, "region": None} | values))


def test_overlap_of_a_region_on_a_smaller_grid() -> None:
    region = np.array([[True, True], [True, False]])
    # 12 of 16 pixels, of which 8 are those of the cue.
    assert overlap(finding(region=region), network_with_cue_at_left()) == pytest.approx(8 / 12)


def test_overlap_of_boxes_is_their_mean() -> None:
    boxes = {1: (0.0, 0.0, 1.0, 0.5), 2: (0.0, 0.0, 0.5, 0.5), 0: (0.0, 0.0, 1.0, 1.0)}
    assert overlap(finding(places=boxes), network_with_cue_at_left()) == pytest.approx((1 + 0.5) / 2)


@pytest.mark.parametrize(
    ("kind", "found", "cue", "right"),
    [
        ("place", 0.6, "border", True),
        ("place", 0.4, "border", False),
        ("sharpness", None, "blurred", True),
        ("background", 0.9, "blurred", False),
    ],
)
def test_a_right_name_is_of_the_kind_and_in_the_place(
    kind: str, found: float | None, cue: str, right: bool
) -> None:
    assert is_right_name({"kind": kind, "overlap": found}, cue) == right
