"""Suspects, and the findings that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.exchange import Exchange
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, Trial, TrialData
from kerascope.typing import Array

FindingVerdict = Literal["shortcut", "evidence", "not confirmed", "untested"]
VERDICTS: tuple[FindingVerdict, ...] = ("shortcut", "evidence", "untested", "not confirmed")
"""The order in which findings are reported."""

TOO_FEW = "too few images"
"""The usual reason why a suspect is untested."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A possible shortcut, before it was tested.

    Args:
        kind: a name in `kerascope.auditing.shortcuts.kinds.KINDS`.
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
        verdict: `"shortcut"`, predictions follow it, and it is not the object; `"evidence"`, predictions
            follow it, and it may be the object; `"not confirmed"`; or `"untested"`.
        trials: the interventions and their results.
        evidence: what raised the suspicion.
        share: of the images of the class that it concerns.
        region: bool (h, w), where it lies; see `Suspect`.
        patch: uint8 (h, w, 3), or None.
        partner: name of another class, or None.
        examples: indices of images that show it.
        places: by the index of an image, the box of the patch in it: top, left, bottom, right, 0 to 1.
        reasons: why this is the verdict, in clauses without a full stop; always given if it is untested.
        exchanges: some images before and after the intervention.
        contrasts: indices of images that have most of it and are not of the class.
        absence: names of classes that rest on its absence.
        same: what else was suspected, and acts no more once this is removed, in words.
        plan: what would settle it, a clause such as "12 more images of class bus would do", or None.
    """

    kind: str
    label: int
    name: str
    what: str
    verdict: FindingVerdict
    trials: tuple[Trial, ...]
    evidence: Mapping[str, Estimate]
    share: float
    region: Array | None = None
    patch: Array | None = None
    partner: str | None = None
    examples: tuple[int, ...] = ()
    places: Mapping[int, tuple[float, float, float, float]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    contrasts: tuple[int, ...] = ()
    absence: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    plan: str | None = None

    @property
    def confirmed(self) -> bool:
        """Whether predictions follow it, be it a shortcut or evidence."""
        return self.verdict in ("shortcut", "evidence")

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
    def claim(self) -> str:
        """What predictions follow, without a full stop: "Class bus relies on the background"."""
        relies = "relies on" if self.partner is None else "rely on"
        absence = f" (and {', '.join(self.absence)} on its absence)" if self.absence else ""
        return f"{self._who} {relies} {self.what}{absence}"

    @property
    def statement(self) -> str:
        """The finding in a sentence."""
        if self.verdict == "shortcut":
            return f"{self.claim}."
        if self.verdict == "evidence":
            return f"{self.claim}, which may be the object itself."
        if self.verdict == "not confirmed":
            return f"{self._who}: {self.what} was suspected, and is not confirmed."
        return f"{self._who}: {self.what} is suspected, and was not tested."

    @property
    def _who(self) -> str:
        return f"Class {self.name}" if self.partner is None else f"Classes {self.name} and {self.partner}"

    def judge(
        self, outcomes: Sequence[TrialData], trials: int, evidence_reasons: Sequence[str] = ()
    ) -> Finding:
        """The finding with its trials and its verdict.

        Args:
            outcomes: of its trials.
            trials: number of trials, for which the intervals are corrected.
            evidence_reasons: why it may be the object: if there are any, it is no shortcut, but evidence.
        """
        results = tuple(outcome.to_trial(trials) for outcome in outcomes)
        if not any(trial.name == INSERT and trial.count >= FEWEST for trial in results):
            return replace(self, trials=results, verdict="untested", reasons=self.reasons or (TOO_FEW,))
        if not any(trial.confirms for trial in results):
            return replace(self, trials=results, verdict="not confirmed")
        if evidence_reasons:
            return replace(self, trials=results, verdict="evidence", reasons=tuple(evidence_reasons))
        return replace(self, trials=results, verdict="shortcut")


def rank_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Shortcuts, then evidence, by effect and by how many images they concern; then the untested."""

    def rank(finding: Finding) -> tuple[int, float, int]:
        return VERDICTS.index(finding.verdict), -finding.effect * (0.2 + finding.share), finding.label

    return sorted(findings, key=rank)
