"""What a model says of the images, before any map is looked at: whether its scores mean something at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kerascope.typing import Array

STILL = 0.25
"""Log-odds of the explained class that vary by less, from image to image, hardly move: see docs/audit.md."""
_STILL_SCORE = 0.01
"""The same of scores of which no probability is known, as a share of their size."""
_SATURATED = 1e-6
"""A probability that is nearer to 0 or 1 than so is rounded, and its log-odds say nothing."""
_FEW = 16
"""Different images of fewer of which that says nothing."""
_NEARLY_ALL = 0.9
"""A model that says one class of more of the images says it of nearly everything."""

NON_FINITE = "usually weights are broken, numbers overflow, as in float16, or preprocessing divides by zero"
_USUALLY = (
    "the head was not trained, its weights were not loaded, a BatchNormalization has not learnt its "
    "statistics yet, the pixels are in another range than in training, or a layer is dead (ReLUs that are "
    "never positive)"
)


@dataclass(frozen=True)
class Responses:
    """What a model says of the images.

    Args:
        images: that have an answer.
        different: how many of them differ.
        non_finite: images more, whose scores are NaN or infinite, so that they have none.
        said: the class that is predicted most.
        count: how often that is.
        labelled: images whose true class is known, and of these those of the class that is predicted most.
        probabilities: the least and the greatest of that class, where it is predicted and explained; NaN
            where they are not known.
        still: the scores hardly move from image to image.
        unlearnt: how many layers of BatchNormalization there are, where all have the statistics that they
            begin with; else 0.
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

    @property
    def constant(self) -> bool:
        """Whether the model says the same of every image, as far as can be told."""
        known, own = self.labelled
        enough = self.different >= _FEW and self.count >= _NEARLY_ALL * self.images
        return self.still or (enough and known >= _FEW and own <= known / 2)

    def doubts(self) -> list[str]:
        """What must be known before anything else is believed, a sentence each."""
        return [*self._lost(), *self._constant()]

    def _lost(self) -> list[str]:
        if not self.non_finite:
            return []
        all_of_them = self.images + self.non_finite
        lost = f"The scores of {self.non_finite:,} of {all_of_them:,} images are not finite (NaN or infinity)"
        return [f"{lost}: nothing is predicted of these, and they are left out; {NON_FINITE}."]

    def _constant(self) -> list[str]:
        begun = (
            f"every BatchNormalization ({self.unlearnt}) has the statistics that it begins with (mean 0, "
            "variance 1): usually the model was not trained, or its weights were not loaded"
        )
        why = begun if self.unlearnt else f"usually {_USUALLY}"
        low, high = self.probabilities
        chance = "" if np.isnan(low) else f", at a probability of {low:.3f} to {high:.3f}"
        said = f"{self.count:,} of {self.images:,} images are taken for class {self.said}{chance}"
        known, own = self.labelled
        truth = f"; of {known:,} whose label is known {own:,} are of it" if known else ""
        if self.constant:
            what = "The scores hardly move from image to image" if self.still else "Nearly all is one class"
            return [f"{what}: {said}{truth}; {why}."]
        if self.different >= _FEW and self.count == self.images and not known:
            return [f"All is one class: {said}; unless all of them are of it, {why}."]
        return [f"{begun[0].upper()}{begun[1:]}."] if self.unlearnt else []


def hardly_move(scores: Array, probabilities: Array, groups: Array, different: int) -> bool:
    """Whether scores hardly move from image to image: by less than 0.25 in log-odds within each class.

    A model that is equally sure of several classes moves all the same: where one has more than half, the
    others have the rest at the most. Of rounded probabilities the scores are taken. Scores of which no
    probability is known have no scale: they hardly move where they vary by less than 1 % of their size.

    Args:
        scores: (N,) of the explained classes.
        probabilities: (N,) of the same, NaN where they are not known.
        groups: (N,) the explained classes.
        different: how many of the images differ; of fewer than 16 nothing is said.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.responses import hardly_move
        >>> chance = np.linspace(0.33, 0.35, 90)
        >>> hardly_move(np.log(chance), chance, np.zeros(90), 90)
        True
        >>> hardly_move(np.log(chance), chance**4 * 60, np.zeros(90), 90)
        False
    """
    if different < _FEW:
        return False
    known = np.isfinite(probabilities)
    if not known.all():
        return _spread(scores, groups) <= _STILL_SCORE * float(np.abs(scores).mean())
    inside = np.clip(probabilities.astype("float64"), _SATURATED, 1 - _SATURATED)
    if np.mean(inside == probabilities) >= 0.5:
        odds = np.log(inside / (1 - inside))
        return max(_spread(odds, groups), _between(odds, groups)) < STILL
    # Where the score is the probability itself, nothing is left to look at.
    return not np.allclose(scores, probabilities) and _spread(scores, groups) < STILL


def _spread(values: Array, groups: Array) -> float:
    """The standard deviation within groups."""
    found, place = np.unique(groups, return_inverse=True)
    means = np.bincount(place, values) / np.bincount(place)
    freedom = max(len(values) - len(found), 1)
    return float(np.sqrt(((values - means[place]) ** 2).sum() / freedom))


def _between(odds: Array, groups: Array) -> float:
    """How much the log-odds of the commonest class vary at the least, from what is more likely than not."""
    likely = odds > 0
    if not likely.any():
        return 0.0
    found, counts = np.unique(groups[likely], return_counts=True)
    own = np.where(groups == found[counts.argmax()], odds, -odds)[likely]
    return float(np.sqrt(((own - own.mean()) ** 2).sum() / len(odds)))
