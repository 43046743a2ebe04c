"""The sentences of an audit, shared by its summary, its page and the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascope.auditing.shortcuts.finding import VERDICTS, Finding
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, Trial

if TYPE_CHECKING:
    from kerascope.auditing.result.audit_result import Audit
    from kerascope.auditing.result.class_audit import ClassAudit

_NAMED = 5
"""Classes that a summary names, the most affected first."""
_LESS = 0.5
"""The share of the accuracy of chance, up to which the names of the classes are in doubt."""
_FEW = 16
"""With fewer labelled images nothing is concluded about names."""


def summarise(audit: Audit) -> list[str]:
    """The audit in plain words: first doubts, number of images, conclusions, duplicates, doubts."""
    known = _count_labelled(audit)
    whose = "them" if known == audit.images else f"the {known:,} whose label is a class"
    right = "" if audit.accuracy is None else f", {audit.accuracy:.1%} of {whose} right"
    classes = len(audit.classes)
    lines = [
        *audit.first_doubts,
        f"{audit.images:,} images in {classes} class{'' if classes == 1 else 'es'} were explained{right}.",
    ]
    if audit.failed:
        lines.append(f"{audit.failed:,} more could not be explained; the column error of the table says why.")
    copies = [] if audit.duplicates is None else audit.duplicates.statements()
    return [*lines, *conclude(audit), *copies, *audit.doubts]


def conclude(audit: Audit) -> list[str]:
    """Shortcuts, a sentence a class; then evidence, a line each; then the rest."""
    return [*_describe_shortcuts(audit), *_describe_evidence(audit), *describe_rest(audit)]


def describe_rest(audit: Audit) -> list[str]:
    """What is neither a shortcut nor evidence: that no shortcut was found, or what could not be tested."""
    return [
        *([] if audit.shortcuts else _describe_nothing(audit)),
        *_describe_untested(audit.untested),
        *_describe_plans(audit.untested),
        *_describe_small(audit),
    ]


def _describe_shortcuts(audit: Audit) -> list[str]:
    lines = []
    by_class: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in audit.shortcuts:
        by_class.setdefault((finding.name, finding.partner), []).append(finding)
    for first, *others in list(by_class.values())[:_NAMED]:
        assert first.best is not None
        also = f" Also on {' and '.join(finding.what for finding in others)}." if others else ""
        lines.append(f"{first.statement} {describe_trial(first.best)}{also}")
    if len(by_class) > _NAMED:
        more = len(by_class) - _NAMED
        lines.append(f"{more} more {'class relies' if more == 1 else 'classes rely'} on a shortcut.")
    return lines


def _describe_evidence(audit: Audit) -> list[str]:
    lines = [f"{finding.claim}, which may be the object: look." for finding in audit.evidence[:_NAMED]]
    if len(audit.evidence) > _NAMED:
        more = len(audit.evidence) - _NAMED
        lines.append(f"{more} more finding{'' if more == 1 else 's'} may be the object, too.")
    return lines


def find_obstacles(audit: Audit) -> list[str]:
    """Why nothing could be compared, or no comparison is meaningful; empty if one is."""
    if audit.confirmed:
        return []
    count = _count_not_confirmed(audit)
    if audit.responses is not None and audit.responses.constant:
        same = "the prediction is the same for nearly every image, whatever it shows"
        if count:
            return [f"Nothing was confirmed, and nothing follows: {_were_tested(count)}, but {same}."]
        return [f"Nothing could be compared: {same}."]
    why = "" if count else _find_obstacle(audit)
    return [f"Nothing could be compared: {why}."] if why else []


def _find_obstacle(audit: Audit) -> str:
    classes = [entry for entry in audit.classes if entry.count]
    if len(classes) == 1:
        how = "predicted as" if audit.target == "predicted" else "labelled"
        return (
            f"all {classes[0].count:,} images are {how} class {classes[0].name}, and a suspicion is tested "
            "by exchanging pixels with images of other classes"
        )
    if not any(_is_testable(audit, entry) for entry in classes):
        largest = max(classes, key=lambda entry: entry.count, default=None)
        most = (
            "" if largest is None else f", and class {largest.name} has {largest.count:,} of {audit.images:,}"
        )
        return f"a suspicion is tested on {FEWEST} images of a class and {FEWEST} of others{most}"
    return ""


def find_misnaming(audit: Audit) -> list[str]:
    """Whether the names of the classes may be in another order than the model's outputs."""
    accuracy, chance = audit.accuracy, 1 / max(len(audit.classes), 2)
    if accuracy is None or _count_labelled(audit) < _FEW or accuracy > _LESS * chance:
        return []
    if audit.responses is not None and audit.responses.constant:
        return []  # the more likely reason
    hint = "the names of the classes may be in another order than the model's outputs"
    return [f"{accuracy:.0%} right is less than chance: {hint}; give class_names (--classes)."]


def describe_trial(trial: Trial) -> str:
    """A trial in a sentence."""
    change = (
        f"Put into {trial.count} images of other classes, it turns {trial.changed:.0%} of them into the class"
        if trial.name == INSERT
        else f"Taken from {trial.count} images of the class, it turns {trial.changed:.0%} away from it"
    )
    return (
        f"{change}; {trial.against}: {trial.control:.0%} (difference {trial.effect:.0%}, {trial.low:.0%} to "
        f"{trial.high:.0%})."
    )


def count_verdicts(findings: Sequence[Finding]) -> str:
    """How many findings have which verdict: "shortcut 1, evidence 2, not confirmed 5"."""
    counts = Counter(finding.verdict for finding in findings)
    return (
        ", ".join(f"{verdict} {counts[verdict]}" for verdict in VERDICTS if counts[verdict]) or "no finding"
    )


def suspicions(count: int) -> str:
    """A number of suspicions in words."""
    return f"{count:,} suspicion{'' if count == 1 else 's'}"


def _were_tested(count: int) -> str:
    return f"{suspicions(count)} {'was' if count == 1 else 'were'} tested"


def _describe_nothing(audit: Audit) -> list[str]:
    """The conclusion where there is no shortcut."""
    if audit.obstacles:
        return audit.obstacles
    count = len(audit.findings) - len(audit.untested)
    if count:
        return [f"No shortcut was found; {_were_tested(count)}."]
    return [] if audit.findings else ["Nothing was suspected."]


def _describe_untested(findings: Sequence[Finding]) -> list[str]:
    """What could not be tested, and why."""
    if not findings:
        return []
    reasons = Counter(", ".join(finding.reasons) for finding in findings).most_common()
    why = reasons[0][0] if len(reasons) == 1 else "; ".join(f"{count}: {text}" for text, count in reasons)
    return [f"{suspicions(len(findings))} could not be tested ({why})."]


def _describe_plans(findings: Sequence[Finding]) -> list[str]:
    """What would settle the suspicions that could not be tested, each plan once."""
    plans = [finding.plan for finding in findings if finding.plan is not None]
    if not plans:
        return []
    different = list(dict.fromkeys(plans))
    more = f"; and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
    return [f"To settle {'it' if len(plans) == 1 else 'them'}: {'; '.join(different[:_NAMED])}{more}."]


def _describe_small(audit: Audit) -> list[str]:
    """Which classes were left out."""
    small = [entry.name for entry in audit.classes if entry.count and not _is_testable(audit, entry)]
    if not small or audit.obstacles:
        return []
    shown = ", ".join(small[:_NAMED]) + (", ..." if len(small) > _NAMED else "")
    few = f"{len(small):,} of {len(audit.classes):,} classes {'has' if len(small) == 1 else 'have'}"
    return [f"{few} too few images to be tested, fewer than {FEWEST}: {shown}."]


def _count_not_confirmed(audit: Audit) -> int:
    return sum(finding.verdict == "not confirmed" for finding in audit.findings)


def _count_labelled(audit: Audit) -> int:
    return sum(entry.labelled or 0 for entry in audit.classes)


def _is_testable(audit: Audit, entry: ClassAudit) -> bool:
    """Whether a class has enough images to be tested, and others have."""
    return entry.count >= FEWEST and audit.images - entry.count >= FEWEST
