"""Sobol indices and HSIC: against known indices and literal formulas; scores that are NaN; bad parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.method.segments.grid import rounding
from kerascope.typing import Array

pytestmark = pytest.mark.once


def explored(method: ks.SegmentMethod, count: int, score: Callable[[Array], Array]) -> tuple[Array, int]:
    """What a method finds about a function of masks, (S,) or (K, S), and how many masks it asked for."""
    exploration = method.value_segments(count, np.zeros(1), np.arange(count))
    asked, scores = 0, None
    try:
        while True:
            masks = exploration.send(scores)  # type: ignore[arg-type]
            asked += len(masks)
            found = np.asarray(score(masks), "float64")
            scores = found[:, None] if found.ndim == 1 else found
    except StopIteration as finished:
        values = np.asarray(finished.value)
        return (values[0] if len(values) == 1 else values), asked


def ishigami(masks: Array) -> Array:
    first, second, third = (np.pi * (2 * masks - 1)).T
    return np.asarray(np.sin(first) + 7 * np.sin(second) ** 2 + 0.1 * third**4 * np.sin(first))


def ishigami_indices() -> Array:
    """Ishigami and Homma, 1990, with a = 7 and b = 0.1."""
    a, b = 7.0, 0.1
    first = 0.5 * (1 + b * np.pi**4 / 5) ** 2
    both = b**2 * np.pi**8 * 8 / 225
    second = a**2 / 8
    return np.array([first + both, second, both]) / (first + second + both)


WEIGHTS = np.array([0.0, 0.5, 3.0, 9.0, 99.0])


def g_function(masks: Array) -> Array:
    return np.asarray(np.prod((np.abs(4 * masks - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1))


def g_indices() -> Array:
    """Saltelli and Sobol, 1995: a product, so that what a cell has a part in is its own variance and more."""
    own = 1 / (3 * (1 + WEIGHTS) ** 2)
    whole = np.prod(1 + own)
    return np.asarray(own * whole / (1 + own) / (whole - 1))


class TestSobol:
    @pytest.mark.parametrize(
        ("score", "expected"), [(ishigami, ishigami_indices()), (g_function, g_indices())], ids=["sin", "g"]
    )
    def test_known_indices(self, score: Callable[[Array], Array], expected: Array) -> None:
        def error(designs: int) -> float:
            runs = [explored(ks.Sobol(designs, seed), len(expected), score)[0] for seed in range(8)]
            return float(np.sqrt(((np.stack(runs) - expected) ** 2).mean()))

        few, many = error(64), error(4096)
        assert many < 0.02
        assert many < few / 4  # eight times the root of the designs would be 1/8

    def test_a_sum_has_shares_of_squares(self) -> None:
        weights = np.array([4.0, -3.0, 2.0, 1.0, 0.0])
        found, _ = explored(ks.Sobol(32), 5, lambda masks: masks @ weights)
        expected = weights**2 / (weights**2).sum()
        assert found / found.sum() == pytest.approx(expected, abs=0.02)
        assert found[4] == 0
        assert found.sum() == pytest.approx(1, abs=0.3)

    def test_a_sum_is_closer_than_with_the_whole_sequence(self) -> None:
        """Two of 242 coordinates are badly spread in 32 points; the two of a plane are not."""
        from scipy.stats import qmc

        whole = qmc.Sobol(242, scramble=True, seed=1).random(32)
        first, second = ks.Sobol(32).draw(121)
        usual = ((whole[:, :121] - whole[:, 121:]) ** 2).mean(axis=0)
        here = ((first - second) ** 2).mean(axis=0)
        assert here == pytest.approx(np.full(121, 1 / 6), rel=0.05)
        assert usual.std() > 8 * here.std()

    def test_the_estimator_by_hand(self) -> None:
        def score(masks: Array) -> Array:
            return np.asarray(np.exp(masks[:, 0] * masks[:, 1]) + masks[:, 2])

        method = ks.Sobol(4, seed=3)
        first, second = method.draw(3)
        both = np.concatenate([score(first), score(second)])
        variance = sum((one - both.mean()) ** 2 for one in both) / 7
        expected = []
        for cell in range(3):
            total = 0.0
            for design in range(4):
                changed = first[design : design + 1].copy()
                changed[0, cell] = second[design, cell]
                total += float((score(first[design : design + 1]) - score(changed))[0] ** 2)
            expected.append(total / (8 * variance))
        found, asked = explored(method, 3, score)
        assert found == pytest.approx(expected, rel=1e-12)
        assert asked == 4 * 5

    @pytest.mark.parametrize("designs", [2, 32, 512])
    def test_every_column_is_spread_evenly(self, designs: int) -> None:
        for masks in ks.Sobol(designs).draw(7):
            strata = np.sort((masks * designs).astype(int), axis=0)
            assert (strata == np.arange(designs)[:, None]).all()
        # In the plane too: with as many boxes as points, each has one, whatever their shape.
        first, second = ks.Sobol(designs).draw(1)
        power = designs.bit_length() - 1
        for across in range(power + 1):
            rows, columns = (first[:, 0] * 2**across), (second[:, 0] * 2 ** (power - across))
            assert len(set(zip(rows.astype(int), columns.astype(int), strict=True))) == designs

    def test_cells_are_independent_of_their_number(self) -> None:
        few, many = ks.Sobol(16).draw(3), ks.Sobol(16).draw(9)
        assert (few[0] == many[0][:, :3]).all()
        assert (few[1] == many[1][:, :3]).all()
        assert not np.array_equal(ks.Sobol(16, seed=1).draw(3)[0], few[0])

    def test_numbers_survive_float32(self) -> None:
        for masks in ks.Sobol(1024).draw(5):
            assert (masks.astype("float32") == masks).all()
            assert ((masks >= 0) & (masks < 1)).all()

    def test_more_masks_than_are_asked_for_at_a_time(self) -> None:
        sizes: list[int] = []

        def score(masks: Array) -> Array:
            sizes.append(len(masks))
            return masks.sum(axis=1)

        found, asked = explored(ks.Sobol(32), 121, score)
        assert asked == 32 * 123 == sum(sizes)
        assert max(sizes) <= 1024
        assert found.shape == (121,)
        assert found / found.sum() == pytest.approx(np.full(121, 1 / 121), rel=0.1)

    def test_several_classes_are_each_for_itself(self) -> None:
        def score(masks: Array) -> Array:
            return np.stack([masks[:, 0], masks[:, 1] + masks[:, 2], np.full(len(masks), 7.0)], axis=1)

        found, _ = explored(ks.Sobol(64), 3, score)
        assert found.shape == (3, 3)
        assert found[0] == pytest.approx([1, 0, 0], abs=0.1)
        assert found[1] == pytest.approx([0, 0.5, 0.5], abs=0.15)
        assert not found[2].any()

    @pytest.mark.parametrize("seed", [0, 1])
    def test_a_constant_score_gives_zeros_not_its_rounding(self, seed: int) -> None:
        noise = np.random.default_rng(seed)
        for score in (
            lambda masks: np.full(len(masks), -3.0),
            lambda masks: np.zeros(len(masks)),
            lambda masks: np.float32(1000) * (1 + 1e-7 * noise.standard_normal(len(masks))),
        ):
            found, _ = explored(ks.Sobol(8), 6, score)
            assert (found == 0).all()

    def test_designs_without_a_score_are_left_out(self) -> None:
        method = ks.Sobol(16)
        weights = np.array([3.0, 2.0, 1.0])
        first, second = method.draw(3)

        def score(masks: Array) -> Array:
            scores = masks @ weights
            # Of cell 1, the change in the designs 2 and 5 is not known; nor anything of design 7.
            scores.reshape(16, 5)[[2, 5], 3] = np.nan
            scores.reshape(16, 5)[7, 0] = np.inf
            return scores

        found, _ = explored(method, 3, score)
        both = np.concatenate([np.delete(first, 7, axis=0), second]) @ weights
        for cell, missing in enumerate(([7], [2, 5, 7], [7])):
            gaps = np.delete(first - second, missing, axis=0)[:, cell] * weights[cell]
            assert found[cell] == pytest.approx((gaps**2).mean() / (2 * both.var(ddof=1)), rel=1e-12)

    def test_a_run_that_stops_early_has_whole_designs(self) -> None:
        asked = 0

        def score(masks: Array) -> Array:
            nonlocal asked
            scores = masks.sum(axis=1)
            scores[max(0, 40 * 5 - asked) :] = np.nan
            asked += len(masks)
            return scores

        found, _ = explored(ks.Sobol(512), 3, score)
        assert np.isfinite(found).all()
        assert found == pytest.approx(np.full(3, 1 / 3), rel=0.3)

    def test_no_score_at_all_is_not_a_number(self) -> None:
        found, _ = explored(ks.Sobol(4), 3, lambda masks: np.full(len(masks), np.nan))
        assert np.isnan(found).all()

    @pytest.mark.parametrize("designs", [0, 1, 3, 33, -2, 2.0, True, "32", None, 1 << 25])
    def test_designs_must_be_a_power_of_two(self, designs: Any) -> None:
        with pytest.raises(errors.ParameterError, match="designs"):
            ks.Sobol(designs)

    def test_it_is_unsigned_and_random(self) -> None:
        assert not ks.Sobol().signed
        assert {"stochastic", "sized", "pixels"} <= ks.Sobol().tags


def literal(masks: Array, scores: Array) -> Array:
    """tr(K H L H) / (m - 1)^2 with all matrices made."""
    count = len(scores)
    centring = np.eye(count) - np.ones((count, count)) / count
    pairs = [abs(one - other) for place, one in enumerate(scores) for other in scores[:place]]
    output = np.exp(-((scores[:, None] - scores[None]) ** 2) / (2 * np.median(pairs) ** 2))
    found = []
    for column in masks.T:
        cell = (column[:, None] == column[None]).astype("float64")
        found.append(np.trace(cell @ centring @ output @ centring) / (count - 1) ** 2)
    return np.array(found)


class TestHSIC:
    @pytest.mark.parametrize("masks", [2, 3, 50, 101])
    def test_the_literal_formula(self, masks: int) -> None:
        weights = np.array([5.0, -3.0, 1.0, 0.3, 0.0])

        def score(given: Array) -> Array:
            small = 0.01 * np.sqrt(np.arange(len(given)))
            return np.asarray(given @ weights + 4 * given[:, 2] * given[:, 3] + small)

        method = ks.HSIC(masks, seed=2)
        drawn = method.draw(5)
        found, asked = explored(method, 5, score)
        assert found == pytest.approx(literal(drawn, score(drawn)), rel=1e-9, abs=1e-15)
        assert asked == masks

    def test_cells_that_do_not_matter_are_at_the_level_of_chance(self) -> None:
        """Of a column in random order, the expected estimate is known from the kernel of the scores alone."""
        masks, weights = 600, np.zeros(40)
        weights[:4] = [8.0, -4.0, 2.0, 1.0]
        method = ks.HSIC(masks)
        drawn = method.draw(40)
        scores = drawn @ weights
        distances = np.abs(scores[:, None] - scores[None])
        width = np.median(distances[distances > 0])
        kernel = np.exp(-0.5 * (distances / width) ** 2)
        centred = np.trace(kernel) - kernel.sum() / masks
        chance = masks / (2 * (masks - 1)) * centred / (masks - 1) ** 2
        found, _ = explored(method, 40, lambda given: given @ weights)
        assert found[4:].mean() == pytest.approx(chance, rel=0.5)
        assert found[4:].max() < found[:2].min() / 3
        assert found[0] > found[1] > found[2]

    def test_chance_falls_with_the_masks(self) -> None:
        def level(masks: int) -> float:
            return float(explored(ks.HSIC(masks), 20, lambda given: given[:, 0])[0][1:].mean())

        assert level(1000) == pytest.approx(level(100) / 10, rel=0.6)

    def test_what_leaves_the_mean_alone_is_seen(self) -> None:
        """A cell that makes the score vary, in either direction, is no less important."""

        def score(given: Array) -> Array:
            return np.asarray((2 * given[:, 0] - 1) * given[:, 1] * 3)

        method = ks.HSIC(400)
        drawn = method.draw(3)
        correlation = np.corrcoef(drawn[:, 1], score(drawn))[0, 1]
        found, _ = explored(method, 3, score)
        assert abs(correlation) < 0.1
        assert found[1] > 5 * found[2]

    def test_one_cell_alone_has_a_closed_form(self) -> None:
        found, _ = explored(ks.HSIC(100), 4, lambda given: 5 - 3 * given[:, 2])
        assert found[2] == pytest.approx(100**2 * (1 - math.exp(-0.5)) / (4 * 99**2), rel=1e-12)

    def test_units_and_offsets_do_not_count(self) -> None:
        def score(given: Array) -> Array:
            return given @ np.array([1.0, 2.0, 4.0, 8.0]) + given[:, 0] * given[:, 3]

        found, _ = explored(ks.HSIC(200), 4, score)
        other, _ = explored(ks.HSIC(200), 4, lambda given: 1000 - 7 * score(given))
        assert other == pytest.approx(found, rel=1e-9)

    @pytest.mark.parametrize("masks", [10, 11])
    def test_every_cell_is_left_in_half_of_the_masks(self, masks: int) -> None:
        drawn = ks.HSIC(masks).draw(30)
        assert (drawn.sum(axis=0) == -(-masks // 2)).all()
        assert set(np.unique(drawn)) == {0.0, 1.0}
        assert len({tuple(column) for column in drawn.T}) > 20
        assert (ks.HSIC(masks).draw(3) == drawn[:, :3]).all()

    def test_a_score_that_is_mostly_the_same_has_a_width(self) -> None:
        """Most pairs of scores are equal, so that the median of all distances would be 0."""
        found, _ = explored(ks.HSIC(400), 4, lambda given: given[:, 0] * given[:, 1] * given[:, 2])
        assert np.isfinite(found).all()
        assert found[:3].min() > 5 * found[3]

    def test_equal_scores_may_differ_by_rounding(self) -> None:
        """Which of the equal scores differ in the last digit must not move the width."""
        noise = np.random.default_rng(0)

        def score(given: Array) -> Array:
            return np.asarray(10 + given[:, 0] * given[:, 1])

        def rounded(given: Array) -> Array:
            return np.asarray(score(given) * (1 + 5e-8 * noise.integers(-1, 2, len(given))))

        exact, _ = explored(ks.HSIC(200), 3, score)
        assert explored(ks.HSIC(200), 3, rounded)[0] == pytest.approx(exact, abs=1e-6)

    def test_a_constant_score_gives_zeros_not_its_rounding(self) -> None:
        noise = np.random.default_rng(0)
        for score in (
            lambda given: np.full(len(given), 2.5),
            lambda given: np.zeros(len(given)),
            lambda given: 1000 * (1 + 1e-7 * noise.standard_normal(len(given))),
        ):
            found, _ = explored(ks.HSIC(50), 6, score)
            assert (found == 0).all()

    def test_masks_without_a_score_are_left_out(self) -> None:
        method = ks.HSIC(80)
        drawn = method.draw(3)
        missing = np.arange(80) % 9 == 4

        def score(given: Array) -> Array:
            return np.where(missing, np.nan, given @ np.array([1.0, 2.0, 0.0]) + 0.01 * np.arange(80))

        found, _ = explored(method, 3, score)
        assert found == pytest.approx(literal(drawn[~missing], score(drawn)[~missing]), rel=1e-9)

    def test_a_single_score_is_not_enough(self) -> None:
        found, _ = explored(ks.HSIC(5), 3, lambda given: np.where(np.arange(5) == 2, 1.0, np.nan))
        assert np.isnan(found).all()

    def test_several_classes_are_each_for_itself(self) -> None:
        def score(given: Array) -> Array:
            return np.stack([given[:, 0], -given[:, 1], np.full(len(given), 7.0)], axis=1)

        found, _ = explored(ks.HSIC(100), 3, score)
        assert found.shape == (3, 3)
        assert found[0].argmax() == 0
        assert found[1].argmax() == 1
        assert not found[2].any()

    @pytest.mark.parametrize("masks", [0, 1, -5, 2.5, True, "many", None])
    def test_masks_must_be_a_number(self, masks: Any) -> None:
        with pytest.raises(errors.ParameterError, match="masks"):
            ks.HSIC(masks)

    def test_forwards_are_known(self) -> None:
        assert ks.HSIC(64).forwards == 65
        assert ks.HSIC(64, baseline=("black", "mean")).forwards == 129
        assert not ks.HSIC().signed


@pytest.mark.parametrize("method", [ks.Sobol, ks.HSIC])
@pytest.mark.parametrize("seed", [-1, 1.5, True, None])
def test_a_seed_must_be_a_whole_number(method: Any, seed: Any) -> None:
    with pytest.raises(errors.ParameterError, match="seed"):
        method(seed=seed)


@pytest.mark.parametrize("method", [ks.Sobol(2), ks.HSIC(8)])
@pytest.mark.parametrize(
    ("model", "segments", "cells"),
    [
        ("functional", 32, "4 x 8"),
        ("functional", (2, 4), "2 x 4"),
        ("conv1d", 4, "4"),
        ("conv3d", 8, "1 x 4 x 2"),
        ("conv3d", 10**6, "4 x 8 x 6"),
    ],
)
def test_a_number_of_segments_is_a_grid(method: Any, model: str, segments: Any, cells: str) -> None:
    from dataclasses import replace

    tiny = ks.testing.models.MODELS[model]()
    found = replace(method, segments=segments)(tiny.model, tiny.images, 1)
    assert any(note.endswith(f"a grid of {cells}") for note in found.notes)
    assert found.values.shape == tiny.images.shape[:-1]
    assert (found.values >= 0).all()


@pytest.mark.parametrize("method", [ks.Sobol(4), ks.HSIC(16)])
def test_segments_may_be_given(method: Any) -> None:
    from dataclasses import replace

    tiny = ks.testing.models.MODELS["functional"]()
    labels = np.arange(8 * 16).reshape(8, 16) % 5
    found = replace(method, segments=labels)(tiny.model, tiny.images, 1)
    for segment in range(5):
        assert np.ptp(found.values[:, labels == segment], axis=1) == pytest.approx(np.zeros(3))
    assert len(np.unique(found.values[0])) > 1


def test_rounding_is_a_share_of_the_largest_score() -> None:
    assert rounding(np.array([0.0, -2.0, 1.0])) == 2 * rounding(np.array([1.0]))
    assert rounding(np.zeros(3)) == 0
    assert 1e-7 < rounding(np.array([1.0])) < 1e-6
