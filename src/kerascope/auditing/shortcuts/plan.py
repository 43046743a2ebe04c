"""Plans: how many more images would settle a suspicion that is still open."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np

from kerascope.auditing.shortcuts.estimate import LEVEL, half_width
from kerascope.auditing.shortcuts.finding import Finding, Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.samples import Samples
from kerascope.auditing.shortcuts.joint import Tested
from kerascope.auditing.shortcuts.kinds import outside
from kerascope.auditing.shortcuts.trial import FEWEST, LEAST_EFFECT_OF_QUALITY, TrialData

EXPECTED = 0.5
"""The effect that is expected where none above the least was measured."""
PRACTICAL = 2000
"""The most images of a trial, and the most further images, that are proposed."""
LARGER_BUDGET = "a larger budget (--budget) would do"


@dataclass(frozen=True)
class Supply:
    """Images of one side of a trial.

    Args:
        words: which images, to follow "12 more images".
        available: how many the data set has.
        usable: the share of those on offer that a trial can use.
        most: of them that an audit takes.
    """

    words: str
    available: int
    usable: float = 1.0
    most: float = math.inf

    def lacking(self, count: int) -> int:
        """How many more must be on offer for a trial to use some number of them."""
        return max(0, self.offer(count) - self.available)

    def offer(self, count: int) -> int:
        """How many must be on offer for a trial to use some number of them."""
        return math.ceil(count / self.usable - 1e-9)


def images_needed(effect: float, variance: float, least: float, trials: int) -> int | None:
    r"""The fewest images at which the interval of an effect lies above the least effect.

    $$\min \Big\{ n \ge 8 : t_{1 - \alpha / 2 m,\, n - 1} \sqrt{\max(v, 1/n) / n} < e - l \Big\}$$

    with effect e, variance v of the differences image by image, least effect l, and m trials of the audit,
    for which the level of .05 is corrected: the interval of `TrialData.to_trial`, solved for n.

    Returns:
        The number of images; None if the effect is not above the least, or more than 2,000 are needed.

    Source:
        Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 2, for sample sizes from
        an expected effect. Deviations: Student's interval as the audit draws it, without a reserve for
        chance: of effects that are as large as expected, about half are confirmed at this number.
    """

    def is_enough(count: int) -> bool:
        deviation = float(np.sqrt(max(variance, 1 / count)))
        return half_width(deviation, count, LEVEL / max(trials, 1)) < effect - least

    counts = range(FEWEST, PRACTICAL + 1)
    position = bisect_left(counts, True, key=is_enough)
    return None if position == len(counts) else counts[position]


def find_plan(tested: Tested, finding: Finding, interventions: Interventions, trials: int) -> str | None:
    """What would settle a suspicion that was not tested for too few images, or not confirmed and is open.

    A trial needs eight images of the class, and so many of others as `images_needed` says. The effect that is
    expected is the measured one, with its variance, where that is above the least. Else it is .5, with a
    control that turns none (variance .25) and, before a first trial, the strictest least effect, .2; the plan
    then says "if it turns half of them". What was not confirmed is open while the upper end of its interval
    is above the least effect, and the trial was too small to confirm the effect that is expected.

    Args:
        tested: the suspect and its outcomes.
        finding: that it became.
        interventions: of the audit.
        trials: number of trials, for which its intervals are corrected.

    Returns:
        A clause without a full stop. None if it is settled; if more than 2,000 images would be needed, or
        more than a trial can hold; and if it is not known what is missing, as where no map shows a companion.

    Limits:
        More images are taken to be like those at hand: as many of them usable, and told with the same
        certainty. They are counted where the prediction is the class that is explained, without copies. More
        suspects, which more images may raise, need more images each.

    Cost:
        No forwards.
    """
    insertion, was_tested = tested.insertion, finding.verdict == "not confirmed"
    if finding.confirmed:
        return None
    effect, variance = EXPECTED, EXPECTED * (1 - EXPECTED)
    least = LEAST_EFFECT_OF_QUALITY if insertion is None else insertion.least
    measured = False
    if insertion is not None and was_tested:
        if insertion.to_trial(trials).high <= least:
            return None
        measured = insertion.effect > least
        if measured:
            effect = insertion.effect
            variance = float((insertion.hits.astype(float) - insertion.controls).var(ddof=1))
    needed = images_needed(effect, variance, least, trials if was_tested else trials + 1)
    if needed is None:
        return None
    own, others = _find_supplies(tested.suspect, insertion, interventions)
    offer = others.offer(needed)
    if was_tested and offer <= min(others.available, interventions.samples.most):
        return None  # so large an effect would have been confirmed
    return _word(own, others, needed, not measured, interventions.samples)


def _word(own: Supply, others: Supply, needed: int, assumed: bool, samples: Samples) -> str | None:
    """The clause, from what a trial needs and what there is."""
    offer, more_others = others.offer(needed), others.lacking(needed)
    missing = ((own.words, own.lacking(FEWEST)), (others.words, more_others))
    if offer > min(samples.limit, others.most) or max(count for _, count in missing) > PRACTICAL:
        return None
    parts = [f"{count:,} more image{'' if count == 1 else 's'} {words}" for words, count in missing if count]
    if offer > samples.most:
        parts.append(f"{offer:,} images per trial (--trial)")
    if not parts:
        return None
    condition = ", if it turns half of them" if assumed and max(more_others, offer - samples.most) > 0 else ""
    return f"{' and '.join(parts)} would do{condition}"


def _find_supplies(
    suspect: Suspect, insertion: TrialData | None, interventions: Interventions
) -> tuple[Supply, Supply]:
    """The images that show a suspect, and those that it is inserted into."""
    samples = interventions.samples
    if suspect.kind == "companion":
        own, others = _of_companion(suspect, samples)
    elif suspect.kind == "pair":
        own, others = _of_pair(suspect, insertion, samples)
    else:
        own, others = _of_class(suspect, insertion is None, samples)
    used = 0 if insertion is None else len(insertion.hits)
    if used:
        others = replace(others, usable=used / min(others.available, samples.most))
    return own, others


def _of_class(suspect: Suspect, untested: bool, samples: Samples) -> tuple[Supply, Supply]:
    data, label = samples.data, suspect.label
    count = len(samples.candidates(label))
    own = Supply(_of_name(label, samples), count)
    others = Supply(
        f"of other classes than {data.name(label)}",
        len(samples.other_candidates(label)),
        most=data.pictures_per_class * max(len(data.classes) - 1, 1),
    )
    if suspect.kind == "strategy" and suspect.rows is not None:
        in_trial = min(count, samples.most) / len(data.members(label)) or 1.0
        own = Supply(f"{own.words} that show it", len(suspect.rows), in_trial)
    elif suspect.kind == "outside" and untested:
        found = (samples.of_class(label), samples.of_others(label))
        own, others = (
            replace(side, words=f"{side.words} with a mask of the object", available=len(known.sample))
            for side, known in zip(
                (own, others), (outside.decompose(samples, sample) for sample in found), strict=True
            )
        )
    return own, others


def _of_pair(suspect: Suspect, insertion: TrialData | None, samples: Samples) -> tuple[Supply, Supply]:
    assert suspect.partner is not None
    data, donor, recipient = samples.data, suspect.label, suspect.partner
    if insertion is not None and insertion.rows is not None and len(insertion.rows):
        recipient = int(data.columns["prediction"][insertion.rows[0]])
        donor = suspect.label if recipient == suspect.partner else suspect.partner
    own, others = (
        Supply(_of_name(label, samples), len(samples.candidates(label)), most=data.pictures_per_class)
        for label in (donor, recipient)
    )
    return own, others


def _of_companion(suspect: Suspect, samples: Samples) -> tuple[Supply, Supply]:
    matrix = samples.data.label_matrix
    assert matrix is not None
    label, companion = (repr(matrix.names[index]) for index in (matrix.label, suspect.details["companion"]))
    return (
        Supply(f"with {companion} and without {label}", len(suspect.details["donors"])),
        Supply(f"with neither {label} nor {companion}", len(suspect.details["recipients"])),
    )


def _of_name(label: int, samples: Samples) -> str:
    """A class in words, and that it must be predicted where it is not always."""
    data = samples.data
    mistaken = bool((data.columns["prediction"][data.members(label)] != label).any())
    return f"of class {data.name(label)}{' that are predicted as it' if mistaken else ''}"
