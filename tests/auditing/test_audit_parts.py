"""Where and at what a model looks, and the strategies that this makes, against oracles with loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from kerascope import errors
from kerascope.auditing.data import clustering
from kerascope.auditing.description import relevance, traits
from kerascope.auditing.result.class_audit import describe_position
from kerascope.resize import resize
from kerascope.typing import Array

pytestmark = pytest.mark.once


# ---- where and at what -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7, 7), (8, 8), (12, 20), (28, 28), (50, 33)])
def test_cells_share_out_a_map_by_area(shape: tuple[int, int]) -> None:
    weights = np.random.default_rng(0).random(shape)
    expected = np.zeros((8, 8))
    for row in range(8):
        for column in range(8):
            for y in range(shape[0]):
                for x in range(shape[1]):
                    down = min((row + 1) * shape[0] / 8, y + 1) - max(row * shape[0] / 8, y)
                    right = min((column + 1) * shape[1] / 8, x + 1) - max(column * shape[1] / 8, x)
                    expected[row, column] += max(down, 0) * max(right, 0) * weights[y, x]
    np.testing.assert_allclose(relevance.cell_shares(weights), expected / weights.sum(), rtol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (7, 5), (28, 40)])
def test_a_mark_of_a_pixel_is_not_lost_on_a_coarser_grid(size: tuple[int, int]) -> None:
    maps = np.zeros((30, 28, 40))
    for image, place in enumerate(np.random.default_rng(0).permutation(28 * 40)[:30]):
        maps[image].flat[place] = 3.0
    found = relevance.resize_maps(maps, size)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 3 * size[0] * size[1] / (28 * 40), rtol=1e-5)
    # On a finer grid it is interpolated, axis by axis.
    finer = relevance.resize_maps(maps, (56, 20))
    means = maps.reshape(30, 28, 20, 2).mean(axis=-1)
    np.testing.assert_allclose(finer, resize(means, (56, 20)), atol=1e-6)


def test_contents_are_features_under_the_map_and_of_unit_length() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(3, 4, 5, 6)), rng.random((3, 4, 5))
    weights[2] = 0
    found = relevance.pool_features(features, weights)
    for image in range(2):
        pooled = np.zeros(6)
        for row in range(4):
            for column in range(5):
                pooled += weights[image, row, column] * features[image, row, column]
        np.testing.assert_allclose(found[image], pooled / math.sqrt((pooled**2).sum()), rtol=1e-5)
    assert not found[2].any()
    # Of many features a projection keeps angles, more or less, and is the same every time.
    wide = rng.normal(size=(2, 3, 3, 500)) + 2
    one, two = relevance.pool_features(wide, np.ones((2, 3, 3)))
    pooled = wide.mean(axis=(1, 2))
    cosine = pooled[0] @ pooled[1] / np.linalg.norm(pooled[0]) / np.linalg.norm(pooled[1])
    assert one.shape == (64,)
    assert one @ two == pytest.approx(cosine, abs=0.15)
    np.testing.assert_array_equal(one, relevance.pool_features(wide, np.ones((2, 3, 3)))[0])


def test_traits_are_means_of_the_background_and_of_the_middle() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 30, 3)).astype("uint8")
    middle = np.zeros((24, 30))
    middle[8:16, 10:20] = 1  # a sixth of a side is margin, and as much lies between
    found = traits.compute_traits(pixels)
    p = pixels / 255
    luma = 0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2]

    def region(values: Array, share: Array) -> float:
        return float((values * share).sum() / share.sum())

    edges = np.zeros_like(luma)
    for row in range(24):
        for column in range(1, 30):
            edges[row, column] = abs(luma[row, column] - luma[row, column - 1])
    sides = [np.zeros((24, 30)) for _ in range(4)]
    sides[0][:4], sides[1][-4:], sides[2][:, :5], sides[3][:, -5:] = 1, 1, 1, 1
    planes = {"brightness": luma, "green": p[..., 1], "upright edges": edges}
    planes["saturation"] = p.max(axis=-1) - p.min(axis=-1)
    for name, plane in planes.items():
        at = traits.TRAITS.index(name)
        assert found[0, at] == pytest.approx(np.median([region(plane, side) for side in sides]), rel=1e-4)
        assert found[1, at] == pytest.approx(region(plane, middle), rel=1e-4)
    contrast = found[1, traits.TRAITS.index("contrast")]
    assert contrast == pytest.approx(luma[8:16, 10:20].std(), rel=1e-4)


def test_an_object_at_one_side_is_no_background() -> None:
    pixels = np.full((30, 30, 3), 50, "uint8")
    pixels[:, :6] = 250
    assert traits.compute_traits(pixels)[0, 0] < 0.4
    pixels[:] = 250
    assert traits.compute_traits(pixels)[0, 0] > 0.9


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((slice(0, 2), slice(0, 2)), "at the top left"),
        ((slice(3, 5), slice(3, 5)), "in the middle"),
        ((slice(3, 5), slice(6, 8)), "at the right"),
        ((slice(6, 8), slice(3, 5)), "at the bottom"),
        ((slice(0, 8), slice(0, 8)), "all over the picture"),
    ],
)
def test_where_it_looks_in_words(box: tuple[slice, slice], words: str) -> None:
    position = np.zeros((8, 8))
    position[box] = 1
    assert describe_position(position) == words
    assert describe_position(position * 0) == "nowhere"
    border = np.ones((8, 8))
    border[1:-1, 1:-1] = 0
    assert describe_position(border) == "along the border"


# ---- strategies --------------------------------------------------------------------------------


def groups(sizes: tuple[int, ...], seed: int = 0) -> tuple[Array, Array, Array]:
    """Positions and contents of so many groups that look elsewhere and at something else."""
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    positions = np.zeros((len(numbers), 8, 8))
    for place, number in enumerate(numbers.tolist()):
        positions[place, 2 * number : 2 * number + 2, 1:4] = 1
        positions[place] += 0.1 * rng.random((8, 8))
    contents = np.eye(6)[numbers] + 0.15 * rng.normal(size=(len(numbers), 6))
    contents /= np.linalg.norm(contents, axis=1, keepdims=True)
    return positions / positions.sum(axis=(1, 2), keepdims=True), contents, numbers


@pytest.mark.parametrize("method", ["spectral", "hdbscan"])
@pytest.mark.parametrize("sizes", [(60,), (40, 25), (50, 30, 20)])
def test_clusters_are_the_groups_by_size(method: Any, sizes: tuple[int, ...]) -> None:
    positions, contents, numbers = groups(sizes)
    order = np.random.default_rng(1).permutation(len(numbers))
    found = clustering.find_clusters(positions[order], contents[order], np.ones(len(order), bool), method)
    assert found.count == len(sizes)
    known = found.numbers >= 0
    assert known.mean() > 0.9
    assert (found.numbers[known] == numbers[order][known]).mean() > 0.97
    assert set(numbers[order][found.nearest(0, 5)]) == {0}


def test_maps_that_show_nothing_have_no_strategy() -> None:
    positions, contents, _ = groups((40, 25))
    positions[:20], contents[:20] = 0, 0
    shows = positions.any(axis=(1, 2))
    found = clustering.find_clusters(positions, contents, shows)
    assert (found.numbers[:20] == -1).all()
    assert found.count == 2
    for some in (0, 1, 9):
        few = clustering.find_clusters(positions[20:], contents[20:], np.arange(45) < some)
        assert few.count == min(some, 1)
        assert (few.numbers >= 0).sum() == some


def test_of_many_images_a_sample_is_clustered_and_no_matrix_is_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    positions, contents, numbers = groups((2000, 900))
    largest: list[int] = []
    spectral = clustering._spectral_clusters

    def watched(points: Array, seed: int) -> Array:
        largest.append(len(points))
        return spectral(points, seed)

    monkeypatch.setattr(clustering, "_spectral_clusters", watched)
    found = clustering.find_clusters(positions, contents, np.ones(len(numbers), bool))
    assert largest == [clustering.LARGEST]
    assert found.sampled == clustering.LARGEST
    assert (found.numbers == numbers).mean() > 0.99


def test_a_cluster_of_few_joins_the_nearest() -> None:
    positions, contents, _ = groups((40, 25, 4))
    found = clustering.find_clusters(positions, contents, np.ones(69, bool))
    assert np.bincount(found.numbers).min() >= clustering.LEAST
    with pytest.raises(errors.ParameterError, match="clustering must be one of"):
        clustering.find_clusters(positions, contents, np.ones(69, bool), "k-means")  # type: ignore[arg-type]
