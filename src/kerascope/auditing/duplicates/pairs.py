"""Pairs of pictures that are nearly equal, found in blocks: among some, and between these and others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.auditing.duplicates.likeness import mirrored_waves, remainders, waves
from kerascope.typing import Array

LIMIT = 0.18
"""The most that may be left between two pictures, as a share of what lies between one and its neighbours."""
_RANK = 8
"""Which of the nearest pictures stands for the neighbours; the one in the middle where there are few."""
_NEAREST, _POWER = 0.0064, 0.3
"""The share of all pictures that may be nearer than that one. Where there are few pictures it is farther away
than the neighbours would be among many, by this power of how much the share is exceeded."""
_HELD = 32
"""The nearest pictures that are known of each, since copies among them are no neighbours."""
_LOOK = 0.4
"""How far apart two may be at the first look, as a share of the same."""
_MOST = 8
"""Pictures of a block that are looked at more closely for each picture, at the most."""
_LEAST = 0.25
"""The least that counts as the distance of the neighbours, as a share of the median over all pictures."""
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures.

    Args:
        one: (P,) places of pictures.
        other: (P,) places of those that they are nearly equal to.
        mirrored: bool (P,), left and right are exchanged.
        remainder: (P,) what is left between them, see `kerascope.auditing.duplicates.likeness.remainders`.
    """

    one: Array
    other: Array
    mirrored: Array
    remainder: Array

    def __len__(self) -> int:
        return len(self.one)

    def chosen(self, which: Array) -> Pairs:
        """Some of them: by a mask or by positions."""
        return Pairs(self.one[which], self.other[which], self.mirrored[which], self.remainder[which])


class Search:
    """Nearly equal pictures among some, and between these and others that pass by.

    Different pictures of one kind, digits or shirts, are more alike than copies of a photograph may be. So
    what is left between two pictures is compared with what lies between each of them and its neighbours.

    Args:
        sketches: uint8 (n, 32, 32, 3), none of which is flat.
        limit: the most that may be left, see `LIMIT`.

    Cost:
        n ** 2 and n times the others short products, some 15 seconds for 20,000 pictures with 20,000; half a
        millisecond for each pair that is looked at more closely; 4 kB a picture.
    """

    def __init__(self, sketches: Array, limit: float = LIMIT) -> None:
        self.sketches, self._limit = sketches, limit
        self.waves = waves(sketches)
        self._count = len(sketches)
        self._rank = min(_RANK, max((self._count - 1) // 2, 1))
        self._near = np.full((self._count, min(_HELD, max(self._count - 1, 1))), -1, "float32")
        self._copies = np.zeros(self._count, "int64")
        for start in range(0, len(sketches), _BLOCK):
            self._note(self.waves[start : start + _BLOCK], start)
        self._among = [
            self._look(sketches[start : start + _BLOCK], self.waves[start : start + _BLOCK], start)
            for start in range(0, len(sketches), _BLOCK)
        ]

    @property
    def neighbourhood(self) -> Array:
        """(n,) how far the neighbours of each picture are: 0 where they are all alike, 1 where nothing is."""
        exceeded = self._rank / (_NEAREST * max(self._count, 1))
        return np.asarray(self._away(self._rank - 1 + self._copies) / max(exceeded, 1) ** _POWER)

    @property
    def _reach(self) -> Array:
        """(n,) how far the farthest of the pictures is that are known to be near."""
        return self._away(np.full(len(self._near), _HELD))

    def _away(self, place: Array) -> Array:
        """(n,) how far the picture is that is at a place among the nearest."""
        place = np.minimum(place, self._near.shape[1] - 1)
        found = 1 - np.take_along_axis(self._near, place[:, None], axis=1)[:, 0]
        median = np.median(found) if len(found) else 0
        return np.asarray(np.clip(found, _LEAST * median, 1))

    def among(self) -> Pairs:
        """Pairs among the pictures, each once."""
        found = joined(self._among)
        far = self.neighbourhood
        return found.chosen(found.remainder <= self._limit * np.minimum(far[found.one], far[found.other]))

    def passing(self, sketches: Array) -> Pairs:
        """Pairs with others that pass by, which become neighbours: see `is_near` once all have passed.

        Args:
            sketches: uint8 (m, 32, 32, 3), m up to some thousand.
        """
        others = waves(sketches)
        self._count += len(sketches)
        self._note(others, None)
        return self._look(sketches, others, None)

    def is_near(self, found: Pairs) -> Array:
        """bool (P,), which pairs of `passing` are nearly equal."""
        return np.asarray(found.remainder <= self._limit * self.neighbourhood[found.one])

    def _note(self, others: Array, start: int | None) -> None:
        """Take pictures for neighbours where they are nearer than those that are known."""
        for first in range(0, len(self.waves), _BLOCK):
            near = self._near[first : first + _BLOCK]
            alike = self.waves[first : first + _BLOCK] @ others.T
            if start == first:
                np.fill_diagonal(alike, -1)
            rows, columns = _true(alike > near.min(axis=1)[:, None])
            if not len(rows):
                continue
            counts = np.bincount(rows, minlength=len(near))
            places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            more = np.full((len(near), counts.max()), -1, "float32")
            more[rows, places] = alike[rows, columns]
            whole = np.sort(np.concatenate([near, more], axis=1), axis=1)[:, ::-1]
            self._near[first : first + _BLOCK] = whole[:, : near.shape[1]]

    def _look(self, sketches: Array, others: Array, start: int | None) -> Pairs:
        """Pairs that are near at first look, and what is left between them."""
        found = []
        least = 1 - _LOOK * self._reach
        # As they are first: what is its own mirror image is not mirrored.
        for turned, seen in ((False, others), (True, mirrored_waves(others))):
            for first in range(0, len(self.waves), _BLOCK):
                if start is not None and first > start:
                    break
                alike = self.waves[first : first + _BLOCK] @ seen.T
                if start == first:
                    alike[np.tril_indices(len(alike))] = -1
                rows, columns = _true(alike >= least[first : first + _BLOCK, None])
                chosen = _nearest(rows, alike[rows, columns])
                rows, columns = rows[chosen] + first, columns[chosen]
                laid = sketches[columns, :, ::-1] if turned else sketches[columns]
                left = remainders(self.sketches[rows], laid)
                kept = left <= self._limit * self._reach[rows]
                place = columns + (start or 0)
                found.append(Pairs(rows[kept], place[kept], np.full(kept.sum(), turned), left[kept]))
        once = _once(joined(found))
        ends = once.one if start is None else np.concatenate([once.one, once.other])
        self._copies += np.bincount(ends, minlength=len(self._copies))
        return once


def _true(mask: Array) -> tuple[Array, Array]:
    """Rows and columns where it is true; `numpy.nonzero` takes longer."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def _nearest(rows: Array, alike: Array) -> Array:
    """Which entries are among the nearest of their row."""
    order = np.lexsort((-alike, rows))
    counts = np.bincount(rows, minlength=1)
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(order[rank < _MOST])


def joined(parts: list[Pairs]) -> Pairs:
    """All pairs of several."""
    if not parts:
        none = np.zeros(0, "int64")
        return Pairs(none, none, none.astype(bool), none.astype("float32"))
    names = ("one", "other", "mirrored", "remainder")
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _once(found: Pairs) -> Pairs:
    """Each pair once: as it is, rather than mirrored, where both will do."""
    _, first = np.unique(np.stack([found.one, found.other], axis=1), axis=0, return_index=True)
    return found.chosen(np.sort(first))
