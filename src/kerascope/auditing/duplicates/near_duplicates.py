"""The search for nearly equal pictures: among some, and between these and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from kerascope.auditing.duplicates.similarity import (
    compute_distances,
    compute_frequencies,
    mirror_frequencies,
)
from kerascope.typing import Array

LIMIT = 0.18
"""The largest distance of nearly equal pictures, as a share of the distance to their neighbours."""
_RANK = 8
"""The rank of the nearest picture that represents the neighbours; the middle one if there are few."""
_NEAREST, _POWER = 0.0064, 0.3
"""The share of all pictures that may be nearer than that one, and the power by which its distance is reduced
where the share is exceeded: among few pictures it is farther away than it would be among many."""
_KNOWN = 32
"""The nearest pictures that are stored of each, since copies among them are no neighbours."""
_FIRST = 0.4
"""The largest distance of frequencies in the first comparison, as a share of the same."""
_MOST = 8
"""The most pictures of a block that are compared in detail with each picture."""
_LEAST = 0.25
"""The least distance of the neighbours, as a share of the median over all pictures."""
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures.

    Args:
        first: (P,) positions of pictures.
        second: (P,) positions of those that they are nearly equal to.
        mirrored: bool (P,), left and right are exchanged.
        distance: (P,), see `kerascope.auditing.duplicates.similarity.compute_distances`.
    """

    first: Array
    second: Array
    mirrored: Array
    distance: Array

    @classmethod
    def concatenate(cls, parts: Sequence[Pairs]) -> Pairs:
        """All pairs of several."""
        if not parts:
            none = np.zeros(0, "int64")
            return cls(none, none, none.astype(bool), none.astype("float32"))
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: Array) -> Pairs:
        """Some of them: by a mask or by positions."""
        return Pairs(self.first[which], self.second[which], self.mirrored[which], self.distance[which])

    def unique(self) -> Pairs:
        """Each pair once: not mirrored, if both are found."""
        _, positions = np.unique(np.stack([self.first, self.second], axis=1), axis=0, return_index=True)
        return self.take(np.sort(positions))


class NearDuplicateSearch:
    """Nearly equal pictures among some, and between these and a stream of others.

    Different pictures of similar things, digits or shirts, are more alike than copies of a photograph may be.
    So the distance between two pictures is compared with the distance to their neighbours.

    Args:
        sketches: uint8 (n, 32, 32, 3), none of which is flat.
        limit: the largest relative distance, see `LIMIT`.

    Cost:
        n ** 2 and n times the others short products, about 15 seconds for 20,000 pictures with 20,000; half a
        millisecond for each pair that is compared in detail; 4 kB per picture.
    """

    def __init__(self, sketches: Array, limit: float = LIMIT) -> None:
        self.sketches, self._limit = sketches, limit
        self.frequencies = compute_frequencies(sketches)
        self._count = len(sketches)
        self._rank = min(_RANK, max((self._count - 1) // 2, 1))
        self._near = np.full((self._count, min(_KNOWN, max(self._count - 1, 1))), -1, "float32")
        self._copies = np.zeros(self._count, "int64")
        for start in range(0, len(sketches), _BLOCK):
            self._update_neighbours(self.frequencies[start : start + _BLOCK], start)
        self._among = [
            self._find_pairs(
                sketches[start : start + _BLOCK], self.frequencies[start : start + _BLOCK], start
            )
            for start in range(0, len(sketches), _BLOCK)
        ]

    @property
    def neighbourhood(self) -> Array:
        """(n,) the distance of the neighbours of each picture: 0 if all are alike, 1 if nothing is."""
        exceeded = self._rank / (_NEAREST * max(self._count, 1))
        return np.asarray(self._distance_of(self._rank - 1 + self._copies) / max(exceeded, 1) ** _POWER)

    @property
    def _reach(self) -> Array:
        """(n,) the distance of the farthest stored picture."""
        return self._distance_of(np.full(len(self._near), _KNOWN))

    def _distance_of(self, rank: Array) -> Array:
        """(n,) the distance of the picture of a rank among the nearest."""
        rank = np.minimum(rank, self._near.shape[1] - 1)
        distance = 1 - np.take_along_axis(self._near, rank[:, None], axis=1)[:, 0]
        median = np.median(distance) if len(distance) else 0
        return np.asarray(np.clip(distance, _LEAST * median, 1))

    def pairs(self) -> Pairs:
        """Pairs among the pictures, each once."""
        pairs = Pairs.concatenate(self._among)
        far = self.neighbourhood
        return pairs.take(pairs.distance <= self._limit * np.minimum(far[pairs.first], far[pairs.second]))

    def match(self, sketches: Array) -> Pairs:
        """Candidate pairs with other pictures, which become neighbours: see `is_near` once all are matched.

        Args:
            sketches: uint8 (m, 32, 32, 3), m up to some thousand.
        """
        others = compute_frequencies(sketches)
        self._count += len(sketches)
        self._update_neighbours(others, None)
        return self._find_pairs(sketches, others, None)

    def is_near(self, pairs: Pairs) -> Array:
        """bool (P,), which pairs of `match` are nearly equal."""
        return np.asarray(pairs.distance <= self._limit * self.neighbourhood[pairs.first])

    def _update_neighbours(self, others: Array, start: int | None) -> None:
        """Store pictures as neighbours where they are nearer than those that are stored."""
        for first in range(0, len(self.frequencies), _BLOCK):
            near = self._near[first : first + _BLOCK]
            alike = self.frequencies[first : first + _BLOCK] @ others.T
            if start == first:
                np.fill_diagonal(alike, -1)
            rows, columns = _nonzero(alike > near.min(axis=1)[:, None])
            if not len(rows):
                continue
            counts = np.bincount(rows, minlength=len(near))
            slots = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            more = np.full((len(near), counts.max()), -1, "float32")
            more[rows, slots] = alike[rows, columns]
            whole = np.sort(np.concatenate([near, more], axis=1), axis=1)[:, ::-1]
            self._near[first : first + _BLOCK] = whole[:, : near.shape[1]]

    def _find_pairs(self, sketches: Array, others: Array, start: int | None) -> Pairs:
        """Pairs that are near in the first comparison, and their distance in detail."""
        parts = []
        least = 1 - _FIRST * self._reach
        # Not mirrored first, so that a symmetric picture is not called mirrored.
        for mirrored, frequencies in ((False, others), (True, mirror_frequencies(others))):
            for first in range(0, len(self.frequencies), _BLOCK):
                if start is not None and first > start:
                    break
                alike = self.frequencies[first : first + _BLOCK] @ frequencies.T
                if start == first:
                    alike[np.tril_indices(len(alike))] = -1
                rows, columns = _nonzero(alike >= least[first : first + _BLOCK, None])
                nearest = _nearest(rows, alike[rows, columns])
                rows, columns = rows[nearest] + first, columns[nearest]
                turned = sketches[columns, :, ::-1] if mirrored else sketches[columns]
                distance = compute_distances(self.sketches[rows], turned)
                near = distance <= self._limit * self._reach[rows]
                second = columns[near] + (start or 0)
                parts.append(Pairs(rows[near], second, np.full(near.sum(), mirrored), distance[near]))
        pairs = Pairs.concatenate(parts).unique()
        ends = pairs.first if start is None else np.concatenate([pairs.first, pairs.second])
        self._copies += np.bincount(ends, minlength=len(self._copies))
        return pairs


def _nonzero(mask: Array) -> tuple[Array, Array]:
    """Rows and columns of a mask; faster than `numpy.nonzero`."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def _nearest(rows: Array, alike: Array) -> Array:
    """Positions of the entries that are among the nearest of their row."""
    order = np.lexsort((-alike, rows))
    counts = np.bincount(rows, minlength=1)
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(order[rank < _MOST])
