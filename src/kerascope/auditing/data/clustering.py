"""Clustering of the images of a class into strategies, by position and content of the relevance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kerascope import errors
from kerascope.typing import Array
from kerascope.validation import check_choice

Clustering = Literal["spectral", "hdbscan"]

CLUSTERINGS: tuple[str, ...] = get_args(Clustering)
LARGEST = 512
"""The most images of a class that are clustered; others join the nearest cluster."""
MOST = 8
"""The most clusters of a class."""
LEAST = 8
"""The fewest images of a cluster; a class of fewer than twice as many is not clustered."""
_COMPONENTS = 16
_NEIGHBOURS = 10
_GAP = 0.05
"""The smallest eigengap that makes more than one cluster."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of the images of one class.

    Args:
        numbers: int (M,), the cluster of each image, the largest first; -1 for images in no cluster.
        points: float (M, D), the coordinates of each image.
        sampled: number of images that were clustered, see `LARGEST`.
    """

    numbers: Array
    points: Array
    sampled: int

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.numbers.max(initial=-1)) + 1

    def centre(self, number: int) -> Array:
        """(D,) the mean of a cluster."""
        return np.asarray(self.points[self.numbers == number].mean(axis=0))

    def nearest(self, number: int, most: int) -> Array:
        """Positions of the images nearest to the centre of a cluster."""
        own = np.flatnonzero(self.numbers == number)
        away = np.linalg.norm(self.points[own] - self.centre(number), axis=1)
        return own[np.argsort(away, kind="stable")[:most]]


def find_clusters(
    positions: Array, contents: Array, informative: Array, method: Clustering = "spectral", seed: int = 0
) -> Clusters:
    r"""Cluster the images of a class by position and content of their relevance.

    Positions are compared by the Hellinger distance and contents by their angle, with equal weight. Principal
    components reduce them to at most 16 numbers per image. Spectral clustering uses the graph of the ten
    nearest neighbours; the number of clusters is at the widest gap of the eigenvalues of its normalised
    Laplacian,

    $$k = \arg\max_k \lambda_{k+1} - \lambda_k$$

    and one if no gap reaches 0.05.

    Args:
        positions: (M, ...), shares of relevance, not negative.
        contents: (M, D), of unit length; D may be 0.
        informative: bool (M,), maps that show something; others have no cluster.
        method: `"spectral"`, or `"hdbscan"`, which finds the number of clusters by density and leaves out
            images that fit none.
        seed: of the sample and of k-means.

    Returns:
        The clusters, the largest first. Clusters of fewer than eight images join the nearest one.

    Cost:
        Of more than 512 images a sample of 512 is clustered and the others join the nearest centre, so no
        matrix is larger than 512 x 512.

    Source:
        Lapuschkin et al., Unmasking Clever Hans predictors, Nature Communications 2019, for spectral
        clustering of maps; von Luxburg, A tutorial on spectral clustering, 2007, section 8.3; Campello et
        al., 2013, for HDBSCAN. Deviation: contents in addition to positions.
    """
    check_choice(method, "clustering", CLUSTERINGS)
    try:
        from sklearn.decomposition import PCA
    except ImportError:
        raise errors.MissingPackageError("scikit-learn", "audit") from None
    known = np.flatnonzero(informative)
    if not len(known):
        return Clusters(np.full(len(positions), -1), np.zeros((len(positions), 1)), 0)
    flat = np.sqrt(positions[known].reshape(len(known), -1))
    points = np.concatenate([_scale(flat), _scale(contents[known])], axis=1).astype("float64")
    sample = np.sort(np.random.default_rng(seed).permutation(len(known))[:LARGEST])
    found = np.zeros(len(known), int)
    if len(known) >= 2 * LEAST and not np.allclose(points, points[0]):
        pca = PCA(min(_COMPONENTS, len(sample) - 1, points.shape[1]), svd_solver="full")
        pca.fit(points[sample])
        points = pca.transform(points)
        numbers = (
            _spectral_clusters(points[sample], seed)
            if method == "spectral"
            else _density_clusters(points[sample])
        )
        found = _join_small(points, sample, numbers)
    every, coordinates = np.full(len(positions), -1), np.zeros((len(positions), points.shape[1]))
    every[known], coordinates[known] = found, points
    return Clusters(every, coordinates, len(sample))


def _scale(values: Array) -> Array:
    """Centre values, and scale them to a mean squared length of 1, so that all kinds have equal weight."""
    values = values - values.mean(axis=0)
    size = np.sqrt((values**2).sum(axis=1).mean()) if values.size else 0.0
    return np.asarray(values / size if size > 1e-9 else values * 0)


def _spectral_clusters(points: Array, seed: int) -> Array:
    from scipy.linalg import eigh
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    near = kneighbors_graph(points, min(_NEIGHBOURS, len(points) - 1), include_self=False).toarray()
    weights = (near + near.T) / 2
    degree = np.sqrt(weights.sum(axis=1))
    laplacian = np.eye(len(points)) - weights / degree[:, None] / degree[None, :]
    values, vectors = eigh(laplacian, subset_by_index=[0, min(MOST, len(points) - 1)])
    gaps = np.diff(values)
    count = int(np.argmax(gaps)) + 1 if gaps.max() >= _GAP else 1
    if count == 1:
        return np.zeros(len(points), int)
    rows = vectors[:, :count]
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(length > 0, length, 1)
    return np.asarray(KMeans(count, n_init=10, random_state=seed).fit_predict(rows))


def _density_clusters(points: Array) -> Array:
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=max(LEAST, len(points) // 20), copy=True).fit_predict(points)
    return np.zeros(len(points), int) if (found < 0).all() else np.asarray(found)


def _join_small(points: Array, sample: Array, numbers: Array) -> Array:
    """Clusters of all images, by size; small ones, and images outside the sample, join the nearest centre."""
    found, counts = np.unique(numbers[numbers >= 0], return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    large = found[by_size][counts[by_size] >= LEAST].tolist() or found[by_size][:1].tolist()
    centres = np.stack([points[sample][numbers == number].mean(axis=0) for number in large])
    joined = np.asarray(np.argmin(((points[:, None] - centres[None]) ** 2).sum(axis=-1), axis=1))
    for image, number in zip(sample.tolist(), numbers.tolist(), strict=True):
        if number < 0:
            joined[image] = -1
        elif number in large:
            joined[image] = large.index(number)
    order = np.argsort([-int((joined == cluster).sum()) for cluster in range(len(large))], kind="stable")
    ordered = np.full(len(points), -1)
    for new, old in enumerate(order):
        ordered[joined == old] = new
    return ordered
