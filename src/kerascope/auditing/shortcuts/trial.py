"""The result of one intervention, measured against its control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.auditing.shortcuts.estimate import LEVEL, half_width
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.typing import Array

INSERT, REMOVE = "bring", "take away"
"""The two interventions, as they are written into files."""
LEAST_EFFECT = 0.1
"""The least share of predictions that must change beyond the control, for a finding to be confirmed."""
LEAST_EFFECT_OF_GUESS = 0.15
"""The same where the object had to be guessed from pixels, so that parts of it may be lost."""
LEAST_EFFECT_OF_QUALITY = 0.2
"""The same for qualities of the whole picture, of which true differences of the objects are a part."""
FEWEST = 8
"""The fewest images of a trial, of a class that is suspected, or that have a patch."""


@dataclass(frozen=True)
class Trial:
    """An intervention, measured against its control on the same images.

    Args:
        name: the intervention: `"bring"`, the suspect is inserted into images of other classes; `"take
            away"`, it is removed from images that have it.
        against: the control in words.
        count: number of images.
        changed: the share of predictions that changed: to the class, or away from it.
        control: the same share under the control.
        effect: changed - control.
        low: lower end of its interval, at a level for all trials of an audit together.
        high: upper end.
        score: mean change of the score of the class, beyond the control.
        accuracy: accuracy on the images as they are, under the intervention, and under the control; None
            where labels are missing.
        least: the lower end must exceed this to confirm.
    """

    name: str
    against: str
    count: int
    changed: float
    control: float
    effect: float
    low: float
    high: float
    score: float
    accuracy: tuple[float, float, float] | None = None
    least: float = LEAST_EFFECT

    @property
    def confirms(self) -> bool:
        """Whether predictions follow the suspect, by more than chance, and by enough to matter.

        Removal proves nothing: the pixels that replace the suspect may speak for another class.
        """
        return self.name == INSERT and self.count >= FEWEST and self.low > self.least


@dataclass(frozen=True, eq=False)
class Shown:
    """Some images of an insertion, to be seen.

    Args:
        rows: (n,) in the data.
        images: float32 (3, n, H, W, C), before, after, and under the control.
        predictions: (3, n) classes.
        probabilities: (3, n) of the class; NaN where the model has none.
    """

    rows: Array
    images: Array
    predictions: Array
    probabilities: Array


@dataclass(frozen=True, eq=False)
class TrialData:
    """The outcomes of a trial, image by image, before the number of trials is known.

    Args:
        name, against, score, accuracy, least: see `Trial`.
        hits: bool (n,), the prediction changed.
        controls: bool (n,), the prediction changed under the control.
        rows: (n,) of the images in the data.
        cleaned: of a removal, some images of the class without the suspect.
        shown: of an insertion, the images that show it best.
    """

    name: str
    against: str
    hits: Array
    controls: Array
    score: float
    accuracy: tuple[float, float, float] | None
    least: float = LEAST_EFFECT
    rows: Array | None = None
    cleaned: Sample | None = None
    shown: Shown | None = None

    @property
    def effect(self) -> float:
        """How much more often predictions changed than under the control."""
        return float(self.hits.mean() - self.controls.mean()) if len(self.hits) else 0.0

    def to_trial(self, trials: int) -> Trial:
        """The trial, corrected for the number of trials (Bonferroni).

        The interval is Student's t of the differences, image by image, with a variance of at least 1 / n, as
        if one more image had differed: a sample without differences does not prove that there are none.
        """
        differences = self.hits.astype(float) - self.controls
        count = len(differences)
        effect = float(differences.mean()) if count else 0.0
        deviation = np.sqrt(max(differences.var(ddof=1), 1 / count)) if count > 1 else np.inf
        half = half_width(deviation, count, LEVEL / max(trials, 1))
        return Trial(
            self.name,
            self.against,
            count,
            float(self.hits.mean()) if count else 0.0,
            float(self.controls.mean()) if count else 0.0,
            effect,
            max(effect - half, -1.0),
            min(effect + half, 1.0),
            self.score,
            self.accuracy,
            self.least,
        )
