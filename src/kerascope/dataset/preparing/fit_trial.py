"""Ways to load photographs, tried on some whose labels are known."""

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
"""The places of an image's labels among the classes; none where they are not known."""

MOST = 64
"""Photographs that are tried at the most, and so predictions for each candidate."""
_LOOKED_AT = 256
"""Images that are read at the most until as many as that are found."""
_CHANCE = 0.05
"""How likely a candidate may be taken that is no better."""


@dataclass(frozen=True, eq=False)
class Trial:
    """How candidates did on the photographs on which their images differ.

    Args:
        candidates: the first is what is taken unless another one is clearly better.
        right: bool (candidates, photographs): the predicted class is among the labels.
        likelihood: float (candidates, photographs): log probability of the label; 0 where it is unknown.
        predictions: how many the model was asked for.
    """

    candidates: tuple[Preprocessing, ...]
    right: Array
    likelihood: Array
    predictions: int

    @property
    def chosen(self) -> Preprocessing:
        """The one that is right most often, where that is clearly more often than the first; else the first.

        Of candidates that are right as often, the one by which labels are more probable.
        """
        accuracy, likelihood = self.right.mean(axis=1), self.likelihood.mean(axis=1)
        best = max(range(len(self.candidates)), key=lambda one: (accuracy[one], likelihood[one]))
        return self.candidates[best if self._clear(best, 0) else 0]

    def settles(self, field: str) -> bool:
        """Whether the chosen one is clearly better than all that differ in a field."""
        chosen = self.candidates.index(self.chosen)
        value = getattr(self.chosen, field)
        others = [place for place, one in enumerate(self.candidates) if getattr(one, field) != value]
        return all(self._clear(chosen, other) for other in others)

    def told(self, *names: str) -> str:
        """How often each was right: `"stretch 100%, crop 50% of 32 labelled images"`.

        Args:
            *names: of the fields that tell candidates apart.
        """
        shares = (
            f"{' '.join(getattr(one, name) for name in names)} {right:.0%}"
            for one, right in zip(self.candidates, self.right.mean(axis=1), strict=True)
        )
        return f"{', '.join(shares)} of {self.right.shape[1]} labelled images"

    def _clear(self, one: int, other: int) -> bool:
        """A sign test, with Bonferroni's correction, of the photographs that only one gets right."""
        wins = int(np.sum(self.right[one] & ~self.right[other]))
        losses = int(np.sum(self.right[other] & ~self.right[one]))
        return _by_chance(wins, wins + losses) * (len(self.candidates) - 1) < _CHANCE


def _by_chance(wins: int, of: int) -> float:
    """How likely a fair coin falls on one side so often or more."""
    return float(sum(comb(of, count) for count in range(wins, of + 1)) / 2**of)


def tried(
    probe: Probe, layout: Layout, items: Iterable[Item], labels: Labels, candidates: Sequence[Preprocessing]
) -> Trial | None:
    """Try candidates on the first `MOST` photographs that can be read and have a label.

    Args:
        probe: of a classifier.
        layout: how the model takes a photograph.
        items: images, labels in turn; see `kerascope.dataset.reading.sample.sample_by_label`.
        labels: of an image.
        candidates: the first is kept unless another one is clearly better.

    Returns:
        What came of it; None where there are no such photographs, or their images are the same by all.

    Cost:
        1 forward for each photograph and each of its different images; one photograph is held at a time.
    """
    size: Any = layout.spatial
    rows = []
    for picture, known in _labelled(items, labels):
        try:
            images = [one(picture, size, layout.channels)[0] for one in candidates]
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
    return Trial(tuple(candidates), np.stack(every, 1), np.stack(likelihood, 1), sum(predictions))


def photographs(items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    """Images that are files, with their pictures; what cannot be read is passed over."""
    for item in islice(items, _LOOKED_AT):
        if isinstance(item.location, ArrayLocation):
            continue
        try:
            with open_photograph(item.location) as (photograph, _):
                yield item, photograph.picture
        except errors.PhotographError:
            continue


def _labelled(items: Iterable[Item], labels: Labels) -> Iterator[tuple[Any, list[int]]]:
    known = (item for item in items if labels(item))
    for item, picture in islice(photographs(known), MOST):
        yield picture, list(labels(item))


def _logarithm(probabilities: Array) -> Array:
    """Of probabilities, 0 where they are unknown."""
    return np.asarray(np.nan_to_num(np.log(np.clip(probabilities, 1e-12, 1.0))))
