"""A background that predicts the class, by its colour, brightness or texture at the margin of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.description.traits import BACKGROUND, MARGIN, TRAITS, margin
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions import Interventions
from kerascope.auditing.shortcuts.kinds import outside
from kerascope.auditing.shortcuts.masks import feather
from kerascope.auditing.shortcuts.samples import Decomposition, Sample
from kerascope.auditing.shortcuts.trial import FEWEST, LEAST_EFFECT_OF_GUESS, TrialData
from kerascope.typing import Array

LEAST_INDEX = 0.3
"""The lower end of the interval of Youden's index must reach this, for a trait to raise a suspicion."""
_DIFFERENT = 0.15
"""Of the range of pixels: what differs more from the margins is object, where masks do not say."""


@dataclass(frozen=True)
class DiscriminativeTrait:
    """A trait that discriminates a class from others.

    Args:
        trait: one of `TRAITS`.
        higher: whether the class has more of it.
        threshold: the value from which on the class is more likely than others.
        index: Youden's index.
    """

    trait: str
    higher: bool
    threshold: float
    index: Estimate

    @property
    def side(self) -> str:
        """In a word."""
        return "higher" if self.higher else "lower"


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Traits of the background that discriminate images of a class from others."""
    found = []
    for label in data.classes:
        best = find_trait(data, label, BACKGROUND, TRAITS)
        if best is not None:
            evidence = f"how well {best.trait} of the background tells the class (Youden's index)"
            found.append(
                Suspect(
                    "background",
                    label,
                    f"the background ({best.trait} is {best.side} there)",
                    {evidence: best.index},
                    2 * best.index.low,
                    region=margin(*data.thumbnails.size),
                    details={"trait": best},
                )
            )
    return found


def find_trait(data: AuditData, label: int, place: int, names: Sequence[str]) -> DiscriminativeTrait | None:
    """The trait that discriminates a class best, if any does.

    Args:
        data: of the audit.
        label: of the class.
        place: position in `traits.PLACES`.
        names: of the traits to choose from; of equally good ones the first.
    """
    own = data.targets == label
    if own.sum() < FEWEST or (~own).sum() < FEWEST:
        return None
    best: DiscriminativeTrait | None = None
    for trait in names:
        values = data.traits[:, place, TRAITS.index(trait)]
        known = np.isfinite(values)
        higher, threshold, index = youden_index(values[own & known], values[~own & known])
        if index.low >= LEAST_INDEX and (best is None or index.low > best.index.low):
            best = DiscriminativeTrait(trait, higher, threshold, index)
    return best


def youden_index(own: Array, others: Array) -> tuple[bool, float, Estimate]:
    """How well the best threshold discriminates a class: the share of it beyond, minus the share of others.

    Unlike the area under the curve it does not need all of a class to have the trait.

    Returns:
        Whether the class lies above the threshold, the threshold, and the index, with its interval by the
        normal approximation at that threshold.

    Source:
        Youden, Index for rating diagnostic tests, Cancer 1950.
    """
    if len(own) < FEWEST // 2 or len(others) < FEWEST // 2:
        return True, 0.0, Estimate(0.0, -1.0, 1.0, 0.0)
    steps = np.unique(own)
    above = [1 - np.searchsorted(np.sort(values), steps, "left") / len(values) for values in (own, others)]
    below = [np.searchsorted(np.sort(values), steps, "right") / len(values) for values in (own, others)]
    up, down = above[0] - above[1], below[0] - below[1]
    higher = bool(up.max() >= down.max())
    shares, index = (above, up) if higher else (below, down)
    best = int(np.argmax(index))
    variance = sum(
        max(share[best] * (1 - share[best]), 0.25 / len(values)) / len(values)
        for share, values in zip(shares, (own, others), strict=True)
    )
    half, value = 1.96 * float(np.sqrt(variance)), float(index[best])
    return higher, float(steps[best]), Estimate(value, max(value - half, -1), min(value + half, 1), 0.0)


def select_by_trait(data: AuditData, rows: Array, place: int, trait: DiscriminativeTrait) -> Array:
    """Positions of the images that have a trait beyond its threshold; at least the eight with most of it."""
    values = np.nan_to_num(data.traits[rows, place, TRAITS.index(trait.trait)])
    order = np.argsort(-values if trait.higher else values, kind="stable")
    beyond = values >= trait.threshold if trait.higher else values <= trait.threshold
    return np.sort(order[: max(min(FEWEST, len(rows)), int(beyond.sum()))])


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Put objects before the backgrounds of other classes, of the images that have the trait.

    Without masks of objects, an object is what differs from the margins at both sides, which are continued
    inward to make the background. Images with a confirmed mark are left out; where all have it, the margin
    without the mark is exchanged.
    """
    label, samples = suspect.label, interventions.samples
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return []
    own = own.take(select_by_trait(interventions.data, own.rows, BACKGROUND, suspect.details["trait"]))
    if interventions.data.objects is not None:
        known = outside.decompose(samples, own, label), outside.decompose(samples, others)
        if min(len(part.sample) for part in known) >= FEWEST:
            return interventions.exchange_background(label, *known)
    clean = np.flatnonzero(~samples.known_region(label, own).any(axis=(1, 2)))
    if len(clean) < FEWEST:
        size = own.images.shape[1:3]
        masks = np.broadcast_to(margin(*size), (len(own), *size))
        return interventions.exchange_region(label, own, masks, None, keep_known=True)
    guess = interventions.exchange_background(label, _guess_objects(own.take(clean)), _guess_objects(others))
    return [replace(outcome, least=LEAST_EFFECT_OF_GUESS) for outcome in guess]


def _guess_objects(sample: Sample) -> Decomposition:
    """Continue the margins at both sides inward to a background; the object is what differs from it."""
    from scipy import ndimage

    images = sample.images
    width = images.shape[2]
    strip, half = max(1, round(width * MARGIN)), width // 2
    sides = []
    for side, room in ((images[:, :, :strip], half), (images[:, :, ::-1][:, :, :strip], width - half)):
        sides.append(
            np.pad(side, ((0, 0), (0, 0), (0, max(room - strip, 0)), (0, 0)), "symmetric")[:, :, :room]
        )
    backgrounds = np.concatenate([sides[0], sides[1][:, :, ::-1]], axis=2)
    difference = np.abs(images - backgrounds).max(axis=-1) / max(float(np.ptp(images)), 1e-6)
    objects = [ndimage.binary_fill_holes(mask) for mask in difference > _DIFFERENT]
    return Decomposition(sample, feather(np.stack(objects)), backgrounds)
