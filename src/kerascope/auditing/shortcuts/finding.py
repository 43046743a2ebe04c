"""Suspects, the trials that they are put to, and what is found. NumPy in, numbers and words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from kerascope.typing import Array

Status = Literal["confirmed", "not confirmed", "untested"]

LEAST_EFFECT = 0.1
"""The least share of predictions that must change beyond the control, for a finding to be confirmed."""
LEAST_OF_GUESS = 0.15
"""The same, where what is object had to be guessed from pixels: parts of objects are lost then."""
LEVEL = 0.05
"""The chance of a false confirmation that is accepted, for all trials of an audit together."""
FEWEST = 8
"""The fewest images of a trial, of a class that is suspected, or that have a patch."""
TOO_FEW = "too few images"
"""Why most suspects that are untested are."""
BRING, TAKE_AWAY = "bring", "take away"
"""The two trials of a suspect."""


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval.

    Args:
        value: the number.
        low: lower end.
        high: upper end.
        usual: what it would be if there were nothing to find, or None.
    """

    value: float
    low: float
    high: float
    usual: float | None = None

    @classmethod
    def mean(cls, values: Array, usual: float | None = None) -> Measured:
        """The mean of some values, with its interval by Student's t."""
        known = values[np.isfinite(values)]
        half = _half(known.std(ddof=1), len(known), LEVEL) if len(known) > 1 else np.nan
        value = float(known.mean()) if len(known) else np.nan
        return cls(value, value - half, value + half, usual)


@dataclass(frozen=True)
class Trial:
    """An intervention, measured against its control on the same images.

    Args:
        name: what was done: `"bring"`, the suspect to images of other classes; `"take away"`, from those that
            have it.
        against: the control in words.
        count: of images.
        changed: the share of predictions that changed: to the class, or away from it.
        control: the same share under the control.
        effect: changed - control.
        low: lower end of its interval, at a level for all trials of an audit together.
        high: upper end.
        score: mean change of the score of the class, beyond the control.
        accuracy: the share that is right as it is, under the intervention, and under the control; None where
            no labels are known.
        least: what the lower end must be above, to confirm.
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
        """Whether others' predictions follow the suspect, by more than chance, and by enough to matter.

        To take something away is no proof: what comes in its place may speak for another class.
        """
        return self.name == BRING and self.count >= FEWEST and self.low > self.least


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial, image by image, before it is known how many trials there are.

    Args:
        name, against: see `Trial`.
        hits: bool (n,), whose prediction changed.
        controls: bool (n,), whose prediction changed under the control.
        score: see `Trial`.
        accuracy: see `Trial`.
        least: see `Trial`.
    """

    name: str
    against: str
    hits: Array
    controls: Array
    score: float
    accuracy: tuple[float, float, float] | None
    least: float = LEAST_EFFECT

    def judged(self, trials: int) -> Trial:
        """The trial, as one of so many (Bonferroni).

        The interval is that of Student's t on the differences, image by image, whose variance is taken to be
        1 / n at the least, as though one more image had differed: all alike is not all that there are.
        """
        differences = self.hits.astype(float) - self.controls
        count = len(differences)
        effect = float(differences.mean()) if count else 0.0
        deviation = np.sqrt(max(differences.var(ddof=1), 1 / count)) if count > 1 else np.inf
        half = _half(deviation, count, LEVEL / max(trials, 1))
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


@dataclass(frozen=True, eq=False)
class Suspect:
    """What a model may use though it should not, before it was tried.

    Args:
        kind: `"companion"`, `"place"`, `"patch"`, `"background"`, `"colour"`, `"outside"`, `"strategy"` or
            `"pair"`.
        label: the class that it decides.
        what: it is, in words, to follow "class 3 rests on".
        evidence: what raised the suspicion: numbers by what they are.
        strength: by how much it stands out, to try the most suspicious first.
        region: bool (h, w), where it is, on the small pictures; None where it has no place.
        places: bool (P, h, w) by image, where it is on some images, or None.
        images: places of these images in the material.
        patch: uint8 (h, w, 3), what it looks like, or None.
        partner: another class that it decides, or None.
        details: what else its trials must know.
    """

    kind: str
    label: int
    what: str
    evidence: Mapping[str, Measured]
    strength: float
    region: Array | None = None
    places: Array | None = None
    images: Array | None = None
    patch: Array | None = None
    partner: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Finding:
    """A suspect that was tried, or could not be.

    Args:
        kind: see `Suspect`.
        label: index of the class that it decides.
        name: of this class.
        what: it is, in words.
        status: `"confirmed"`, `"not confirmed"` or `"untested"`.
        trials: what was done, and what came of it.
        evidence: what raised the suspicion.
        share: of the images of the class that it concerns.
        region: bool (h, w), where it is; see `Suspect`.
        patch: uint8 (h, w, 3), or None.
        partner: name of another class, or None.
        examples: indices of images that show it.
        places: by the index of an image, the box of the patch in it: top, left, bottom, right, 0 to 1.
        reason: why it is untested, or None.
    """

    kind: str
    label: int
    name: str
    what: str
    status: Status
    trials: tuple[Trial, ...]
    evidence: Mapping[str, Measured]
    share: float
    region: Array | None = None
    patch: Array | None = None
    partner: str | None = None
    examples: tuple[int, ...] = ()
    places: Mapping[int, tuple[float, float, float, float]] = field(default_factory=dict)
    reason: str | None = None

    @property
    def effect(self) -> float:
        """By how much more often predictions follow it than the control; 0 where it was not tried."""
        return 0.0 if self.best is None else self.best.effect

    @property
    def best(self) -> Trial | None:
        """The trial that decides: that in which it is brought to others; of two, the stronger one."""
        brought = [trial for trial in self.trials if trial.name == BRING]
        return max(brought, key=lambda trial: trial.low, default=None)

    @property
    def statement(self) -> str:
        """The finding in a sentence."""
        who = f"Class {self.name}" if self.partner is None else f"Classes {self.name} and {self.partner}"
        rests = "rests on" if self.partner is None else "rest on"
        if self.status == "confirmed":
            return f"{who} {rests} {self.what}."
        if self.status == "not confirmed":
            return f"{who}: {self.what} was suspected, and is not confirmed."
        return f"{who}: {self.what} is suspected, and was not tried."

    def judged(self, outcomes: Sequence[Outcome], trials: int) -> Finding:
        """With the trials, as some of so many."""
        found = tuple(outcome.judged(trials) for outcome in outcomes)
        if not any(trial.name == BRING and trial.count >= FEWEST for trial in found):
            return replace(self, trials=found, status="untested", reason=self.reason or TOO_FEW)
        status: Status = "confirmed" if any(trial.confirms for trial in found) else "not confirmed"
        return replace(self, trials=found, status=status)


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The confirmed first, by effect and by how many images they concern; then those that were not tried."""
    order = {"confirmed": 0, "untested": 1, "not confirmed": 2}
    return sorted(findings, key=lambda one: (order[one.status], -one.effect * (0.2 + one.share), one.label))


def _half(deviation: float, count: int, level: float) -> float:
    """Half the width of Student's interval of a mean."""
    from scipy.stats import t

    return float(t.isf(level / 2, count - 1) * deviation / np.sqrt(count)) if count > 1 else float("inf")
