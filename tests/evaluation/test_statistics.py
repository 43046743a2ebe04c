"""Intervals, ranks and comparisons, against SciPy and against definitions in loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from kerascope.evaluation import statistics
from kerascope.evaluation.statistics import LEVEL, MIN_IMAGES, RESAMPLES, Comparison
from kerascope.metric.statistics import finite_mean

pytestmark = pytest.mark.once

NAN = float("nan")
GENERATOR = np.random.default_rng(5)


def test_means_leave_out_what_is_not_known() -> None:
    found = finite_mean(np.asarray([[1.0, NAN, 3.0], [NAN, NAN, NAN]]))
    assert found[0] == 2
    assert np.isnan(found[1])


def test_resamples_are_means_of_the_same_images_for_every_row() -> None:
    values = GENERATOR.normal(size=(2, 7))
    values[1, 3] = NAN
    found = statistics.bootstrap_means(values, seed=4)
    drawn = np.random.default_rng(4).integers(0, 7, (RESAMPLES, 7))
    for sample in (0, 17, RESAMPLES - 1):
        for row in (0, 1):
            known = [values[row, image] for image in drawn[sample] if np.isfinite(values[row, image])]
            assert found[sample, row] == pytest.approx(sum(known) / len(known))


def test_the_interval_is_that_of_scipy() -> None:
    values = GENERATOR.gamma(2.0, size=40)
    low, high = statistics.interval(values[None])
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", random_state=np.random.default_rng(0)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low[0] == pytest.approx(theirs.low, abs=0.05 * width)
    assert high[0] == pytest.approx(theirs.high, abs=0.05 * width)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of means of 40 numbers: in 95 of 100 cases, give or take what chance gives."""
    values = GENERATOR.normal(size=(300, 40))
    low, high = statistics.interval(values)
    inside = np.mean((low <= 0) & (high >= 0))
    assert 0.90 <= inside <= 0.985


def test_one_value_has_no_interval() -> None:
    low, high = statistics.interval(np.asarray([[1.0, NAN]]))
    assert np.isnan([low, high]).all()


def test_ranks_follow_the_direction_and_share_ties() -> None:
    values = np.asarray([[1.0] * 8, [3.0] * 8, [1.0] * 8, [NAN] * 8])
    rank, low, high = statistics.ranks(values, "higher")
    assert rank[:3].tolist() == [2.5, 1, 2.5]
    assert np.isnan(rank[3])
    assert low[1] == high[1] == 1
    rank, *_ = statistics.ranks(values, "lower")
    assert rank[:3].tolist() == [1.5, 3, 1.5]


def test_ranks_of_what_cannot_be_told_apart_have_wide_intervals() -> None:
    values = GENERATOR.normal(size=(3, 30))
    values[2] += 9
    _, low, high = statistics.ranks(values, "higher")
    assert (low[2], high[2]) == (1, 1)
    assert low[0] == low[1] == 2
    assert high[0] == high[1] == 3


def pairs(values: Any) -> dict[tuple[int, int], Comparison]:
    return {(one.first, one.second): one for one in statistics.comparisons(np.asarray(values))}


def test_p_values_are_those_of_the_paired_t_test_after_holm() -> None:
    values = GENERATOR.normal(size=(4, 25)) + np.asarray([0, 0.2, 0.6, 2.0])[:, None]
    values[0, 3] = NAN
    found = pairs(values)
    raw = {}
    for one, other in found:
        known = np.isfinite(values[one]) & np.isfinite(values[other])
        raw[one, other] = stats.ttest_rel(values[one][known], values[other][known]).pvalue
    largest = 0.0
    for place, pair in enumerate(sorted(raw, key=lambda pair: raw[pair])):
        largest = max(largest, min(1.0, raw[pair] * (len(raw) - place)))
        assert found[pair].p == pytest.approx(largest, rel=1e-9)
    assert found[0, 1].count == 24
    assert found[2, 3].count == 25
    assert found[0, 3].separate
    assert not found[0, 1].separate


def test_equal_methods_are_not_separate_and_constant_differences_are() -> None:
    row = GENERATOR.normal(size=12)
    found = pairs([row, row, row - 1])
    assert found[0, 1].p == 1
    assert not found[0, 1].separate
    assert found[0, 2].difference == pytest.approx(1)
    assert found[0, 2].separate


def test_few_images_separate_nothing() -> None:
    row = GENERATOR.normal(size=MIN_IMAGES - 1)
    assert not pairs([row, row + 9])[0, 1].separate
    row = GENERATOR.normal(size=MIN_IMAGES)
    assert pairs([row, row + 9])[0, 1].separate


def test_methods_that_share_no_image_are_not_compared() -> None:
    assert pairs([[1.0, NAN], [NAN, 1.0]]) == {}


def test_chance_separates_no_more_often_than_promised() -> None:
    """Ten methods that are all the same but for noise, 100 times: one false statement in 20 such tables."""
    wrong = sum(
        any(one.separate for one in statistics.comparisons(GENERATOR.normal(size=(10, 20)), seed))
        for seed in range(100)
    )
    assert wrong / 100 <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / 100)


def test_without_holm_chance_would_separate_too_often() -> None:
    """The wrong variant: the t test by itself, for 45 pairs."""
    wrong = 0
    for _ in range(40):
        values = GENERATOR.normal(size=(10, 20))
        differences = [values[i] - values[j] for i in range(10) for j in range(i + 1, 10)]
        wrong += any(stats.ttest_1samp(one, 0).pvalue < LEVEL for one in differences)
    assert wrong / 40 > 0.3
