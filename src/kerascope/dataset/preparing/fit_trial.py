"""The trial of ways to load photographs, on some whose labels are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import comb
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.reading.arrays import ArrayLocation
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.photograph_reader import open_photograph
from kerascope.layout import Layout
from kerascope.probe import Probe
from kerascope.typing import Array

Labels = Callable[[Item], Collection[int]]
"""From an image to the class indices of its labels; empty where they are unknown."""

MOST = 64
"""The most photographs of a trial, and so the most predictions per candidate."""
_LOOKED_AT = 256
"""The most images that are read to find them."""
_CHANCE = 0.05
"""The probability of choosing a candidate that is no better."""


@dataclass(frozen=True, eq=False)
class FitTrial:
    """The accuracy of candidates on the photographs of which they make different images.

    Args:
        candidates: the first is chosen unless another one is clearly better.
        right: bool (candidates, photographs): the predicted class is among the labels.
        likelihood: float (candidates, photographs): log probability of the label; 0 where it is unknown.
        predictions: the number of forward passes per image.
    """

    candidates: tuple[Preprocessing, ...]
    right: Array
    likelihood: Array
    predictions: int

    @property
    def best(self) -> Preprocessing:
        """The most accurate candidate, where it is clearly better than the first; else the first.

        Of equally accurate candidates, the one with the more probable labels.
        """
        accuracy, likelihood = self.right.mean(axis=1), self.likelihood.mean(axis=1)
        best = max(range(len(self.candidates)), key=lambda index: (accuracy[index], likelihood[index]))
        return self.candidates[best if self._clear(best, 0) else 0]

    def settles(self, field: str) -> bool:
        """Return whether the best candidate is clearly better than all that differ in a field."""
        chosen = self.candidates.index(self.best)
        value = getattr(self.best, field)
        others = [
            index for index, candidate in enumerate(self.candidates) if getattr(candidate, field) != value
        ]
        return all(self._clear(chosen, other) for other in others)

    def describe(self, *names: str) -> str:
        """Describe how often each was right: `"stretch 100%, crop 50% of 32 labelled images"`."""
        shares = (
            f"{' '.join(getattr(candidate, name) for name in names)} {right:.0%}"
            for candidate, right in zip(self.candidates, self.right.mean(axis=1), strict=True)
        )
        return f"{', '.join(shares)} of {self.right.shape[1]} labelled images"

    def _clear(self, one: int, other: int) -> bool:
        """Return the result of a sign test, with Bonferroni's correction."""
        wins = int(np.sum(self.right[one] & ~self.right[other]))
        losses = int(np.sum(self.right[other] & ~self.right[one]))
        return _by_chance(wins, wins + losses) * (len(self.candidates) - 1) < _CHANCE


def _by_chance(wins: int, of: int) -> float:
    """Return the probability of at least `wins` heads in `of` tosses of a fair coin."""
    return float(sum(comb(of, count) for count in range(wins, of + 1)) / 2**of)


def try_candidates(
    probe: Probe, layout: Layout, items: Iterable[Item], labels: Labels, candidates: Sequence[Preprocessing]
) -> FitTrial | None:
    """Try candidates on the first `MOST` photographs that can be read and have a label.

    Returns:
        The trial; None where there are no such photographs, or all candidates make the same images of them.

    Cost:
        1 forward for each photograph and each of its different images; one photograph is held at a time.
    """
    size: Any = layout.spatial
    rows = []
    for picture, known in _read_labelled(items, labels):
        try:
            images = [candidate(picture, size, layout.channels)[0] for candidate in candidates]
        except errors.PhotographError:  # too large by one of them
            continue
        distinct: dict[bytes, Array] = {image.tobytes(): image for image in images}
        if len(distinct) == 1:
            continue
        places = [list(distinct).index(image.tobytes()) for image in images]
        given = layout.original(np.stack(list(distinct.values())), np)
        answer = probe.run(None, given, [known[0]] * len(distinct))
        right = np.isin(np.asarray(answer.predictions), known)
        rows.append((right[places], _logarithm(answer.probabilities)[places], len(distinct)))
    if not rows:
        return None
    every, likelihood, predictions = zip(*rows, strict=True)
    return FitTrial(tuple(candidates), np.stack(every, 1), np.stack(likelihood, 1), sum(predictions))


def read_photographs(items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    """Yield the images that are files, with their pictures; skip those that cannot be read."""
    for item in islice(items, _LOOKED_AT):
        if isinstance(item.location, ArrayLocation):
            continue
        try:
            with open_photograph(item.location) as (photograph, _):
                yield item, photograph.picture
        except errors.PhotographError:
            continue


def _read_labelled(items: Iterable[Item], labels: Labels) -> Iterator[tuple[Any, list[int]]]:
    known = (item for item in items if labels(item))
    for item, picture in islice(read_photographs(known), MOST):
        yield picture, list(labels(item))


def _logarithm(probabilities: Array) -> Array:
    """Return the logarithm of probabilities, 0 where they are unknown."""
    return np.asarray(np.nan_to_num(np.log(np.clip(probabilities, 1e-12, 1.0))))
