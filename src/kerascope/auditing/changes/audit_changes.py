"""The changes between two audits, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope.auditing.shortcuts.finding import Finding


@dataclass(frozen=True)
class ClassChange:
    """The changes of one class.

    Args:
        name: of the class.
        recall: before and after; None if unknown.
        confirmed: number of confirmed findings, before and after.
        strategies: number of strategies, before and after.
        moved: the share of relevance that is in other cells than before, in the mean over its images, 0 to 1.
    """

    name: str
    recall: tuple[float | None, float | None]
    confirmed: tuple[int, int]
    strategies: tuple[int, int]
    moved: float


@dataclass(frozen=True, eq=False)
class AuditChanges:
    """The changes between two audits.

    Args:
        before, after: names of the models, and when they were audited.
        accuracy: before and after; None if unknown.
        gone: findings that were confirmed before and are not now, although they could be tested.
        new: findings that are confirmed now and were not before, although they could be tested.
        stayed: findings that were and are confirmed, as pairs; a shortcut may have become evidence.
        classes: of both.
        shared: images that are in both, by the digests of their files.
        predictions: the share of these that is predicted as another class now; NaN if there are none.
        untried_now: findings that were confirmed before and cannot be tested now, each with the reason.
        untried_before: findings that are confirmed now and could not be tested before, each with the reason.
    """

    before: str
    after: str
    accuracy: tuple[float | None, float | None]
    gone: tuple[Finding, ...]
    new: tuple[Finding, ...]
    stayed: tuple[tuple[Finding, Finding], ...]
    classes: tuple[ClassChange, ...]
    shared: int
    predictions: float
    untried_now: tuple[tuple[Finding, str], ...] = ()
    untried_before: tuple[tuple[Finding, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As values of JSON; findings as sentences."""
        return {
            "before": self.before,
            "after": self.after,
            "accuracy": list(self.accuracy),
            "gone": [finding.statement for finding in self.gone],
            "new": [finding.statement for finding in self.new],
            "stayed": [
                {
                    "statement": new.statement,
                    "verdict": [old.verdict, new.verdict],
                    "effect": [round(old.effect, 4), round(new.effect, 4)],
                }
                for old, new in self.stayed
            ],
            "untried_now": _with_reasons(self.untried_now),
            "untried_before": _with_reasons(self.untried_before),
            "classes": [
                {
                    "name": change.name,
                    "recall": list(change.recall),
                    "confirmed": list(change.confirmed),
                    "strategies": list(change.strategies),
                    "moved": round(change.moved, 4),
                }
                for change in self.classes
            ],
            "shared": self.shared,
            "predictions": None if np.isnan(self.predictions) else round(self.predictions, 4),
        }

    def __str__(self) -> str:
        lines = [f"before: {self.before}", f"after:  {self.after}"]
        if None not in self.accuracy:
            old, new = self.accuracy
            lines.append(f"right: {old:.1%} before, {new:.1%} now")
        if self.shared:
            lines.append(
                f"of {self.shared:,} images in both, {self.predictions:.1%} are predicted differently"
            )
        lines += [f"gone:   {finding.statement} (effect was {finding.effect:.0%})" for finding in self.gone]
        lines += [f"new:    {finding.statement} (effect {finding.effect:.0%})" for finding in self.new]
        lines += [
            f"stayed: {new.statement} (effect {old.effect:.0%} before, {new.effect:.0%} now"
            f"{_describe_turn(old, new)})"
            for old, new in self.stayed
        ]
        for when, untested in (("now", self.untried_now), ("before", self.untried_before)):
            lines += [f"open:   {finding.statement} (not tested {when}: {why})" for finding, why in untested]
        if not (self.gone or self.new or self.stayed or self.untried_now or self.untried_before):
            lines.append("no finding was confirmed before or is now")
        return "\n".join(lines)


def _describe_turn(old: Finding, new: Finding) -> str:
    """Whether a shortcut has become evidence, or the other way round."""
    return "" if old.verdict == new.verdict else f"; {old.verdict} before, {new.verdict} now"


def _with_reasons(findings: Sequence[tuple[Finding, str]]) -> list[dict[str, str]]:
    return [{"statement": finding.statement, "reason": reason} for finding, reason in findings]
