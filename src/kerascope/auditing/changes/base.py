"""Two audits compared: what came, what went, and what stayed between two models or two dates."""

from __future__ import annotations

import os

import numpy as np

from kerascope import errors
from kerascope.auditing.changes.audit_changes import AuditChanges, ClassChange
from kerascope.auditing.changes.label_changes import LabelChanges
from kerascope.auditing.describe import CELLS
from kerascope.auditing.report.label_audits import LabelAudits
from kerascope.auditing.report.load import open_audit
from kerascope.auditing.report.result import Audit
from kerascope.auditing.shortcuts.finding import FEWEST, TOO_FEW, Finding

_SAME_PLACE = 0.3
"""Intersection over union from which on two findings of different kinds are at the same place."""


def compare_audits(
    before: Audit | LabelAudits | str | os.PathLike[str], after: Audit | LabelAudits | str | os.PathLike[str]
) -> AuditChanges | LabelChanges:
    """What changed between two audits: of two models on the same images, or of two dates.

    Findings are the same where their class has the same name, and they are of the same kind or at the same
    place. Images are the same where their files are.

    Args:
        before: an audit, or its folder.
        after: another one.

    Returns:
        The changes; between audits by several labels those of each label that is in both.

    Raises:
        DatasetError: there is no audit in a folder.
        EvaluationError: one is by several labels, and the other is not.

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
    one, two = (
        audit if isinstance(audit, Audit | LabelAudits) else open_audit(audit) for audit in (before, after)
    )
    if isinstance(one, Audit) and isinstance(two, Audit):
        return _changes(one, two)
    if isinstance(one, LabelAudits) and isinstance(two, LabelAudits):
        both = {label: _changes(one[label], two[label]) for label in one if label in two}
        return LabelChanges(both, tuple(one.keys() - two.keys()), tuple(two.keys() - one.keys()))
    raise errors.EvaluationError(
        "two audits must both be by several labels, or both not; take the audit of one label, audits[label]."
    )


def _changes(one: Audit, two: Audit) -> AuditChanges:
    """What changed between two audits of one question."""
    left = list(two.confirmed)
    gone, stayed, untried = [], [], []
    for old in one.confirmed:
        match = next((new for new in left if _same(old, new)), None)
        if match is not None:
            left.remove(match)
            stayed.append((old, match))
        elif (reason := _untried(old, two)) is None:
            gone.append(old)
        else:
            untried.append((old, reason))
    before = [(new, reason) for new in left if (reason := _untried(new, one)) is not None]
    known = [new for new in left if _untried(new, one) is None]
    shared, changed = _predictions(one, two)
    return AuditChanges(
        f"{one.title}, {one.created}",
        f"{two.title}, {two.created}",
        (one.accuracy, two.accuracy),
        tuple(gone),
        tuple(known),
        tuple(stayed),
        _classes(one, two),
        shared,
        changed,
        tuple(untried),
        tuple(before),
    )


def _untried(finding: Finding, audit: Audit) -> str | None:
    """Why another audit could not try what one has confirmed; None where it could, or did not suspect it."""
    for one in audit.findings:
        if one.status == "untested" and _same(finding, one):
            return one.reason
    if audit.obstacles:
        return "nothing could be compared"
    count = sum(one.count for one in audit.classes if one.name == finding.name)
    return TOO_FEW if min(count, audit.images - count) < FEWEST else None


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
