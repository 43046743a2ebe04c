"""What an audit says of itself, in words that its summary, its page and the command line share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascope.auditing.shortcuts.finding import BRING, FEWEST, Finding, Trial

if TYPE_CHECKING:
    from kerascope.auditing.report.result import Audit, ClassAudit

_SUMMED = 5
"""Classes that a summary speaks of, the most affected first."""
_LESS = 0.5
"""The share of what chance would get right, up to which the names of the classes are in doubt."""
_FEW = 16
"""Images with a label, of fewer of which that says nothing."""


def summary(audit: Audit) -> list[str]:
    """The audit in plain words: what must be known first, how much was looked at, what was found, doubts."""
    known = sum(one.labelled or 0 for one in audit.classes)
    whose = "them" if known == audit.images else f"the {known:,} whose label is a class"
    right = "" if audit.accuracy is None else f", {audit.accuracy:.1%} of {whose} right"
    classes = len(audit.classes)
    looked = (
        f"{audit.images:,} images in {classes} class{'' if classes == 1 else 'es'} were explained{right}."
    )
    again = [] if audit.duplicates is None else audit.duplicates.told()
    failed = (
        [f"{audit.failed:,} more could not be explained; the column error of the table says why."]
        if audit.failed
        else []
    )
    return [*audit.first_doubts, looked, *failed, *found(audit), *again, *audit.doubts]


def found(audit: Audit) -> list[str]:
    """What was confirmed, a sentence a class; what could not be tried; or that nothing was suspected."""
    lines = []
    by_class: dict[tuple[str, str | None], list[Finding]] = {}
    for one in audit.confirmed:
        by_class.setdefault((one.name, one.partner), []).append(one)
    for first, *others in list(by_class.values())[:_SUMMED]:
        assert first.best is not None
        also = f" Also on {' and '.join(one.what for one in others)}." if others else ""
        lines.append(f"{first.statement} {told(first.best)}{also}")
    if len(by_class) > _SUMMED:
        lines.append(f"And {len(by_class) - _SUMMED} classes more rest on something.")
    return [*(lines or _nothing(audit)), *_untested(audit.untested), *_small(audit)]


def obstacles(audit: Audit) -> list[str]:
    """Why nothing at all could be compared, or no comparison tells anything; none where one does."""
    if audit.confirmed:
        return []
    if audit.responses is not None and audit.responses.constant:
        same = "what is said of nearly every image is the same, whatever it shows"
        tried = _tried(audit)
        if tried:
            were = "was" if tried == 1 else "were"
            return [
                f"Nothing was confirmed, and nothing follows: {suspicions(tried)} {were} tried, but {same}."
            ]
        return [f"Nothing could be compared: {same}."]
    why = "" if _tried(audit) else _obstacle(audit)
    return [f"Nothing could be compared: {why}."] if why else []


def _tried(audit: Audit) -> int:
    """How many suspicions were tried and not confirmed."""
    return sum(one.status == "not confirmed" for one in audit.findings)


def _obstacle(audit: Audit) -> str:
    seen = [one for one in audit.classes if one.count]
    if len(seen) == 1:
        how = "predicted as" if audit.target == "predicted" else "labelled"
        return (
            f"all {seen[0].count:,} images are {how} class {seen[0].name}, and a suspicion is tried by "
            "exchanging pixels with images of other classes"
        )
    if not any(_compared(audit, one) for one in seen):
        largest = max(seen, key=lambda one: one.count, default=None)
        most = (
            "" if largest is None else f", and class {largest.name} has {largest.count:,} of {audit.images:,}"
        )
        return f"a suspicion is tried on {FEWEST} images of a class and {FEWEST} of others{most}"
    return ""


def misnamed(audit: Audit) -> list[str]:
    """That the names of the classes may be in another order than the model's outputs."""
    accuracy, chance = audit.accuracy, 1 / max(len(audit.classes), 2)
    known = sum(one.labelled or 0 for one in audit.classes)
    if accuracy is None or known < _FEW or accuracy > _LESS * chance:
        return []
    if audit.responses is not None and audit.responses.constant:
        return []  # which says more
    hint = "the names of the classes may be in another order than the model's outputs"
    return [f"{accuracy:.0%} right is less than chance: {hint}; give class_names (--classes)."]


def told(trial: Trial) -> str:
    """A trial in a sentence."""
    done = (
        f"Put into {trial.count} images of other classes, it turns {trial.changed:.0%} of them into the class"
        if trial.name == BRING
        else f"Taken from {trial.count} images of the class, it turns {trial.changed:.0%} away from it"
    )
    return (
        f"{done}; {trial.against}: {trial.control:.0%} (difference {trial.effect:.0%}, {trial.low:.0%} to "
        f"{trial.high:.0%})."
    )


def _nothing(audit: Audit) -> list[str]:
    """What is said where nothing was confirmed."""
    if audit.obstacles:
        return audit.obstacles
    tried = _tried(audit)
    if tried:
        return [f"No shortcut was confirmed; {suspicions(tried)} {'was' if tried == 1 else 'were'} tried."]
    return [] if audit.findings else ["Nothing was suspected."]


def _untested(findings: Sequence[Finding]) -> list[str]:
    """What could not be tried, and why."""
    if not findings:
        return []
    reasons = Counter(one.reason or "" for one in findings).most_common()
    why = reasons[0][0] if len(reasons) == 1 else "; ".join(f"{count}: {text}" for text, count in reasons)
    return [f"{suspicions(len(findings))} could not be tried ({why})."]


def suspicions(count: int) -> str:
    """So many of them, in words."""
    return f"{count:,} suspicion{'' if count == 1 else 's'}"


def _compared(audit: Audit, one: ClassAudit) -> bool:
    """Whether a class has images enough to be tried, and others have."""
    return one.count >= FEWEST and audit.images - one.count >= FEWEST


def _small(audit: Audit) -> list[str]:
    """That some classes were left out."""
    small = [one.name for one in audit.classes if one.count and not _compared(audit, one)]
    if not small or audit.obstacles:
        return []
    shown = ", ".join(small[:_SUMMED]) + (", ..." if len(small) > _SUMMED else "")
    few = f"{len(small):,} of {len(audit.classes):,} classes {'has' if len(small) == 1 else 'have'}"
    return [f"{few} too few images to be tried, fewer than {FEWEST}: {shown}."]
