"""The search for shortcuts: find suspects of every kind, test them in turn, and judge them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.exchange import Exchange
from kerascope.auditing.shortcuts.finding import TOO_FEW, Finding, Suspect, rank_findings
from kerascope.auditing.shortcuts.interventions.budget import UNLIMITED, Budget
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import box_of, enlarge
from kerascope.auditing.shortcuts.interventions.samples import Samples
from kerascope.auditing.shortcuts.joint import Tested, join_absences, join_causes
from kerascope.auditing.shortcuts.kinds import KINDS
from kerascope.auditing.shortcuts.kinds.place import find_most_relevant
from kerascope.auditing.shortcuts.plan import LARGER_BUDGET, find_plan
from kerascope.auditing.shortcuts.presence import find_presence
from kerascope.auditing.shortcuts.trial import INSERT
from kerascope.auditing.shortcuts.verdict import weigh
from kerascope.typing import Array

MOST = 8
"""The most suspects of a class that are tested without a budget."""
_TOO_MANY = f"only {MOST} suspects of a class are tested"
_EXAMPLES = 6
_PICTURE = 160
"""Pixels along the longer side of the pictures of an exchange."""


def find_shortcuts(
    data: AuditData,
    interventions: Interventions,
    advance: Callable[[int], None] | None = None,
    budget: Budget = UNLIMITED,
) -> list[Finding]:
    """Find, test and rank the shortcuts of a model.

    Suspects are tested in the order of `KINDS`; confirmed regions are left out of those that are tested after
    them, so that a mark in a corner does not make the background guilty, too. The confirmed ones of a class
    are then tried jointly, and those that are the absence of another class's cause are joined to it.

    Args:
        data: of the audit.
        interventions: that test them.
        advance: called with 1 when a kind is done.
        budget: of the trials.

    Cost:
        No forwards to find suspects; up to 4 forwards for each of up to 96 images for each that is tested,
        and as much again, twice, for each two of a class that are confirmed. Not more than the budget, except
        for what the map of a companion takes beyond one forward for each image.
    """
    tested = _test_suspects(data, interventions, budget, advance)
    trials = sum(outcome.name == INSERT for found in tested for outcome in found.outcomes)
    confirmed = [found for found in tested if found.confirms(trials)]
    by_class: dict[int, list[Tested]] = {}
    for found in confirmed:
        by_class.setdefault(found.suspect.label, []).append(found)
    causes: list[Tested] = []
    for own in by_class.values():
        suspects = [found.suspect for found in own]
        if budget.allows_joint_trials(suspects, len(confirmed), interventions.samples):
            causes += join_causes(own, interventions)
        else:
            reason = f"whether each acts without the others of its class was not tried, since {budget.reason}"
            causes += [replace(found, reason=reason) for found in own]
    causes = join_absences(causes, interventions)
    rest = [found for found in tested if found not in confirmed]
    findings = [
        _add_plan(found, _to_finding(found, interventions, trials), interventions, budget, trials)
        for found in (*causes, *rest)
    ]
    return rank_findings(findings)


def _test_suspects(
    data: AuditData, interventions: Interventions, budget: Budget, advance: Callable[[int], None] | None
) -> list[Tested]:
    """Suspects of all kinds with the outcomes of their trials.

    What the first round leaves of a budget, since it took less than it might have, goes to another one.
    """
    suspects: list[Suspect] = []
    for module in dict.fromkeys(KINDS.values()):
        suspects += module.find(data, suspects)
    # The most suspicious first, since recipients of later ones must not rely on the same.
    suspects.sort(key=lambda suspect: -suspect.strength)
    tested: list[Tested] = []
    most = MOST if budget.most is None else len(suspects)
    chosen, rest = budget.choose(suspects, interventions.samples)
    tested += _test_in_turn(chosen, most, len(suspects), interventions, advance)
    while chosen and rest:
        chosen, rest = budget.choose(rest, interventions.samples)
        tested += _test_in_turn(chosen, most, len(suspects), interventions, None)
    beyond = [
        suspect for suspect in rest if suspect.evidence and not _is_known(suspect, interventions.samples)
    ]
    return [*tested, *(Tested(suspect, (), budget.reason) for suspect in beyond)]


def _test_in_turn(
    suspects: Sequence[Suspect],
    most: int,
    trials: int,
    interventions: Interventions,
    advance: Callable[[int], None] | None,
) -> list[Tested]:
    """Test some suspects, the most of a class, in the order of `KINDS`.

    Each is judged as one of all suspects of the audit: it is better to leave out too little.
    """
    tested: list[Tested] = []
    counts: Counter[int] = Counter()
    for module in dict.fromkeys(KINDS.values()):
        for suspect in suspects:
            if KINDS[suspect.kind] is not module or _is_known(suspect, interventions.samples):
                continue
            counts[suspect.label] += 1
            if counts[suspect.label] > most:
                tested += [Tested(suspect, (), _TOO_MANY)] if suspect.evidence else []
                continue
            if hasattr(module, "examine") and (suspect := module.examine(suspect, interventions)) is None:
                continue
            outcomes = module.intervene(suspect, interventions)
            found = Tested(suspect, outcomes, None if outcomes else TOO_FEW)
            if found.confirms(trials):
                _note_confirmed(suspect, interventions.samples)
            tested.append(found)
        if advance is not None:
            advance(1)
    return tested


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


def _to_finding(tested: Tested, interventions: Interventions, trials: int) -> Finding:
    """The finding that a tested suspect becomes."""
    suspect, data = tested.suspect, interventions.data
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
    finding = Finding(
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
        tuple(index[_find_examples(suspect, data)].tolist()),
        boxes,
        () if tested.reason is None else (tested.reason,),
    )
    if not tested.confirms(trials):
        return finding.judge(tested.outcomes, trials)
    # What is the same cause may be read in several ways: the one that tells the class best counts, but for
    # pixels of a place, which show the object, too.
    readable = [same for same in tested.same if "columns" in same.details or "presence" in same.details]
    found = [find_presence(same, data) for same in (suspect, *readable)]
    presence = max(filter(None, found), key=lambda presence: presence.tells.low, default=None)
    results = [outcome.to_trial(trials) for outcome in tested.outcomes]
    objections, support = weigh(suspect, results, presence, data)
    finding = replace(
        finding,
        reasons=tuple(support),
        same=tuple(dict.fromkeys(same.what for same in tested.same)),
        absence=tuple(map(data.name, tested.absence)),
        exchanges=_show_exchanges(tested, interventions),
    )
    if presence is not None:
        finding = replace(
            finding,
            examples=tuple(index[presence.most(True, _EXAMPLES)].tolist()) or finding.examples,
            contrasts=tuple(index[presence.most(False, _EXAMPLES)].tolist()),
        )
    return finding.judge(tested.outcomes, trials, objections)


def _add_plan(
    tested: Tested, finding: Finding, interventions: Interventions, budget: Budget, trials: int
) -> Finding:
    """The finding with what would settle it, and with what was not tried of a confirmed one."""
    if finding.confirmed:
        unjoined = () if tested.reason is None else (tested.reason,)
        return replace(finding, reasons=(*finding.reasons, *unjoined))
    if tested.reason in (_TOO_MANY, budget.reason):
        return replace(finding, plan=LARGER_BUDGET)
    return replace(finding, plan=find_plan(tested, finding, interventions, trials))


def _find_examples(suspect: Suspect, data: AuditData) -> Array:
    """Rows of images that show a suspect: that have the patch, or the most relevance in the region."""
    if suspect.rows is not None:
        return suspect.rows[:_EXAMPLES]
    own = data.thumbnails.take(data.targets[data.thumbnails.rows] == suspect.label)
    if suspect.region is None:
        return own.rows[:_EXAMPLES]
    return own.rows[find_most_relevant(own, suspect.region)][:_EXAMPLES]


def _show_exchanges(tested: Tested, interventions: Interventions) -> tuple[Exchange, ...]:
    """The images that show an insertion best, before, after, and under the control."""
    from PIL import Image

    insertion, data = tested.insertion, interventions.data
    if insertion is None or insertion.shown is None:
        return ()
    shown, preprocessing = insertion.shown, data.job.options.preprocessing
    (before,) = interventions.predictor.predict((shown.images[0],), tested.suspect.label)

    def draw(image: Array) -> Array:
        picture = Image.fromarray(preprocessing.pixels(image))
        picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        return np.asarray(picture)

    exchanges = []
    for number, row in enumerate(shown.rows.tolist()):
        own = [before.probabilities[number], *shown.probabilities[1:, number]]
        first, second, third = map(draw, shown.images[:, number])
        names = [data.name(label) for label in shown.predictions[:, number].tolist()]
        exchanges.append(
            Exchange(
                int(data.columns["index"][row]),
                first,
                second,
                third,
                (float(own[0]), float(own[1]), float(own[2])),
                (names[0], names[1], names[2]),
            )
        )
    return tuple(exchanges)
