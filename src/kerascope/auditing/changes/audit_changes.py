"""What changed between two audits, in words and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope.auditing.shortcuts.finding import Finding


@dataclass(frozen=True)
class ClassChange:
    """What changed about one class.

    Args:
        name: of the class.
        recall: before and after; None where it is not known.
        confirmed: how many findings were confirmed, before and after.
        strategies: how many there were.
        moved: the share of relevance that is in other cells than before, on the mean over its images, 0 to 1.
    """

    name: str
    recall: tuple[float | None, float | None]
    confirmed: tuple[int, int]
    strategies: tuple[int, int]
    moved: float


@dataclass(frozen=True, eq=False)
class AuditChanges:
    """What changed between two audits.

    Args:
        before, after: names of the models, and when they were audited.
        accuracy: before and after; None where it is not known.
        gone: findings that were confirmed and are no more, though they could be tried.
        new: findings that are confirmed and were not, though they could be tried.
        stayed: findings that were and are confirmed, as pairs.
        classes: of both.
        shared: images that are in both, by the digests of their files.
        predictions: the share of these that is predicted as another class now; NaN where none is shared.
        untried_now: findings that were confirmed and cannot be tried now, each with the reason.
        untried_before: findings that are confirmed and could not be tried before, each with the reason.
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
        """As JSON takes it; findings as sentences."""
        return {
            "before": self.before,
            "after": self.after,
            "accuracy": list(self.accuracy),
            "gone": [one.statement for one in self.gone],
            "new": [one.statement for one in self.new],
            "stayed": [
                {"statement": new.statement, "effect": [round(old.effect, 4), round(new.effect, 4)]}
                for old, new in self.stayed
            ],
            "untried_now": [{"statement": one.statement, "reason": why} for one, why in self.untried_now],
            "untried_before": [
                {"statement": one.statement, "reason": why} for one, why in self.untried_before
            ],
            "classes": [
                {
                    "name": one.name,
                    "recall": list(one.recall),
                    "confirmed": list(one.confirmed),
                    "strategies": list(one.strategies),
                    "moved": round(one.moved, 4),
                }
                for one in self.classes
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
                f"of {self.shared:,} images that are in both, {self.predictions:.1%} are predicted otherwise"
            )
        lines += [f"gone:   {one.statement} (effect was {one.effect:.0%})" for one in self.gone]
        lines += [f"new:    {one.statement} (effect {one.effect:.0%})" for one in self.new]
        lines += [
            f"stayed: {new.statement} (effect {old.effect:.0%} before, {new.effect:.0%} now)"
            for old, new in self.stayed
        ]
        lines += [f"open:   {one.statement} (not tried now: {why})" for one, why in self.untried_now]
        lines += [f"open:   {one.statement} (not tried before: {why})" for one, why in self.untried_before]
        if not (self.gone or self.new or self.stayed or self.untried_now or self.untried_before):
            lines.append("no finding was confirmed before or is now")
        return "\n".join(lines)
