"""Comparison of two audits, of two models or of two dates."""

from __future__ import annotations

import os

import numpy as np

from kerascope import errors
from kerascope.auditing.changes.audit_changes import AuditChanges, ClassChange
from kerascope.auditing.changes.label_changes import LabelChanges
from kerascope.auditing.description.relevance import CELLS
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.result.class_audit import ClassAudit
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.result.open_audit import open_audit
from kerascope.auditing.shortcuts.finding import TOO_FEW, Finding
from kerascope.auditing.shortcuts.trial import FEWEST
from kerascope.typing import Array

_SAME_PLACE = 0.3
"""Intersection over union from which on two findings of different kinds are at the same place."""


def compare_audits(
    before: Audit | LabelAudits | str | os.PathLike[str], after: Audit | LabelAudits | str | os.PathLike[str]
) -> AuditChanges | LabelChanges:
    """Compare two audits: of two models on the same images, or of two dates.

    Findings are the same if their class has the same name, and they are of the same kind or at the same
    place. Images are the same if their files are.

    Args:
        before: an audit, or its folder.
        after: another one.

    Returns:
        The changes; for audits by several labels those of each label that is in both.

    Raises:
        DatasetError: there is no audit in a folder.
        EvaluationError: one is by several labels, and the other is not.

    Cost:
        None: no model is run.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((40, 16, 16, 1))
        >>> found = ks.audit(model, images, sanity=False)
        >>> ks.compare_audits(found, found).predictions
        0.0
    """
    old, new = (
        audit if isinstance(audit, Audit | LabelAudits) else open_audit(audit) for audit in (before, after)
    )
    if isinstance(old, Audit) and isinstance(new, Audit):
        return _compare(old, new)
    if isinstance(old, LabelAudits) and isinstance(new, LabelAudits):
        both = {label: _compare(old[label], new[label]) for label in old if label in new}
        return LabelChanges(both, tuple(old.keys() - new.keys()), tuple(new.keys() - old.keys()))
    raise errors.EvaluationError(
        "two audits must both be by several labels, or both not; take the audit of one label, audits[label]."
    )


def _compare(before: Audit, after: Audit) -> AuditChanges:
    """Compare two audits of one question."""
    new = list(after.confirmed)
    gone, stayed, untested_now = [], [], []
    for finding in before.confirmed:
        match = next((other for other in new if _is_same(finding, other)), None)
        if match is not None:
            new.remove(match)
            stayed.append((finding, match))
        elif (reason := _reason_untested(finding, after)) is None:
            gone.append(finding)
        else:
            untested_now.append((finding, reason))
    reasons = [(finding, _reason_untested(finding, before)) for finding in new]
    shared, changed = _compare_predictions(before, after)
    return AuditChanges(
        f"{before.title}, {before.created}",
        f"{after.title}, {after.created}",
        (before.accuracy, after.accuracy),
        tuple(gone),
        tuple(finding for finding, reason in reasons if reason is None),
        tuple(stayed),
        _compare_classes(before, after),
        shared,
        changed,
        tuple(untested_now),
        tuple((finding, reason) for finding, reason in reasons if reason is not None),
    )


def _reason_untested(finding: Finding, audit: Audit) -> str | None:
    """Why another audit could not test a confirmed finding; None if it could, or did not suspect it."""
    for other in audit.findings:
        if other.verdict == "untested" and _is_same(finding, other):
            return ", ".join(other.reasons)
    if audit.obstacles:
        return "nothing could be compared"
    count = sum(entry.count for entry in audit.classes if entry.name == finding.name)
    return TOO_FEW if min(count, audit.images - count) < FEWEST else None


def _is_same(first: Finding, second: Finding) -> bool:
    if (first.name, first.partner) != (second.name, second.partner):
        return False
    if first.kind == second.kind:
        return True
    if first.region is None or second.region is None or first.region.shape != second.region.shape:
        return False
    return bool((first.region & second.region).sum() > _SAME_PLACE * (first.region | second.region).sum())


def _compare_classes(before: Audit, after: Audit) -> tuple[ClassChange, ...]:
    by_name = {entry.name: entry for entry in after.classes}
    changes = []
    for old in before.classes:
        new = by_name.get(old.name)
        if new is None:
            continue
        means = [_mean_position(entry) for entry in (old, new)]
        confirmed = [
            sum(finding.name == old.name for finding in audit.confirmed) for audit in (before, after)
        ]
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


def _mean_position(entry: ClassAudit) -> Array:
    """The mean share of relevance in each cell, over all images of a class."""
    weights = (strategy.position * strategy.share for strategy in entry.strategies)
    mean = sum(weights, np.zeros((CELLS, CELLS)))
    return np.asarray(mean / mean.sum() if mean.sum() > 0 else mean)


def _compare_predictions(before: Audit, after: Audit) -> tuple[int, float]:
    """The number of images in both, and the share that is predicted as a class of another name."""
    old, new = _predictions(before), _predictions(after)
    both = old.keys() & new.keys()
    if not both:
        return 0, float("nan")
    return len(both), sum(old[digest] != new[digest] for digest in both) / len(both)


def _predictions(audit: Audit) -> dict[str, str]:
    """The name of the predicted class by the digest of an image."""
    names = {entry.label: entry.name for entry in audit.classes}
    rows = audit.results.rows(["digest", "prediction", "status"])
    return {
        row["digest"]: names.get(row["prediction"], str(row["prediction"]))
        for row in rows
        if row["status"] == "explained"
    }
