"""The search for shortcuts: find suspects of every kind, test them in turn, and judge them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.finding import TOO_FEW, Finding, Suspect, rank_findings
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import box_of, enlarge
from kerascope.auditing.shortcuts.interventions.samples import Samples
from kerascope.auditing.shortcuts.kinds import KINDS
from kerascope.auditing.shortcuts.kinds.place import find_most_relevant
from kerascope.auditing.shortcuts.trial import INSERT, TrialData
from kerascope.typing import Array

MOST = 6
"""The most suspects of a class that are tested."""
_EXAMPLES = 6


def find_shortcuts(
    data: AuditData, interventions: Interventions, advance: Callable[[int], None] | None = None
) -> list[Finding]:
    """Find, test and rank the shortcuts of a model.

    Suspects are tested in the order of `KINDS`; confirmed regions are left out of those that are tested after
    them, so that a mark in a corner does not make the background guilty, too.

    Args:
        data: of the audit.
        interventions: that test them.
        advance: called with 1 when a kind is done.

    Cost:
        No forwards to find suspects; up to 4 forwards for each of up to 96 images for each that is tested.
    """
    suspects: list[Suspect] = []
    for module in KINDS.values():
        suspects += module.find(data, suspects)
    results: list[tuple[Finding, list[TrialData]]] = []
    counts: Counter[int] = Counter()
    for kind, module in KINDS.items():
        # The most suspicious first, since recipients of later ones must not rely on the same.
        for suspect in sorted(suspects, key=lambda suspect: -suspect.strength):
            if suspect.kind != kind or _is_known(suspect, interventions.samples):
                continue
            counts[suspect.label] += 1
            if counts[suspect.label] > MOST:
                results.append(
                    (_to_finding(suspect, data, f"only {MOST} suspects of a class are tested"), [])
                )
                continue
            outcomes = module.intervene(suspect, interventions)
            results.append((_to_finding(suspect, data, None if outcomes else TOO_FEW), outcomes))
            # Judged as one of all suspects: it is better to leave out too little.
            if any(outcome.to_trial(len(suspects)).confirms for outcome in outcomes):
                _note_confirmed(suspect, interventions.samples)
        if advance is not None:
            advance(1)
    count = sum(outcome.name == INSERT for _, outcomes in results for outcome in outcomes)
    return rank_findings([finding.judge(outcomes, count) for finding, outcomes in results])


def _note_confirmed(suspect: Suspect, samples: Samples) -> None:
    """Leave a confirmed suspect out of later tests."""
    module = KINDS[suspect.kind]
    if hasattr(module, "known_region"):
        region = module.known_region(suspect, samples.data)
        samples.confirmed.setdefault(suspect.label, []).append(region)
    else:
        samples.unsteady.add(suspect.label)


def _is_known(suspect: Suspect, samples: Samples) -> bool:
    """Whether a suspect lies where another one was confirmed, and has no pixels of its own."""
    if suspect.region is None or suspect.masks is not None:
        return False
    region = enlarge(suspect.region, samples.data.explainer.size)
    known = np.zeros(region.shape, bool)
    for locate in samples.confirmed.get(suspect.label, ()):
        known |= locate(np.asarray([-1]))[0]  # no image: where it always lies
    return bool((region & known).sum() > 0.7 * region.sum())


def _to_finding(suspect: Suspect, data: AuditData, reason: str | None) -> Finding:
    share = 1.0
    if suspect.kind == "patch":
        share = next(iter(suspect.evidence.values())).value
    elif suspect.rows is not None:
        share = len(suspect.rows) / max(len(data.members(suspect.label)), 1)
    index = data.columns["index"]
    boxes = {}
    if suspect.masks is not None and suspect.rows is not None:
        boxes = {
            row: box_of(mask) for row, mask in zip(index[suspect.rows].tolist(), suspect.masks, strict=True)
        }
    return Finding(
        suspect.kind,
        suspect.label,
        data.name(suspect.label),
        suspect.what,
        "untested",
        (),
        suspect.evidence,
        share,
        suspect.region,
        suspect.patch,
        None if suspect.partner is None else data.name(suspect.partner),
        tuple(index[_examples(suspect, data)].tolist()),
        boxes,
        () if reason is None else (reason,),
    )


def _examples(suspect: Suspect, data: AuditData) -> Array:
    """Rows of images that show a suspect: that have the patch, or the most relevance in the region."""
    if suspect.rows is not None:
        return suspect.rows[:_EXAMPLES]
    own = data.thumbnails.take(data.targets[data.thumbnails.rows] == suspect.label)
    if suspect.region is None:
        return own.rows[:_EXAMPLES]
    return own.rows[find_most_relevant(own, suspect.region)][:_EXAMPLES]
