"""LIME, KernelSHAP and PartitionSHAP on games whose values are known, and the hierarchy of segments."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.method.segments.base import SegmentMethod
from kerascope.perturb.hierarchy import SegmentGroup, hierarchy
from kerascope.typing import Tensor

# Everything here is NumPy, but for a few small networks.
pytestmark = pytest.mark.once

Game = Callable[[Tensor], Tensor]
METHODS = (ks.LIME(), ks.KernelSHAP(), ks.PartitionSHAP())
GRID = np.arange(8, dtype="int32").reshape(2, 4)


def played(method: SegmentMethod, game: Game, labels: Tensor = GRID) -> tuple[Tensor, list[Tensor]]:
    """The values (K, S) of the segments of a game, and the coalitions that were asked about."""
    count = int(labels.max()) + 1
    exploration = method.value_segments(count, game(np.ones((1, count)))[0], labels)
    requests, scores = [], None
    while True:
        try:
            requests.append(exploration.send(scores))
        except StopIteration as finished:
            return finished.value, list(np.concatenate(requests)) if requests else []
        scores = game(requests[-1])


def drawn_game(count: int, classes: int = 2) -> Game:
    """Any score for any coalition."""
    table = np.random.default_rng(7).normal(0, 1, (2**count, classes))
    return lambda coalitions: table[(coalitions > 0) @ (1 << np.arange(count))]


def sum_game(count: int) -> Game:
    """A sum over segments, 2 i + 1 for the first class and 2 i + 2 for the second, and 5."""
    terms = 1.0 + np.arange(2 * count).reshape(count, 2)
    return lambda coalitions: coalitions @ terms + 5


def bent_game(count: int) -> Game:
    """A sum with interactions of pairs of segments, and of all."""
    random = np.random.default_rng(3)
    terms, pairs = random.normal(0, 1, (count, 1)), random.normal(0, 0.1, (count, count))
    return lambda z: np.tanh(0.3 * z @ terms) + np.einsum("ni,ij,nj->n", z, pairs, z)[:, None]


def one(game: Game, members: Any, count: int) -> Tensor:
    coalition = np.zeros((1, count))
    coalition[0, list(members)] = 1
    return game(coalition)[0]


def change(game: Game, count: int) -> Tensor:
    return one(game, range(count), count) - one(game, (), count)


# KernelSHAP


def test_all_coalitions_give_shapley_values() -> None:
    game = drawn_game(6)
    expected = np.zeros((2, 6))
    for order in itertools.permutations(range(6)):
        for place, segment in enumerate(order):
            gain = one(game, order[: place + 1], 6) - one(game, order[:place], 6)
            expected[:, segment] += gain / math.factorial(6)
    values, asked = played(ks.KernelSHAP(62), game, np.arange(6))
    np.testing.assert_allclose(values, expected, atol=1e-12)
    assert len({tuple(coalition) for coalition in asked}) == len(asked) == 63


def test_drawn_coalitions_are_a_weighted_regression_with_a_constraint() -> None:
    game, count = drawn_game(8), 8
    values, asked = played(ks.KernelSHAP(60, seed=3), game)
    # The same draws, in loops, until 30 different pairs are there.
    random = np.random.default_rng([3, 0, 1])
    shares = [1 / (size * (count - size)) for size in range(1, count)]
    times: dict[tuple[int, ...], int] = {}
    while True:
        numbers = random.random(count + 1)
        size = 1 + sum(numbers[0] >= sum(shares[:end]) / sum(shares) for end in range(1, count - 1))
        coalition = tuple(int(number in sorted(numbers[1:])[:size]) for number in numbers[1:])
        coalition = coalition if coalition[-1] else tuple(1 - on for on in coalition)
        if len(times) == 30 and coalition not in times:
            break
        times[coalition] = times.get(coalition, 0) + 1
    np.testing.assert_array_equal(asked[1::2], list(times))
    np.testing.assert_array_equal(asked[2::2], 1 - np.array(list(times)))
    # Lagrange's equations: the weighted normal equations, and the sum.
    square, right = np.zeros((9, 9)), np.zeros((9, 2))
    for pair, weight in times.items():
        for coalition in (np.array(pair, "float64"), 1 - np.array(pair, "float64")):
            square[:8, :8] += weight * np.outer(coalition, coalition)
            right[:8] += weight * np.outer(coalition, game(coalition[None])[0] - one(game, (), 8))
    square[8, :8] = square[:8, 8] = 1
    right[8] = change(game, 8)
    np.testing.assert_allclose(values, np.linalg.solve(square, right)[:8].T, atol=1e-10)


def test_drawn_values_come_near_shapley_values() -> None:
    game, labels = bent_game(12), np.arange(12)
    exact, _ = played(ks.KernelSHAP(5000), game, labels)
    gaps = []
    for masks in (100, 400, 1600):
        parts = [played(ks.KernelSHAP(masks, seed), game, labels)[0] for seed in range(5)]
        gaps.append(np.sqrt(np.mean([(part - exact) ** 2 for part in parts])) / np.ptp(exact))
    assert gaps[0] > 1.4 * gaps[1] > 1.4**2 * gaps[2]
    assert gaps[2] < 0.005


@pytest.mark.parametrize("masks", [14, 15, 64, 253, 254])
def test_kernel_shap_counts_its_masks(masks: int) -> None:
    method = ks.KernelSHAP(masks, segments=(2, 4))
    _, asked = played(method, sum_game(8))
    assert len({tuple(coalition) for coalition in asked}) == len(asked) <= method.forwards - 1
    assert len(asked) <= masks + 1
    assert len(asked) == method.forwards - 1 or 200 < masks < 254  # hardly a pair is left to be drawn


# PartitionSHAP


def test_every_group_split_gives_owen_values() -> None:
    game = drawn_game(8)
    expected = np.zeros((2, 8))

    def follow(group: SegmentGroup, others: list[Tensor]) -> None:
        if group.halves:
            for half, other in zip(group.halves, group.halves[::-1], strict=True):
                follow(half, [*others, other.members])
            return
        for chosen in itertools.product((0, 1), repeat=len(others)):
            context = [member for on, other in zip(chosen, others, strict=True) if on for member in other]
            gain = one(game, [*context, *group.members], 8) - one(game, context, 8)
            expected[:, group.members] += gain[:, None] / 2 ** len(others)

    follow(hierarchy(GRID), [])
    method = ks.PartitionSHAP(42, segments=(2, 4))
    values, asked = played(method, game)
    np.testing.assert_allclose(values, expected, atol=1e-12)
    assert len({tuple(coalition) for coalition in asked}) == len(asked) == 43 == method.forwards - 1
    assert np.abs(played(ks.PartitionSHAP(40), game)[0] - expected).max() > 1e-3


@pytest.mark.parametrize("masks", [2, 3, 10, 30, 64, 500])
def test_few_masks_share_out_the_whole_change(masks: int) -> None:
    labels = np.arange(36).reshape(6, 6)
    game = bent_game(36)
    values, asked = played(ks.PartitionSHAP(masks), game, labels)
    np.testing.assert_allclose(values.sum(axis=1), change(game, 36), atol=1e-12)
    assert len(asked) == 1 + masks // 2 * 2


def test_the_greatest_group_is_split_first() -> None:
    labels = np.arange(64).reshape(8, 8)
    values, asked = played(ks.PartitionSHAP(400), lambda z: 3 * z[:, 37:38] + 1e-9 * z[:, :1], labels)
    expected = np.zeros((1, 64))
    expected[0, 37] = 3
    np.testing.assert_allclose(values, expected, atol=1e-8)
    assert len(asked) == 401  # of 2731 that all splits take


def test_groups_that_are_equal_but_for_rounding_are_split_in_turn() -> None:
    labels = np.arange(64).reshape(8, 8)
    plain, noise = (lambda z: z.sum(axis=1, keepdims=True)), np.random.default_rng(0)
    _, first = played(ks.PartitionSHAP(300), plain, labels)
    _, second = played(ks.PartitionSHAP(300), lambda z: plain(z) + noise.normal(0, 1e-9, (len(z), 1)), labels)
    np.testing.assert_array_equal(first, second)


def leaves(group: SegmentGroup) -> list[list[int]]:
    """Members of the groups, from the top."""
    return [group.members.tolist(), *(part for half in group.halves for part in leaves(half))]


def test_a_hierarchy_follows_where_segments_lie() -> None:
    grid = GRID.repeat(4, axis=0).repeat(4, axis=1)
    found = leaves(hierarchy(grid))
    assert [sorted(members) for members in found[1:2]] == [[0, 1, 4, 5]]
    assert [sorted(members) for members in found[2:5]] == [[0, 1], [0], [1]]
    renamed = np.random.default_rng(0).permutation(8)
    assert [sorted(renamed[members]) for members in found] == [
        sorted(members) for members in leaves(hierarchy(renamed[grid]))
    ]
    # An odd grid is cut between its columns, not through one; the first 3 of 7, or 4.
    odd = np.arange(49).reshape(7, 7).repeat(4, axis=0).repeat(5, axis=1)
    assert sorted({member % 7 for member in hierarchy(odd).halves[0].members.tolist()}) == [0, 1, 2]
    assert len(hierarchy(odd).halves[0].members) == 21


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(5).repeat(3),
        np.arange(12).reshape(2, 3, 2),
        np.maximum.outer(abs(np.arange(-3, 4)), abs(np.arange(-3, 4))),  # rings
        np.zeros((4, 4), int),
    ],
    ids=["signal", "volume", "rings", "one"],
)
def test_a_hierarchy_ends_in_every_segment_once(labels: Tensor) -> None:
    def check(group: SegmentGroup) -> list[int]:
        below = [member for half in group.halves for member in check(half)] or group.members.tolist()
        assert sorted(below) == sorted(group.members.tolist())
        return below

    assert sorted(check(hierarchy(labels))) == list(range(int(labels.max()) + 1))


# LIME


def test_lime_is_a_ridge_regression() -> None:
    game, method = drawn_game(8), ks.LIME(40, width=0.5, alpha=2.0, seed=4)
    values, asked = played(method, game)
    rows = np.array([np.ones(8), *asked])
    kernel = np.exp(-(((1 - np.sqrt(rows.mean(axis=1))) / 0.5) ** 2))[:, None]
    rows = np.concatenate([rows, np.ones((41, 1))], axis=1)
    penalty = np.diag([2.0] * 8 + [0])
    expected = np.linalg.solve(rows.T @ (kernel * rows) + penalty, rows.T @ (kernel * game(rows[:, :8])))
    np.testing.assert_allclose(values, expected[:8].T, atol=1e-10)


def test_fewer_coalitions_are_the_first_ones() -> None:
    few, many = (ks.LIME(masks).draw(9) for masks in (20, 500))
    np.testing.assert_array_equal(few, many[:21])
    assert 0.45 < many[1:].mean() < 0.55
    assert not np.array_equal(few, ks.LIME(20, seed=1).draw(9))


# All of them


@pytest.mark.parametrize("method", [ks.LIME(60, alpha=0.0), ks.KernelSHAP(60), ks.PartitionSHAP(60)])
def test_of_a_sum_the_terms_are_found(method: SegmentMethod) -> None:
    values, _ = played(method, sum_game(8))
    np.testing.assert_allclose(values, 1.0 + np.arange(16).reshape(8, 2).T, atol=1e-10)


@pytest.mark.parametrize("method", [ks.LIME(60, alpha=0.0), ks.KernelSHAP(60), ks.KernelSHAP(254)])
def test_scores_that_are_none_are_left_out(method: SegmentMethod) -> None:
    game = sum_game(8)

    def holed(coalitions: Tensor) -> Tensor:
        scores = game(coalitions)
        scores[(coalitions[:, 2] == 0) & (coalitions.sum(axis=1) % 3 == 1)] = np.nan
        return scores

    values, asked = played(method, holed)
    assert np.isnan(holed(np.array(asked))).any()
    np.testing.assert_allclose(values, 1.0 + np.arange(16).reshape(8, 2).T, atol=1e-10)


def test_a_group_is_not_split_where_a_score_is_none() -> None:
    game = sum_game(8)

    def holed(coalitions: Tensor) -> Tensor:
        scores = game(coalitions)
        scores[(coalitions[:, 0] == 1) & (coalitions[:, 1] == 0)] = np.nan
        return scores

    values, _ = played(ks.PartitionSHAP(100), holed)
    expected = 1.0 + np.arange(16).reshape(8, 2).T
    expected[:, :2] = expected[:, :2].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(values, expected, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("answered", [0, 5])
def test_too_few_scores_are_nan_or_shared_evenly(method: SegmentMethod, answered: int) -> None:
    """As after an interruption: everything but the first few scores is missing."""
    game, left = sum_game(8), answered

    def stopped(coalitions: Tensor) -> Tensor:
        nonlocal left
        if coalitions.all():  # the image itself
            return game(coalitions)
        scores = game(coalitions)
        scores[max(left, 0) :] = np.nan
        left -= len(coalitions)
        return scores

    values, _ = played(method, stopped)
    if answered and isinstance(method, ks.PartitionSHAP):
        # The left half, 1 + 3 + 9 + 11, was split without the right one, but not with it.
        np.testing.assert_allclose(values[0], [4, 4, 10, 10, 8, 8, 10, 10])
    else:
        assert values.shape == (2, 8)
        assert np.isnan(values).all()


@pytest.mark.parametrize("method", [ks.LIME(alpha=0.0), *METHODS[1:]])
def test_an_image_of_one_segment(method: SegmentMethod) -> None:
    values, _ = played(method, sum_game(1), np.zeros((2, 2), "int32"))
    assert values.shape == (2, 1)
    np.testing.assert_allclose(values[:, 0], [1, 2], rtol=1e-8)


@pytest.mark.parametrize(("method", "share"), [(ks.LIME, 0.04), (ks.KernelSHAP, 0.005)])
def test_the_tolerance_is_kept(method: Callable[..., SegmentMethod], share: float) -> None:
    """The error against values from many masks is about what is told, whatever the seed."""
    game, labels = bent_game(20), np.arange(20)
    far = {"alpha": 0.0} if method is ks.LIME else {}
    exact, _ = played(method(masks=20_000, **far), game, labels)
    gaps, numbers = [], []
    for seed in range(10):
        values, asked = played(method(masks=4000, seed=seed, tolerance=share, **far), game, labels)
        gaps.append(((values - exact) ** 2).mean())
        numbers.append(len(asked))
    error = np.sqrt(np.mean(gaps)) / np.ptp(exact)
    assert 0.3 * share < error < 1.5 * share
    assert 64 < max(numbers) < 4000
    strict = method(masks=4000, tolerance=share / 1.5, **far)
    assert len(played(strict, game, labels)[1]) > np.mean(numbers)


def test_each_class_has_to_keep_the_tolerance() -> None:
    bent, plain = bent_game(14), sum_game(14)
    both = ks.KernelSHAP(5000, tolerance=0.005)
    counts = [
        len(played(both, game, np.arange(14))[1])
        for game in (plain, bent, lambda z: np.concatenate([plain(z), bent(z)], axis=1))
    ]
    assert counts[0] < counts[1] == counts[2]


def test_images_with_different_segments_are_as_each_alone() -> None:
    tiny = ks.testing.MODELS["functional"]()
    images = tiny.images[:2]
    segments = np.stack([np.arange(128).reshape(8, 16) // 16 % 2, np.arange(128).reshape(8, 16) % 16 // 2])
    for method in (ks.LIME, ks.KernelSHAP, ks.PartitionSHAP):
        both = method(masks=64, segments=segments)(tiny.model, images, 2)
        for number in range(2):
            alone = method(masks=64, segments=segments[number])
            found = alone(tiny.model, images[number : number + 1], 2)
            np.testing.assert_allclose(both.values[number], found.values[0], rtol=1e-4, atol=1e-6)
            assert both.masks[number] == found.masks[0]


# What is refused


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (ks.LIME, {"masks": 0}),
        (ks.LIME, {"masks": 2.5}),
        (ks.LIME, {"width": 0}),
        (ks.LIME, {"width": float("inf")}),
        (ks.LIME, {"alpha": -1}),
        (ks.LIME, {"alpha": "strong"}),
        (ks.LIME, {"seed": -1}),
        (ks.LIME, {"tolerance": 0}),
        (ks.KernelSHAP, {"masks": 1}),
        (ks.KernelSHAP, {"masks": True}),
        (ks.KernelSHAP, {"seed": 0.5}),
        (ks.KernelSHAP, {"tolerance": "5 %"}),
        (ks.PartitionSHAP, {"masks": 1}),
        (ks.PartitionSHAP, {"masks": None}),
        (ks.PartitionSHAP, {"segments": 1}),
    ],
)
def test_bad_parameters_are_named(method: Callable[..., SegmentMethod], parameters: dict[str, Any]) -> None:
    (name,) = parameters
    with pytest.raises(errors.ParameterError, match=rf"^{name} must be"):
        method(**parameters)


@pytest.mark.parametrize(("method", "least"), [(ks.LIME, 20), (ks.KernelSHAP, 38)])
def test_more_segments_than_masks(method: Callable[..., SegmentMethod], least: int) -> None:
    labels = np.arange(20)
    with pytest.raises(errors.ParameterError, match=f"{least}.*got {least - 1}.*fewer segments"):
        played(method(masks=least - 1), sum_game(20), labels)
    played(method(masks=least), sum_game(20), labels)


def test_lime_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(errors.MissingPackageError, match=r"kerascope\[segments\]"):
        played(ks.LIME(), sum_game(8))
