"""Presence: how much of a suspect each image has, and how well that alone tells the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.discrimination import youden_index
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.kinds.qualities.quality import read_amount
from kerascope.auditing.shortcuts.trial import FEWEST
from kerascope.typing import Array

_OTHERS = 400
"""The most images of other classes from which the pixels of a place are told."""
_FOLDS, _TREES, _LEAF = 5, 60, 3


@dataclass(frozen=True, eq=False)
class Presence:
    """How much of a suspect some images have.

    Args:
        rows: (n,) of the images in the data.
        values: (n,) how much of it; the unit depends on the suspect.
        own: bool (n,), images of the class: by their label where that is known, else as explained.
        tells: Youden's index of the values: how well they alone tell the class.
        threshold: from this value on, an image has it.
    """

    rows: Array
    values: Array
    own: Array
    tells: Estimate
    threshold: float

    @classmethod
    def of(cls, rows: Array, values: Array, own: Array) -> Presence:
        """From how much of it each image has."""
        higher, threshold, index = youden_index(values[own], values[~own])
        # A suspect that other classes have more of does not tell the class.
        return cls(rows, values, own, index if higher else Estimate(0.0, -1.0, 1.0, 0.0), threshold)

    @property
    def has(self) -> Array:
        """bool (n,), the images that have it."""
        return np.asarray(self.values >= self.threshold)

    def most(self, of_class: bool, count: int) -> Array:
        """Rows of the images that have most of it, of the class or of others, the most first."""
        which = self.own if of_class else ~self.own & self.has
        order = np.flatnonzero(which)[np.argsort(-self.values[which], kind="stable")]
        return np.asarray(self.rows[order[:count]])

    def counterexamples(self, predictions: Array, label: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """What the data say: images with the wrong amount of it, and how many are taken for the class.

        Returns:
            Of images of other classes that have as much of it as the middle one of the class: how many are
            predicted as the class, and how many there are; the same of images of the class without it.
        """
        hit = predictions[self.rows] == label
        with_ = self.own & self.has
        enough = float(np.median(self.values[with_])) if with_.any() else np.inf
        others, without = ~self.own & (self.values >= enough), self.own & ~self.has
        return (int(hit[others].sum()), int(others.sum())), (int(hit[without].sum()), int(without.sum()))


def find_presence(suspect: Suspect, data: AuditData) -> Presence | None:
    """How much of a suspect images have; None where nothing tells it.

    Of a quality its amount; of pixels that recur, how well they are found again; of a place the probability
    of the class by its pixels alone, by trees that have not seen the image (five folds).

    Cost:
        No forwards.
    """
    if "columns" in suspect.details:
        rows = np.arange(len(data))
        return Presence.of(rows, read_amount(suspect, data, rows), _is_own(data, rows, suspect.label))
    if "presence" in suspect.details:
        rows, values = suspect.details["presence"]
        return Presence.of(rows, values, _is_own(data, rows, suspect.label))
    return None if suspect.region is None else _read_place(suspect, data)


def _is_own(data: AuditData, rows: Array, label: int) -> Array:
    """Whether images are of a class: by their labels where enough are known."""
    known = data.labels[rows] >= 0
    names = data.labels if known.mean() > 0.5 else data.targets
    return np.asarray(names[rows] == label)


def _read_place(suspect: Suspect, data: AuditData) -> Presence | None:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    assert suspect.region is not None
    thumbnails = data.thumbnails
    own = _is_own(data, thumbnails.rows, suspect.label)
    chosen = np.sort(
        np.concatenate([np.flatnonzero(own), data.sample(np.flatnonzero(~own), _OTHERS, salt=11)])
    )
    own = own[chosen]
    if min(own.sum(), (~own).sum()) < FEWEST:
        return None
    pixels = thumbnails.pictures[chosen][:, suspect.region].reshape(len(chosen), -1)
    trees = ExtraTreesClassifier(
        _TREES, min_samples_leaf=_LEAF, class_weight="balanced", random_state=data.seed
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=data.seed)
    values = cross_val_predict(trees, pixels, own, cv=folds, method="predict_proba")[:, 1]
    return Presence.of(thumbnails.rows[chosen], values, own)
