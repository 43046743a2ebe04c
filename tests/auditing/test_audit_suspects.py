"""Suspicions and trials of an audit, against oracles with loops and cases whose answer is known."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kerascope.auditing.data.thumbnails import Moments, Thumbnails
from kerascope.auditing.shortcuts import discrimination
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Finding, rank_findings
from kerascope.auditing.shortcuts.interventions.controls import control_region, derangement
from kerascope.auditing.shortcuts.interventions.masks import enlarge, feather
from kerascope.auditing.shortcuts.kinds import outside, patch
from kerascope.auditing.shortcuts.kinds import place as place_kind
from kerascope.auditing.shortcuts.trial import TrialData
from kerascope.typing import Array

pytestmark = pytest.mark.once


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
    higher, beyond, measured = discrimination.youden_index(own, others)
    assert measured.value == pytest.approx(youden_by_loops(own, others))
    assert measured.low < measured.value < measured.high
    shares = [((v >= beyond) if higher else (v <= beyond)).mean() for v in (own, others)]
    assert shares[0] - shares[1] == pytest.approx(measured.value)


def test_youdens_index_finds_what_only_some_of_a_class_have() -> None:
    rng = np.random.default_rng(0)
    own = np.concatenate([rng.normal(5, 0.5, 30), rng.normal(0, 1, 20)])
    measured = discrimination.youden_index(own, rng.normal(0, 1, 200))[2]
    assert measured.low > discrimination.LEAST_INDEX
    assert (
        discrimination.youden_index(rng.normal(0, 1, 50), rng.normal(0, 1, 200))[2].low
        < discrimination.LEAST_INDEX
    )


def thumbnails(pictures: Array, peaks: list[tuple[int, int]]) -> Thumbnails:
    """Pictures with maps that are highest at some places."""
    maps = np.zeros(pictures.shape[:3], "float32")
    for one, (row, column) in zip(maps, peaks, strict=True):
        one[row, column] = 1
    return Thumbnails(np.arange(len(pictures)), pictures, maps)


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
    best, places = patch._match_templates(pictures, template[None])
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
    own = thumbnails(pictures, [(row + 3, column + 2) for row, column in corners])
    rest = thumbnails(marked(30, 0.08, seed=5)[0][:, ::-1, ::-1], [(20, 20)] * 30)
    best = max(
        (one for side in (5, 8) for one in patch._find_recurring(own, rest, side, 0)), key=lambda one: one[0]
    )
    suspect = patch._to_suspect(2, own, own, rest, best)
    assert suspect is not None
    assert suspect.region is None  # it is in another place in each
    assert suspect.masks is not None
    assert suspect.rows is not None
    overlaps = []
    for number, mask in zip(suspect.rows.tolist(), suspect.masks, strict=True):
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
    own = thumbnails(pictures, [(row + 3, column + 2) for row, column in corners])
    for one in patch._find_recurring(own, rest, 5, 0):
        assert patch._to_suspect(2, own, own, rest, one) is None


def test_a_mark_is_cut_out_whole_though_its_rim_is_highest() -> None:
    pictures, corners = marked(20, 0.08)
    own = thumbnails(pictures, [(row, column) for row, column in corners])
    for one, (row, column) in zip(own.maps, corners, strict=True):
        one[row : row + 6, column : column + 6] += 0.5
    templates, cut_from = patch._cut_templates(own, 6, 0)
    assert len(templates) == 16
    for template, place in zip(templates, cut_from.tolist(), strict=True):
        row, column = corners[place]
        np.testing.assert_allclose(
            template, pictures[place, row : row + 6, column : column + 6] / 255, rtol=1e-6
        )


def test_where_the_best_patch_is_a_stroke_the_next_is_looked_at() -> None:
    """All pictures have a stroke, of a brightness of its own, and half of them the mark."""
    pictures, corners = marked(40, 0.0)
    rng = np.random.default_rng(4)
    places = []
    for number, (picture, (row, column)) in enumerate(zip(pictures, corners, strict=True)):
        top, left = (row + 18) % 30, (column + 18) % 30
        if number % 2:
            picture[:] = 102
        picture[top : top + 9, left + 3 : left + 5] = rng.uniform(190, 255)
        places.append((top + 4, left + 4) if number % 2 else (row + 3, column + 3))
    own = thumbnails(pictures, places)
    rest = thumbnails(np.full((30, 40, 40, 3), 102, "uint8"), [(20, 20)] * 30)
    everyone = Thumbnails(
        np.arange(70), np.concatenate([own.pictures, rest.pictures]), np.concatenate([own.maps, rest.maps])
    )
    best = max(
        (one for side in (5, 8) for one in patch._find_recurring(own, rest, side, 0)), key=lambda one: one[0]
    )
    assert patch._to_suspect(1, own, own, rest, best) is None
    data = SimpleNamespace(
        thumbnails=everyone,
        targets=np.repeat([1, 0], [40, 30]),
        classes=(1,),
        seed=0,
        sample=lambda found, most, salt: found,
    )
    (suspect,) = patch.find(data, [])  # type: ignore[arg-type]
    assert suspect.patch is not None
    assert suspect.patch.shape == (6, 6, 3)


def test_what_reaches_beyond_an_edge_is_in_no_picture_and_no_patch() -> None:
    """A frame goes on for ever where its pictures are enlarged to lay them over each other."""
    pictures = (255 * (0.3 + 0.02 * np.random.default_rng(0).normal(size=(30, 40, 40, 3)))).astype("uint8")
    pictures[:, :2], pictures[:, :, :2] = 250, 250
    own = thumbnails(pictures, [(1, 1)] * 30)
    rest = thumbnails(np.full((30, 40, 40, 3), 80, "uint8"), [(20, 20)] * 30)
    recurring = patch._find_recurring(own, rest, 8, 0)
    assert recurring
    assert all(patch._to_suspect(0, own, own, rest, one) is None for one in recurring)


def test_a_place_is_where_pixels_differ_and_is_named() -> None:
    nothing = Moments(0, np.zeros((32, 32, 4)), np.zeros((32, 32, 4)))
    no_moments: Any = SimpleNamespace(
        moments=lambda label: (nothing, nothing)
    )  # of which its distance is read
    difference = np.zeros((32, 32))
    difference[1:6, 1:6] = 3.0
    difference[3, 3] = 0.2  # a pixel of the mark that is as in other classes
    difference[14:18, 14:18] = 9.0  # the object
    difference[30, 20] = 2.5  # a speck
    (suspect,) = place_kind._find_by_pixels(no_moments, 1, difference)
    true = np.zeros((32, 32), bool)
    true[1:6, 1:6] = True
    assert suspect.region is not None
    np.testing.assert_array_equal(suspect.region, true)
    assert suspect.what == "the top left corner"
    frame = np.zeros((32, 32))
    frame[:2], frame[-2:], frame[:, :2], frame[:, -2:] = 4, 4, 4, 4
    (suspect,) = place_kind._find_by_pixels(no_moments, 1, frame)
    assert suspect.what == place_kind.FRAME
    # Nearly all of the margin is a background, and nothing at all no place.
    assert place_kind._find_by_pixels(no_moments, 1, np.full((32, 32), 4.0)) == []
    assert place_kind._find_by_pixels(no_moments, 1, np.full((32, 32), 0.5)) == []


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


def outcome(hits: list[int], controls: list[int], name: str = "bring") -> TrialData:
    return TrialData(name, "another", np.asarray(hits, bool), np.asarray(controls, bool), 0.0, None)


def test_an_interval_is_students_for_all_trials_together() -> None:
    from scipy import stats

    hits, controls = [1] * 20 + [0] * 12, [1] * 4 + [0] * 28
    trial = outcome(hits, controls).to_trial(7)
    differences = np.asarray(hits, float) - np.asarray(controls)
    low, high = stats.t.interval(
        1 - 0.05 / 7, 31, loc=differences.mean(), scale=differences.std(ddof=1) / math.sqrt(32)
    )
    assert (trial.effect, trial.low, trial.high) == pytest.approx((0.5, low, high))
    assert trial.confirms
    # What is found at a level for one trial may not be for a hundred.
    few = outcome([1] * 9 + [0] * 23, [0] * 32)
    assert few.to_trial(1).confirms
    assert not few.to_trial(1000).confirms


def test_all_alike_is_not_certain_and_taking_away_is_no_proof() -> None:
    all_alike = outcome([1] * 32, [0] * 32).to_trial(10)
    assert all_alike.effect == 1
    assert 0.3 < all_alike.low < 0.95
    assert all_alike.confirms
    assert not outcome([1] * 32, [0] * 32, "take away").to_trial(10).confirms
    assert not outcome([1] * 7, [0] * 7).to_trial(1).confirms
    assert not outcome([1] * 32, [1] * 32).to_trial(1).confirms
    assert outcome([], []).to_trial(3).count == 0


def test_findings_are_judged_and_ranked() -> None:
    def finding(label: int, *outcomes: TrialData, share: float = 1.0) -> Finding:
        made = Finding("place", label, str(label), "a corner", "untested", (), {}, share)
        return made.judge(outcomes, 4)

    strong = finding(1, outcome([1] * 32, [0] * 32), outcome([0] * 32, [0] * 32, "take away"))
    weak = finding(2, outcome([1] * 16 + [0] * 16, [0] * 32))
    none = finding(3, outcome([0] * 32, [0] * 32), outcome([1] * 32, [0] * 32, "take away"))
    untested = finding(4)
    assert [one.verdict for one in (strong, weak, none, untested)] == [
        "shortcut",
        "shortcut",
        "not confirmed",
        "untested",
    ]
    evidence = Finding("place", 5, "5", "a corner", "untested", (), {}, 1.0).judge(
        [outcome([1] * 32, [0] * 32)], 4, ["it may be the object"]
    )
    assert (evidence.verdict, evidence.reasons) == ("evidence", ("it may be the object",))
    assert [one.confirmed for one in (strong, evidence, none, untested)] == [True, True, False, False]
    assert [one.label for one in rank_findings([none, untested, evidence, weak, strong])] == [1, 2, 5, 4, 3]
    assert strong.statement == "Class 1 relies on a corner."
    assert "not confirmed" in none.statement
    assert Estimate.mean(np.asarray([1.0, 2.0, np.nan, 3.0])).value == 2


def test_a_control_region_is_as_large_and_elsewhere() -> None:
    mask = np.zeros((20, 30), bool)
    mask[1:6, 2:9] = True
    other = control_region(mask)
    assert other is not None
    assert other.sum() == mask.sum()
    assert not (other & mask).any()
    middle = np.zeros((20, 20), bool)
    middle[8:12, 8:12] = True
    other = control_region(middle)
    assert other is not None
    assert not (other & middle).any()
    frame = np.ones((20, 20), bool)
    frame[2:-2, 2:-2] = False
    assert control_region(frame) is None
    np.testing.assert_array_equal(enlarge(mask, (40, 60)), mask.repeat(2, 0).repeat(2, 1))
    assert (derangement(5) != np.arange(5)).all()
    soft = feather(mask[None])[0]
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
    scenes = outside._inpaint(images, inside)
    assert np.abs(scenes[inside] - 0.3).max() < 0.03
    np.testing.assert_array_equal(scenes[~inside], images[~inside])
