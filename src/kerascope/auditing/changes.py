"""Two audits compared: what came, what went, and what stayed between two models or two dates."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope.auditing.describing import CELLS
from kerascope.auditing.finding import Finding
from kerascope.auditing.outcome import Audit
from kerascope.auditing.reading import open_audit

Array = np.ndarray[Any, Any]

_SAME_PLACE = 0.3
"""Intersection over union from which on two findings of different kinds are at the same place."""


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
        gone: findings that were confirmed and are no more, whatever became of them.
        new: findings that are confirmed and were not.
        stayed: findings that were and are confirmed, as pairs.
        classes: of both.
        shared: images that are in both, by the digests of their files.
        predictions: the share of these that is predicted as another class now; NaN where none is shared.
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
        if not (self.gone or self.new or self.stayed):
            lines.append("no finding was confirmed before or is now")
        return "\n".join(lines)


def compare_audits(
    before: Audit | str | os.PathLike[str], after: Audit | str | os.PathLike[str]
) -> AuditChanges:
    """What changed between two audits: of two models on the same images, or of two dates.

    Findings are the same where their class has the same name, and they are of the same kind or at the same
    place. Images are the same where their files are.

    Args:
        before: an audit, or its folder.
        after: another one.

    Raises:
        DatasetError: there is no audit in a folder.

    Cost:
        None: no model is asked.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((40, 16, 16, 1))
        >>> found = ks.audit(model, images, sanity=False)
        >>> ks.compare_audits(found, found).predictions
        0.0
    """
    one, two = (audit if isinstance(audit, Audit) else open_audit(audit) for audit in (before, after))
    left = list(two.confirmed)
    gone, stayed = [], []
    for old in one.confirmed:
        match = next((new for new in left if _same(old, new)), None)
        if match is None:
            gone.append(old)
        else:
            left.remove(match)
            stayed.append((old, match))
    shared, changed = _predictions(one, two)
    return AuditChanges(
        f"{one.model}, {one.created}",
        f"{two.model}, {two.created}",
        (one.accuracy, two.accuracy),
        tuple(gone),
        tuple(left),
        tuple(stayed),
        _classes(one, two),
        shared,
        changed,
    )


def _same(one: Finding, two: Finding) -> bool:
    if (one.name, one.partner) != (two.name, two.partner):
        return False
    if one.kind == two.kind:
        return True
    if one.region is None or two.region is None or one.region.shape != two.region.shape:
        return False
    return bool((one.region & two.region).sum() > _SAME_PLACE * (one.region | two.region).sum())


def _classes(one: Audit, two: Audit) -> tuple[ClassChange, ...]:
    others = {found.name: found for found in two.classes}
    changes = []
    for old in one.classes:
        new = others.get(old.name)
        if new is None:
            continue
        means = []
        for found in (old, new):
            mean = sum((group.position * group.share for group in found.strategies), np.zeros((CELLS, CELLS)))
            means.append(mean / mean.sum() if mean.sum() > 0 else mean)
        confirmed = [sum(finding.name == old.name for finding in audit.confirmed) for audit in (one, two)]
        changes.append(
            ClassChange(
                old.name,
                (old.recall, new.recall),
                (confirmed[0], confirmed[1]),
                (len(old.strategies), len(new.strategies)),
                float(1 - np.minimum(*means).sum()) if all(mean.any() for mean in means) else 0.0,
            )
        )
    return tuple(changes)


def _predictions(one: Audit, two: Audit) -> tuple[int, float]:
    """How many images are in both, and the share that is predicted as a class of another name."""
    found = []
    for audit in (one, two):
        names = {item.label: item.name for item in audit.classes}
        rows = audit.results.rows(["digest", "prediction", "status"])
        found.append(
            {
                row["digest"]: names.get(row["prediction"], str(row["prediction"]))
                for row in rows
                if row["status"] == "explained"
            }
        )
    both = found[0].keys() & found[1].keys()
    if not both:
        return 0, float("nan")
    return len(both), sum(found[0][digest] != found[1][digest] for digest in both) / len(both)
