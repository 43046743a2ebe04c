"""The model's predictions over all images: are they finite, and do they depend on the image at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np

from kerascope.auditing.data.audit_data import NON_FINITE, AuditData
from kerascope.typing import Array

STILL = 0.25
"""Log-odds of the explained class that vary by less, from image to image, hardly move: see docs/audit.md."""
_STILL_SCORE = 0.01
"""The same for scores without a probability, as a share of their size."""
_SATURATED = 1e-6
"""A probability that is nearer to 0 or 1 is rounded, and its log-odds are meaningless."""
_FEW = 16
"""With fewer different images nothing is concluded."""
_NEARLY_ALL = 0.9
"""The share of images predicted as one class from which on this is nearly everything."""

_USUALLY = (
    "the head was not trained, its weights were not loaded, a BatchNormalization has not learnt its "
    "statistics yet, the pixels are in another range than in training, or a layer is dead (ReLUs that are "
    "never positive)"
)


@dataclass(frozen=True)
class Responses:
    """The model's predictions over all images.

    Args:
        images: number of images with a prediction.
        different: how many of them differ.
        non_finite: number of further images, whose scores are NaN or infinite, so that nothing is predicted.
        said: the class that is predicted most.
        count: how often that is.
        labelled: number of images whose true class is known, and of these the number of the class that is
            predicted most.
        probabilities: the least and the greatest of that class, where it is predicted and explained; NaN if
            unknown.
        still: the scores hardly move from image to image.
        unlearnt: number of BatchNormalization layers if all have their initial statistics; else 0.
        strangers: labels of images that are no class of the model, and how often.
    """

    images: int
    different: int
    non_finite: int
    said: str
    count: int
    labelled: tuple[int, int]
    probabilities: tuple[float, float]
    still: bool
    unlearnt: int
    strangers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, data: AuditData) -> Responses:
        """Summarise the predictions of an audit."""
        columns, labels, targets = data.columns, data.labels, data.targets
        (top, count), *_ = Counter(columns["prediction"].tolist()).most_common(1)
        probabilities = columns["probability"][(columns["prediction"] == top) & (targets == top)]
        known = len(probabilities) and np.isfinite(probabilities).all()
        return cls(
            images=len(data),
            different=data.distinct,
            non_finite=data.non_finite,
            said=data.name(top),
            count=count,
            labelled=(int((labels >= 0).sum()), int((labels == top).sum())),
            probabilities=(float(probabilities.min()), float(probabilities.max()))
            if known
            else (np.nan, np.nan),
            still=hardly_move(columns["score"], columns["probability"], targets, data.distinct),
            unlearnt=_count_unlearnt(data.job.model),
            strangers=data.results.strange_labels(),
        )

    @property
    def constant(self) -> bool:
        """Whether the model predicts the same for every image, as far as can be decided."""
        known, own = self.labelled
        enough = self.different >= _FEW and self.count >= _NEARLY_ALL * self.images
        return self.still or (enough and known >= _FEW and own <= known / 2)

    def doubts(self) -> list[str]:
        """What must be known before anything else is believed, a sentence each."""
        return [*self._non_finite_doubts(), *self._constant_doubts()]

    def _non_finite_doubts(self) -> list[str]:
        if not self.non_finite:
            return []
        which = f"{self.non_finite:,} of {self.images + self.non_finite:,} images"
        why = f"nothing is predicted for these, and they are left out; {NON_FINITE}"
        return [f"The scores of {which} are not finite (NaN or infinity): {why}."]

    def _constant_doubts(self) -> list[str]:
        initial = (
            f"every BatchNormalization ({self.unlearnt}) has its initial statistics (mean 0, variance 1): "
            "usually the model was not trained, or its weights were not loaded"
        )
        why = initial if self.unlearnt else f"usually {_USUALLY}"
        low, high = self.probabilities
        probability = "" if np.isnan(low) else f", at a probability of {low:.3f} to {high:.3f}"
        predicted = (
            f"{self.count:,} of {self.images:,} images are predicted as class {self.said}{probability}"
        )
        known, own = self.labelled
        truth = f"; of {known:,} whose label is known {own:,} are of it" if known else ""
        if self.constant:
            what = "The scores hardly move from image to image" if self.still else "Nearly all is one class"
            return [f"{what}: {predicted}{truth}; {why}."]
        if self.different >= _FEW and self.count == self.images and not known:
            return [f"All is one class: {predicted}; unless all of them are of it, {why}."]
        return [f"{initial[0].upper()}{initial[1:]}."] if self.unlearnt else []


def _count_unlearnt(model: keras.Model) -> int:
    """The number of BatchNormalizations of a model if all have their initial statistics; else 0."""
    initial = {"moving_mean": 0.0, "moving_variance": 1.0}
    statistics = [variable for variable in model.variables if variable.name in initial]
    unlearnt = all(
        (keras.ops.convert_to_numpy(variable) == initial[variable.name]).all() for variable in statistics
    )
    return len(statistics) // 2 if unlearnt else 0


def hardly_move(scores: Array, probabilities: Array, groups: Array, different: int) -> bool:
    """Whether scores hardly move from image to image: by less than 0.25 in log-odds within each class.

    A model that is equally sure of several classes moves all the same: where one has more than half, the
    others share the rest. For rounded probabilities the scores are used instead. Scores without a probability
    have no scale: they hardly move if they vary by less than 1 % of their size.

    Args:
        scores: (N,) of the explained classes.
        probabilities: (N,) of the same, NaN if unknown.
        groups: (N,) the explained classes.
        different: how many of the images differ; with fewer than 16 nothing is concluded.
    """
    if different < _FEW:
        return False
    known = np.isfinite(probabilities)
    if not known.all():
        return _deviation_within(scores, groups) <= _STILL_SCORE * float(np.abs(scores).mean())
    inside = np.clip(probabilities.astype("float64"), _SATURATED, 1 - _SATURATED)
    if np.mean(inside == probabilities) >= 0.5:
        odds = np.log(inside / (1 - inside))
        return max(_deviation_within(odds, groups), _deviation_between(odds, groups)) < STILL
    # Where the score is the probability itself, nothing else is left.
    return not np.allclose(scores, probabilities) and _deviation_within(scores, groups) < STILL


def _deviation_within(values: Array, groups: Array) -> float:
    """The standard deviation within groups."""
    names, group = np.unique(groups, return_inverse=True)
    means = np.bincount(group, values) / np.bincount(group)
    freedom = max(len(values) - len(names), 1)
    return float(np.sqrt(((values - means[group]) ** 2).sum() / freedom))


def _deviation_between(odds: Array, groups: Array) -> float:
    """How much the log-odds of the commonest class vary at least: the value that is more likely than not."""
    likely = odds > 0
    if not likely.any():
        return 0.0
    names, counts = np.unique(groups[likely], return_counts=True)
    own = np.where(groups == names[counts.argmax()], odds, -odds)[likely]
    return float(np.sqrt(((own - own.mean()) ** 2).sum() / len(odds)))
