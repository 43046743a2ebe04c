"""Metrics that ask the model, against their definitions in explicit loops, and against what is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import metric
from kerascope.metric.case import Case
from kerascope.metric.imputation import imputed
from tests.helpers.metric_cases import (
    IMAGES,
    LABELS,
    MAPS,
    SIDE,
    TARGET,
    box,
    explained,
    measured,
    probabilities,
    probability,
)

pytestmark = pytest.mark.once

PIXELS = SIDE * SIDE


def removed(image: Any, order: list[int], count: int, base: Any) -> Any:
    """An image (SIDE, SIDE) whose first `count` pixels in an order are those of another one."""
    changed = image.copy().ravel()
    for place in order[:count]:
        changed[place] = base.ravel()[place]
    return changed.reshape(SIDE, SIDE)


def descending(relevance: Any) -> list[int]:
    return sorted(range(PIXELS), key=lambda place: -relevance.ravel()[place])


def area(values: list[float]) -> float:
    total = 0.0
    for one, other in itertools.pairwise(values):
        total += (one + other) / 2 / (len(values) - 1)
    return total


def deletion(image: Any, relevance: Any, label: int) -> float:
    order = descending(relevance)
    return area([probability(removed(image, order, k, np.zeros(PIXELS)), label) for k in range(PIXELS + 1)])


def insertion(image: Any, relevance: Any, label: int) -> float:
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(image.astype("float64"), 0.1 * SIDE, mode="reflect")
    order = descending(relevance)[::-1]
    return area([probability(removed(image, order, PIXELS - k, blurred), label) for k in range(PIXELS + 1)])


def through(image: Any, relevance: Any) -> Any:
    positive = np.maximum(relevance, 0).astype("float64")
    return image * (positive - positive.min()) / (positive.max() - positive.min())


def average_drop(image: Any, relevance: Any, label: int) -> float:
    before, after = probability(image, label), probability(through(image, relevance), label)
    return max(0.0, before - after) / before


def increase(image: Any, relevance: Any, label: int) -> float:
    return float(probability(through(image, relevance), label) > probability(image, label))


def gain(image: Any, relevance: Any, label: int) -> float:
    before, after = probability(image, label), probability(through(image, relevance), label)
    return max(0.0, after - before) / (1 - before)


def subsets(image: Any, relevance: Any, label: int, share: float = 0.2) -> tuple[list[float], list[float]]:
    """Relevance and falls of 20 subsets of the 36 cells, which are the pixels here."""
    sums, falls = [], []
    for number in range(20):
        chosen = np.random.default_rng([0, number]).permutation(PIXELS)[: round(share * PIXELS)]
        sums.append(sum(float(relevance.ravel()[place]) for place in chosen))
        without = image.copy().ravel()
        without[chosen] = 0
        falls.append(probability(image, label) - probability(without, label))
    return sums, falls


def correlation(image: Any, relevance: Any, label: int) -> float:
    return float(np.corrcoef(*subsets(image, relevance, label))[0, 1])


def fidelity(image: Any, relevance: Any, label: int) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(*subsets(image, relevance, label)).statistic)


def infidelity(image: Any, relevance: Any, label: int) -> float:
    return float(np.mean([(a - b) ** 2 for a, b in zip(*subsets(image, relevance, label), strict=True)]))


def normalised(image: Any, relevance: Any, label: int) -> float:
    sums, falls = map(np.asarray, subsets(image, relevance, label))
    best = max(0.0, float((sums * falls).sum() / (sums**2).sum()))
    return float(((best * sums - falls) ** 2).sum() / (falls**2).sum())


def sensitivity_n(image: Any, relevance: Any, label: int) -> float:
    found = [np.corrcoef(*subsets(image, relevance, label, share))[0, 1] for share in (0.1, 0.4)]
    return float(np.mean(found))


def region_perturbation(image: Any, relevance: Any, label: int) -> float:
    """Nine cells of 2 x 2 pixels; "noise" is that of the baseline."""
    noise = np.random.default_rng([0, 0]).random((SIDE, SIDE, 1))[..., 0]
    base = image.min() + noise * (image.max() - image.min())
    cells = [(row, column) for row in range(0, SIDE, 2) for column in range(0, SIDE, 2)]
    cells.sort(key=lambda cell: -relevance[cell[0] : cell[0] + 2, cell[1] : cell[1] + 2].mean())
    changed, falls = image.copy(), [0.0]
    for row, column in cells:
        changed[row : row + 2, column : column + 2] = base[row : row + 2, column : column + 2]
        falls.append(probability(image, label) - probability(changed, label))
    return float(np.mean(falls))


def road(image: Any, relevance: Any, label: int, most: bool = True) -> float:
    order = descending(relevance if most else -relevance)
    found = []
    for share in (0.25, 0.5):
        hole = np.zeros(PIXELS, bool)
        hole[order[: round(share * PIXELS)]] = True
        found.append(probability(filled(image, hole.reshape(SIDE, SIDE)), label))
    return float(np.mean(found))


def filled(image: Any, hole: Any) -> Any:
    """Holes as the weighted means of their neighbours, by sweeps until nothing moves."""
    picture = np.where(hole, 0.0, image.astype("float64"))
    for _ in range(3000):
        for row, column in zip(*np.nonzero(hole), strict=True):
            total = weights = 0.0
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    i, j = row + down, column + right
                    if (down or right) and 0 <= i < SIDE and 0 <= j < SIDE:
                        weight = 1 / 12 if down and right else 1 / 6
                        total += weight * picture[i, j]
                        weights += weight
            picture[row, column] = total / weights
    return picture


def road_combined(image: Any, relevance: Any, label: int) -> float:
    return (road(image, relevance, label, most=False) - road(image, relevance, label)) / 2


def non_sensitivity(image: Any, relevance: Any, label: int) -> float:
    falls = []
    for place in range(PIXELS):
        without = image.copy().ravel()
        without[place] = 0
        falls.append(abs(probability(image, label) - probability(without, label)))
    sizes = np.abs(relevance.ravel())
    none = sizes <= 0.2 * sizes.max()
    differ = [a != (b <= 0.2 * max(falls)) for a, b in zip(none, falls, strict=True)]
    return float(np.mean(differ))


SUBSETS = {"samples": 20, "cells": PIXELS}
ROAD = {"shares": (0.25, 0.5), "noise": 0.0}
ORACLES: list[tuple[metric.Metric, Callable[..., float]]] = [
    (metric.Deletion(), deletion),
    (metric.Insertion(), insertion),
    (metric.AverageDrop(), average_drop),
    (metric.Increase(), increase),
    (metric.Gain(), gain),
    (metric.FaithfulnessCorrelation(**SUBSETS), correlation),
    (metric.MuFidelity(**SUBSETS), fidelity),
    (metric.Infidelity(**SUBSETS), infidelity),
    (metric.NormalisedInfidelity(**SUBSETS), normalised),
    (metric.SensitivityN(**SUBSETS, shares=(0.1, 0.4)), sensitivity_n),
    (metric.RegionPerturbation(regions=9), region_perturbation),
    (metric.ROADMost(**ROAD), road),
    (metric.ROADLeast(**ROAD), lambda *given: road(*given, most=False)),
    (metric.ROAD(**ROAD), road_combined),
    (metric.NonSensitivity(cells=PIXELS, epsilon=0.2), non_sensitivity),
]


def expected(oracle: Callable[..., float]) -> Any:
    return np.asarray(
        [
            oracle(image[..., 0], relevance, label)
            for image, relevance, label in zip(IMAGES, MAPS, LABELS, strict=True)
        ]
    )


@pytest.mark.parametrize(("one", "oracle"), ORACLES, ids=lambda one: getattr(one, "name", ""))
def test_a_metric_is_its_definition_in_loops(one: metric.Metric, oracle: Callable[..., float]) -> None:
    np.testing.assert_allclose(measured(one), expected(oracle), atol=2e-6)


class LeastFirst(metric.Deletion):
    """The least relevant pixels go first."""

    @staticmethod
    def span(count: int, pixels: int) -> tuple[int, int]:
        return 0, pixels - count


class Signless(metric.Deletion):
    """The order is that of sizes: what speaks against the target is removed as well."""

    def measure(self, case: Case) -> Any:
        other = explained(case.subject.probe, IMAGES, np.abs(MAPS))
        return super().measure(Case(case.subject, other))


class FromBlack(metric.Insertion):
    """Pixels come into a black image."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "baseline", 0.0)


class Summed(metric.AverageDrop):
    """The map is brought to 0 to 1 over all images at once."""

    def measure(self, case: Case) -> Any:
        maps = np.maximum(MAPS, 0) / MAPS.max()
        whole = [probability(image, label) for image, label in zip(IMAGES, LABELS, strict=True)]
        rest = [probability(i * a[..., None], k) for i, a, k in zip(IMAGES, maps, LABELS, strict=True)]
        lost = np.maximum(0, np.subtract(whole, rest)) / whole
        return metric.Measurement(np.asarray(lost))


class Drop(metric.Gain):
    """What was lost is counted as won."""

    def measure(self, case: Case) -> Any:
        return metric.AverageDrop().measure(case)


class Rank(metric.FaithfulnessCorrelation):
    """The order of what falls, where its size was wanted."""

    def measure(self, case: Case) -> Any:
        return metric.MuFidelity.measure(self, case)  # type: ignore[arg-type]


class Shifted(metric.Infidelity):
    """The variance of what is missed: a constant error is no error."""

    def measure(self, case: Case) -> Any:
        relevance, falls = self.falls(case, self.share)
        return metric.Measurement((relevance - falls).var(axis=1))


class Equal(metric.ROADMost):
    """All eight neighbours weigh the same."""

    def measure(self, case: Case) -> Any:
        import kerascope.metric.imputation as room

        before = room.DIAGONAL
        try:
            room.DIAGONAL = room.DIRECT
            return super().measure(case)
        finally:
            room.DIAGONAL = before


class Sums(metric.RegionPerturbation):
    """Falls are summed up, where their mean was wanted."""

    def measure(self, case: Case) -> Any:
        found = super().measure(case)
        return metric.Measurement(found.values * found.curves.shape[1])


WRONG: list[tuple[metric.Metric, Callable[..., float]]] = [
    (LeastFirst(), deletion),
    (Signless(), deletion),
    (FromBlack(), insertion),
    (Summed(), average_drop),
    (Drop(), gain),
    (Rank(**SUBSETS), correlation),
    (Shifted(**SUBSETS), infidelity),
    (metric.Infidelity(**SUBSETS), normalised),
    (metric.SensitivityN(**SUBSETS, shares=(0.1, 0.2)), sensitivity_n),
    (Sums(regions=9), region_perturbation),
    (Equal(**ROAD), road),
    (metric.ROADLeast(**ROAD), road),
    (metric.NonSensitivity(cells=PIXELS, epsilon=0.001), non_sensitivity),
]


@pytest.mark.parametrize(("one", "oracle"), WRONG, ids=lambda one: type(one).__name__)
def test_a_wrong_metric_is_found(one: metric.Metric, oracle: Callable[..., float]) -> None:
    assert not np.allclose(measured(one), expected(oracle), atol=2e-6)


def test_irof_takes_segments_by_their_mean_relevance() -> None:
    """With the segments that SLIC finds, in loops."""
    from kerascope.method.segmentation import segmented_as

    labels = segmented_as(6, IMAGES)[0]
    found = []
    for image, relevance, own, label in zip(IMAGES[..., 0], MAPS, labels, LABELS, strict=True):
        order = sorted(range(own.max() + 1), key=lambda one: -relevance[own == one].mean())
        changed, falls = image.copy(), [0.0]
        for segment in order:
            changed[own == segment] = image.mean()
            falls.append(1 - probability(changed, label) / probability(image, label))
        found.append(np.mean(falls))
    np.testing.assert_allclose(measured(metric.IROF(regions=6)), found, atol=2e-6)


def test_holes_of_colour_pictures_are_filled_exactly() -> None:
    """Red, green and blue at once: an implementation elsewhere fails on them with an IndexError."""
    generator = np.random.default_rng(3)
    picture, hole = generator.random((SIDE, SIDE, 3)), generator.random((SIDE, SIDE)) < 0.6
    found = imputed(picture, hole)
    for channel in range(3):
        np.testing.assert_allclose(found[..., channel], filled(picture[..., channel], hole), atol=1e-9)
    assert (imputed(picture, np.ones((SIDE, SIDE), bool)) == 0).all()
    np.testing.assert_array_equal(imputed(picture, np.zeros((SIDE, SIDE), bool)), picture)


def test_adcc_is_the_harmonic_mean_of_its_parts() -> None:
    """Of a method whose map of the masked image is known: the edges of it."""
    from scipy import ndimage

    probe, method = box(), ks.EdgeMap()
    explanation = method(probe, IMAGES, TARGET)
    found = metric.ADCC()(probe, IMAGES, explanation, TARGET, method=method).values
    for image, edges, label, value in zip(IMAGES[..., 0], explanation.values, LABELS, found, strict=True):
        again = ndimage.gaussian_gradient_magnitude(
            np.float32(through(image, edges)).astype("float64"), 1.0, mode="nearest"
        )
        coherency = (np.corrcoef(edges.ravel(), again.ravel())[0, 1] + 1) / 2
        unit = (edges - edges.min()) / (edges.max() - edges.min())
        parts = (coherency, 1 - unit.mean(), 1 - average_drop(image, edges, label))
        assert value == pytest.approx(3 / sum(1 / part for part in parts), abs=1e-5)


def test_pixels_of_the_same_relevance_come_in_random_order() -> None:
    """A map of zeros but for one pixel says nothing of the others, wherever they are."""
    from kerascope.metric.order import ranks

    relevance = np.zeros((2, 1000))
    relevance[:, 700] = 1
    found = ranks(relevance)
    assert (found[:, 700] == 0).all()
    assert (found[0] == found[1]).all()
    assert abs(np.corrcoef(found[0], np.arange(1000))[0, 1]) < 0.1


def test_the_probabilities_of_the_black_box_are_such() -> None:
    assert probabilities(IMAGES).sum(axis=1) == pytest.approx(1)
