"""Strategies: what a model does with the images of one class, as clusters of where and at what it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kerascope import errors
from kerascope.typing import Array

Clustering = Literal["spectral", "hdbscan"]

CLUSTERINGS: tuple[str, ...] = get_args(Clustering)
LARGEST = 512
"""The most images of a class between which all distances are taken; others join the nearest cluster."""
MOST = 8
"""The most clusters of a class."""
LEAST = 8
"""The fewest images of a class that are clustered, and the fewest of a strategy of its own."""
_COMPONENTS = 16
_NEIGHBOURS = 10
_GAP = 0.05
"""The least eigengap that makes more than one cluster."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of the images of one class.

    Args:
        numbers: int (M,), the cluster of each image, the largest first; -1 for what is like nothing else.
        points: float (M, D), where each image lies.
        sampled: how many of them decided the clusters.
    """

    numbers: Array
    points: Array
    sampled: int

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.numbers.max(initial=-1)) + 1

    def centre(self, number: int) -> Array:
        """(D,) the mean of a cluster."""
        return np.asarray(self.points[self.numbers == number].mean(axis=0))

    def nearest(self, number: int, most: int) -> Array:
        """Places of the images nearest to the centre of a cluster."""
        own = np.flatnonzero(self.numbers == number)
        away = np.linalg.norm(self.points[own] - self.centre(number), axis=1)
        return own[np.argsort(away, kind="stable")[:most]]


def clusters(
    positions: Array, contents: Array, shows: Array, method: Clustering = "spectral", seed: int = 0
) -> Clusters:
    r"""Cluster the images of a class by where and at what the model looks.

    Positions are compared by the Hellinger distance and contents by their angle; both count alike. Principal
    components make it at most 16 numbers an image. Spectral clustering joins each image with its nearest ten;
    the number of clusters is where the eigenvalues of the normalised Laplacian leave the widest gap,

    $$k = \arg\max_k \lambda_{k+1} - \lambda_k$$

    and one where no gap reaches 0.05.

    Args:
        positions: (M, ...), shares of relevance, not negative.
        contents: (M, D), of unit length; D may be 0.
        shows: bool (M,), whose maps show something; others have no cluster.
        method: `"spectral"`, or `"hdbscan"`, which finds the number of clusters by density and leaves images
            alone that fit none.
        seed: of the sample and of k-means.

    Returns:
        The clusters, the largest first. A cluster of fewer than eight images joins the nearest one.

    Raises:
        ParameterError: there is no such method.
        MissingPackageError: scikit-learn is not installed.

    Cost:
        With more than 512 images a sample of 512 is clustered and the others join the nearest centre, so no
        matrix is larger than 512 x 512.

    Source:
        Lapuschkin et al., Unmasking Clever Hans predictors, Nature Communications 2019, for spectral
        clustering of maps; von Luxburg, A tutorial on spectral clustering, 2007, section 8.3; Campello et
        al., 2013, for HDBSCAN. Deviation: contents beside positions.
    """
    if method not in CLUSTERINGS:
        raise errors.ParameterError(f"clustering must be one of {', '.join(CLUSTERINGS)}; got {method!r}.")
    try:
        from sklearn.decomposition import PCA
    except ImportError:
        raise errors.MissingPackageError("scikit-learn", "audit") from None
    known = np.flatnonzero(shows)
    if not len(known):
        return Clusters(np.full(len(positions), -1), np.zeros((len(positions), 1)), 0)
    flat = np.sqrt(positions[known].reshape(len(known), -1))
    points = np.concatenate([_scaled(flat), _scaled(contents[known])], axis=1).astype("float64")
    sample = np.sort(np.random.default_rng(seed).permutation(len(known))[:LARGEST])
    found = np.zeros(len(known), int)
    if len(known) >= 2 * LEAST and not np.allclose(points, points[0]):
        pca = PCA(min(_COMPONENTS, len(sample) - 1, points.shape[1]), svd_solver="full")
        pca.fit(points[sample])
        points = pca.transform(points)
        numbers = _spectral(points[sample], seed) if method == "spectral" else _by_density(points[sample])
        found = _joined(points, sample, numbers)
    every, places = np.full(len(positions), -1), np.zeros((len(positions), points.shape[1]))
    every[known], places[known] = found, points
    return Clusters(every, places, len(sample))


def _scaled(values: Array) -> Array:
    """Centred, with a mean squared length of 1, so that several kinds of numbers count alike."""
    centred = values - values.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=1).mean()) if centred.size else 0.0
    return np.asarray(centred / size if size > 1e-9 else centred * 0)


def _spectral(points: Array, seed: int) -> Array:
    from scipy.linalg import eigh
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    near = kneighbors_graph(points, min(_NEIGHBOURS, len(points) - 1), include_self=False).toarray()
    joined = (near + near.T) / 2
    degree = np.sqrt(joined.sum(axis=1))
    laplacian = np.eye(len(points)) - joined / degree[:, None] / degree[None, :]
    values, vectors = eigh(laplacian, subset_by_index=[0, min(MOST, len(points) - 1)])
    gaps = np.diff(values)
    count = int(np.argmax(gaps)) + 1 if gaps.max() >= _GAP else 1
    if count == 1:
        return np.zeros(len(points), int)
    rows = vectors[:, :count]
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(length > 0, length, 1)
    return np.asarray(KMeans(count, n_init=10, random_state=seed).fit_predict(rows))


def _by_density(points: Array) -> Array:
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=max(LEAST, len(points) // 20), copy=True).fit_predict(points)
    return np.zeros(len(points), int) if (found < 0).all() else np.asarray(found)


def _joined(points: Array, sample: Array, numbers: Array) -> Array:
    """Clusters of all images, by size; small ones, and images outside the sample, join the nearest centre."""
    kinds = [kind for kind in np.unique(numbers) if kind >= 0]
    kinds.sort(key=lambda kind: -int((numbers == kind).sum()))
    large = [kind for kind in kinds if (numbers == kind).sum() >= LEAST] or kinds[:1]
    centres = np.stack([points[sample][numbers == kind].mean(axis=0) for kind in large])
    nearest = np.argmin(((points[:, None] - centres[None]) ** 2).sum(axis=-1), axis=1)
    found = np.asarray(nearest)
    for place, kind in zip(sample.tolist(), numbers.tolist(), strict=True):
        if kind < 0:
            found[place] = -1
        elif kind in large:
            found[place] = large.index(kind)
    order = np.argsort([-int((found == kind).sum()) for kind in range(len(large))], kind="stable")
    renumbered = np.full(len(points), -1)
    for new, old in enumerate(order):
        renumbered[found == old] = new
    return renumbered
