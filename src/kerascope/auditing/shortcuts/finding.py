"""Suspects, and the findings that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, Trial, TrialData
from kerascope.typing import Array

FindingStatus = Literal["confirmed", "not confirmed", "untested"]

TOO_FEW = "too few images"
"""The usual reason why a suspect is untested."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A possible shortcut, before it was tested.

    Args:
        kind: `"companion"`, `"place"`, `"patch"`, `"background"`, `"colour"`, `"outside"`, `"strategy"` or
            `"pair"`.
        label: the class that it decides.
        what: the shortcut in words, to follow "class 3 relies on".
        evidence: what raised the suspicion: numbers by their names.
        strength: how much it stands out; the most suspicious are tested first.
        region: bool (h, w), where it lies in every image, on the grid of the thumbnails; None if nowhere in
            particular.
        masks: bool (P, h, w), where it lies in some images, or None.
        rows: (P,) the rows of these images in the data.
        patch: uint8 (h, w, 3), its pixels, or None.
        partner: another class that it decides, or None.
        details: what else its trials need.
    """

    kind: str
    label: int
    what: str
    evidence: Mapping[str, Estimate]
    strength: float
    region: Array | None = None
    masks: Array | None = None
    rows: Array | None = None
    patch: Array | None = None
    partner: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Finding:
    """A suspect that was tested, or could not be.

    Args:
        kind: see `Suspect`.
        label: index of the class that it decides.
        name: of this class.
        what: the shortcut in words.
        status: `"confirmed"`, `"not confirmed"` or `"untested"`.
        trials: the interventions and their results.
        evidence: what raised the suspicion.
        share: of the images of the class that it concerns.
        region: bool (h, w), where it lies; see `Suspect`.
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
    status: FindingStatus
    trials: tuple[Trial, ...]
    evidence: Mapping[str, Estimate]
    share: float
    region: Array | None = None
    patch: Array | None = None
    partner: str | None = None
    examples: tuple[int, ...] = ()
    places: Mapping[int, tuple[float, float, float, float]] = field(default_factory=dict)
    reason: str | None = None

    @property
    def effect(self) -> float:
        """How much more often predictions follow it than the control; 0 if untested."""
        return 0.0 if self.best is None else self.best.effect

    @property
    def best(self) -> Trial | None:
        """The trial that decides: its insertion into other images; the stronger one of two."""
        inserts = [trial for trial in self.trials if trial.name == INSERT]
        return max(inserts, key=lambda trial: trial.low, default=None)

    @property
    def statement(self) -> str:
        """The finding in a sentence."""
        who = f"Class {self.name}" if self.partner is None else f"Classes {self.name} and {self.partner}"
        relies = "relies on" if self.partner is None else "rely on"
        if self.status == "confirmed":
            return f"{who} {relies} {self.what}."
        if self.status == "not confirmed":
            return f"{who}: {self.what} was suspected, and is not confirmed."
        return f"{who}: {self.what} is suspected, and was not tested."

    def judge(self, outcomes: Sequence[TrialData], trials: int) -> Finding:
        """The finding with its trials, corrected for the number of trials."""
        results = tuple(outcome.to_trial(trials) for outcome in outcomes)
        if not any(trial.name == INSERT and trial.count >= FEWEST for trial in results):
            return replace(self, trials=results, status="untested", reason=self.reason or TOO_FEW)
        status: FindingStatus = "confirmed" if any(trial.confirms for trial in results) else "not confirmed"
        return replace(self, trials=results, status=status)


def rank_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The confirmed first, by effect and by how many images they concern; then those that were not tested."""
    order = {"confirmed": 0, "untested": 1, "not confirmed": 2}

    def rank(finding: Finding) -> tuple[int, float, int]:
        return order[finding.status], -finding.effect * (0.2 + finding.share), finding.label

    return sorted(findings, key=rank)
