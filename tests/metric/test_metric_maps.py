"""Metrics that look at the map alone, against their definitions in loops, and against what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascope import errors, metric
from kerascope.metric.localisation import otsu
from tests.helpers.expected_warnings import warned
from tests.helpers.metric_cases import IMAGES, MAPS, MASKS, SIDE, TARGET, box, explained, measured

pytestmark = pytest.mark.once

NAN = float("nan")


def pixels() -> list[tuple[int, int]]:
    return [(row, column) for row in range(SIDE) for column in range(SIDE)]


def pointing(relevance: Any, mask: Any, tolerance: float = 0.0) -> float:
    best = max(pixels(), key=lambda place: relevance[place])
    near = [
        place
        for place in pixels()
        if mask[place] and (place[0] - best[0]) ** 2 + (place[1] - best[1]) ** 2 <= tolerance**2
    ]
    return float(bool(near))


def energy(relevance: Any, mask: Any) -> float:
    inside = total = 0.0
    for place in pixels():
        positive = max(0.0, float(relevance[place]))
        total += positive
        inside += positive * mask[place]
    return inside / total


def rank(relevance: Any, mask: Any) -> float:
    top = sorted(pixels(), key=lambda place: -relevance[place])[: int(mask.sum())]
    return sum(bool(mask[place]) for place in top) / int(mask.sum())


def roc_auc(relevance: Any, mask: Any) -> float:
    won, pairs = 0.0, 0
    for one in pixels():
        for other in pixels():
            if mask[one] and not mask[other]:
                pairs += 1
                won += (relevance[one] > relevance[other]) + 0.5 * (relevance[one] == relevance[other])
    return won / pairs


def overlap(relevance: Any, mask: Any) -> float:
    """Otsu's threshold by trying all 255."""
    positive = np.maximum(relevance.astype("float64"), 0)
    low, high = positive.min(), positive.max()
    middles = [low + (high - low) * (k + 0.5) / 256 for k in range(256)]
    binned = np.minimum(255, ((positive - low) / (high - low) * 256).astype(int))
    levels = np.asarray(middles)[binned]
    best, threshold = -1.0, 0.0
    for k in range(255):
        below, above = levels[binned <= k], levels[binned > k]
        if len(below) and len(above):
            between = len(below) * len(above) * (below.mean() - above.mean()) ** 2
            if between > best * (1 + 1e-9):
                best, threshold = between, low + (high - low) * (k + 1) / 256
    found = positive > threshold
    return float((found & mask).sum() / (found | mask).sum())


def boxed(relevance: Any, mask: Any) -> float:
    """Connected parts by flooding."""
    strong = {place for place in pixels() if relevance[place] > 0.15 * relevance.max()}
    parts = []
    while strong:
        part, todo = set(), [strong.pop()]
        while todo:
            row, column = todo.pop()
            part.add((row, column))
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in strong:
                    strong.discard(near)
                    todo.append(near)
        parts.append(part)
    largest = max(parts, key=len)
    if sum(len(part) == len(largest) for part in parts) > 1:
        pytest.fail("two parts are the largest: the case says nothing")

    def filled(places: Any) -> set[tuple[int, int]]:
        rows, columns = zip(*places, strict=True)
        return {
            place
            for place in pixels()
            if min(rows) <= place[0] <= max(rows) and min(columns) <= place[1] <= max(columns)
        }

    own, wanted = filled(largest), filled([place for place in pixels() if mask[place]])
    return float(len(own & wanted) / len(own | wanted) >= 0.5)


LOCATED: list[tuple[metric.Metric, Callable[..., float]]] = [
    (metric.PointingGame(), pointing),
    (metric.PointingGame(tolerance=2), lambda *given: pointing(*given, tolerance=2)),
    (metric.EnergyPointingGame(), energy),
    (metric.RelevanceRank(), rank),
    (metric.LocalisationAUC(), roc_auc),
    (metric.OtsuIoU(), overlap),
]


def expected(oracle: Callable[..., float], maps: Any = MAPS) -> Any:
    return np.asarray(
        [oracle(one, mask) if mask.any() else NAN for one, mask in zip(maps, MASKS, strict=True)]
    )


@pytest.mark.parametrize(("one", "oracle"), LOCATED, ids=lambda one: getattr(one, "name", ""))
def test_localisation_is_its_definition_in_loops(one: metric.Metric, oracle: Callable[..., float]) -> None:
    np.testing.assert_allclose(measured(one), expected(oracle), atol=1e-9)


def _blobs() -> Any:
    """Maps with one strong part each, on or beside the mask."""
    maps = np.full((4, SIDE, SIDE), -0.1)
    maps[0, 1:4, 2:4] = 1
    maps[1, 4:, :3] = 1
    maps[1, 0, 0] = 2
    maps[2, 3:, 4:] = 0.5
    maps[2, 0, 0] = 0.6
    maps[3, 2, 2] = 1
    return maps


def test_boxes_fit_those_of_the_largest_part() -> None:
    np.testing.assert_array_equal(measured(metric.BoxLocalisation(), _blobs()), expected(boxed, _blobs()))
    assert measured(metric.BoxLocalisation(), _blobs())[:3].tolist() == [1, 0, 1]


class EmptyHits(metric.PointingGame):
    """A mask without a pixel counts as a hit, as in a library that compares what is left out with nothing."""

    def measure(self, case: Any) -> Any:
        found = super().measure(case)
        return metric.Measurement(np.where(np.isnan(found.values), 1.0, found.values))


class Signless(metric.EnergyPointingGame):
    """What speaks against the target counts too."""

    def located(self, relevance: Any, mask: Any) -> float:
        return super().located(np.abs(relevance), mask)


class Recall(metric.RelevanceRank):
    """Twice as many pixels are taken as the object has."""

    def located(self, relevance: Any, mask: Any) -> float:
        top = np.sort(relevance.ravel())[-2 * int(mask.sum())]
        return float(mask[relevance >= top].sum() / mask.sum())


class Lower(metric.LocalisationAUC):
    """The other way round."""

    def located(self, relevance: Any, mask: Any) -> float:
        return 1 - super().located(relevance, mask)


class Mean(metric.OtsuIoU):
    """The mean as the threshold."""

    def located(self, relevance: Any, mask: Any) -> float:
        found = np.maximum(relevance, 0) > np.maximum(relevance, 0).mean()
        return float((found & mask).sum() / (found | mask).sum())


class AllParts(metric.BoxLocalisation):
    """The box of everything that is strong."""

    def located(self, relevance: Any, mask: Any) -> float:
        rows, columns = np.nonzero(relevance > self.share * relevance.max())
        filled = np.zeros_like(relevance)
        filled[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
        return super().located(filled, mask)


@pytest.mark.parametrize(
    ("one", "oracle", "maps"),
    [
        (EmptyHits(), pointing, MAPS),
        (Signless(), energy, MAPS),
        (Recall(), rank, MAPS),
        (Lower(), roc_auc, MAPS),
        (Mean(), overlap, MAPS),
        (AllParts(), boxed, _blobs()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_wrong_localisation_is_found(one: metric.Metric, oracle: Any, maps: Any) -> None:
    assert not np.allclose(measured(one, maps), expected(oracle, maps), equal_nan=True)


def test_shared_places_count_in_parts() -> None:
    """Pixels of the same relevance: what their order is must not matter."""
    maps = np.zeros((4, SIDE, SIDE))
    maps[:, :3, :3] = 1  # nine share the maximum; two of them lie in the first mask
    assert measured(metric.PointingGame(), maps)[0] == pytest.approx(2 / 9)
    assert measured(metric.RelevanceRank(), maps)[0] == pytest.approx(2 / 9)
    assert measured(metric.LocalisationAUC(), maps)[0] == pytest.approx(roc_auc(maps[0], MASKS[0]))


def test_a_full_mask_has_no_area_under_a_curve() -> None:
    full = np.ones_like(MASKS)
    assert np.isnan(measured(metric.LocalisationAUC(), masks=full)).all()
    assert measured(metric.PointingGame(), masks=full).tolist() == [1, 1, 1, 1]


def test_an_empty_mask_is_said_aloud() -> None:
    with warned(errors.EvaluationWarning, "1 of 4 have none"):
        found = metric.PointingGame()(box(), IMAGES, explained(box(), IMAGES, MAPS), TARGET, masks=MASKS)
    assert np.isnan(found.values[3])
    assert len(found.warnings) == 1


def gini(relevance: Any) -> float:
    """Half the mean difference between any two sizes, as a share of the mean."""
    sizes = np.abs(relevance.ravel().astype("float64"))
    total = sum(abs(one - other) for one in sizes for other in sizes)
    return total / (2 * len(sizes) ** 2 * sizes.mean())


def entropy(relevance: Any) -> float:
    sizes = np.abs(relevance.ravel().astype("float64"))
    shares = sizes / sizes.sum()
    return -sum(share * np.log(share) for share in shares if share > 0) / np.log(len(shares))


def mean_size(relevance: Any) -> float:
    sizes = np.abs(relevance.ravel().astype("float64"))
    return sum(sizes) / len(sizes) / max(sizes)


COMPLEX = [(metric.Sparseness(), gini), (metric.Complexity(), entropy), (metric.MeanAttribution(), mean_size)]


@pytest.mark.parametrize(("one", "oracle"), COMPLEX, ids=lambda one: getattr(one, "name", ""))
def test_complexity_is_its_definition_in_loops(one: metric.Metric, oracle: Callable[..., float]) -> None:
    np.testing.assert_allclose(measured(one), [oracle(relevance) for relevance in MAPS], atol=1e-6)
    single = np.zeros((4, SIDE, SIDE))
    single[:, 2, 3] = -5
    assert measured(one, single) == pytest.approx([oracle(relevance) for relevance in single])


class Positive(metric.Sparseness):
    """What speaks against the target does not count."""

    def measure(self, case: Any) -> Any:
        return metric.Measurement(self.told(case.positive))


class Natural(metric.Complexity):
    """Not divided by its largest value."""

    def told(self, sizes: Any) -> Any:
        return super().told(sizes) * np.log(sizes.shape[1])


class OverBatch(metric.MeanAttribution):
    """As a share of the largest of all maps."""

    def told(self, sizes: Any) -> Any:
        return (sizes / sizes.max()).mean(axis=1)


@pytest.mark.parametrize(
    ("one", "oracle"), [(Positive(), gini), (Natural(), entropy), (OverBatch(), mean_size)]
)
def test_a_wrong_complexity_is_found(one: metric.Metric, oracle: Callable[..., float]) -> None:
    assert not np.allclose(measured(one), [oracle(relevance) for relevance in MAPS])


def test_otsu_separates_two_heaps() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0, 0.1, 500), generator.normal(1, 0.1, 80)])
    assert 0.3 < otsu(values) < 0.7
    skimage = pytest.importorskip("skimage.filters")
    assert otsu(values) == pytest.approx(skimage.threshold_otsu(values), abs=0.01)
