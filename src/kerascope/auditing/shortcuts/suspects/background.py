"""A background that predicts the class: by its colour, brightness or texture at the margin of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import FEWEST, LEAST_OF_GUESS, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory, Sample, Scene
from kerascope.auditing.shortcuts.regions import feathered
from kerascope.auditing.shortcuts.suspects import outside
from kerascope.auditing.traits import BACKGROUND, MARGIN, TRAITS, margin
from kerascope.typing import Array

TELLS = 0.3
"""The least that the lower end of the interval of Youden's index must have."""
_DIFFERENT = 0.15
"""Of the range of pixels: what differs more from the margins is object, where nobody says what is."""


@dataclass(frozen=True)
class Telling:
    """A trait that tells a class.

    Args:
        trait: one of `TRAITS`.
        higher: whether the class has more of it.
        beyond: the value from which on the class is more likely than others.
        measured: Youden's index.
    """

    trait: str
    higher: bool
    beyond: float
    measured: Measured

    @property
    def side(self) -> str:
        """In a word."""
        return "higher" if self.higher else "lower"


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Traits of the background that tell images of a class from others."""
    suspects = []
    for label in material.classes:
        best = telling(material, label, BACKGROUND, TRAITS)
        if best is not None:
            evidence = f"how well {best.trait} of the background tells the class (Youden's index)"
            suspects.append(
                Suspect(
                    "background",
                    label,
                    f"the background ({best.trait} is {best.side} there)",
                    {evidence: best.measured},
                    2 * best.measured.low,
                    region=margin(*material.gallery.size),
                    details={"telling": best},
                )
            )
    return suspects


def telling(material: Material, label: int, place: int, only: Sequence[str]) -> Telling | None:
    """The trait that tells a class best, where any does.

    Args:
        material: of the audit.
        label: of the class.
        place: position in `traits.PLACES`.
        only: these traits; of equally good ones the first.
    """
    own = material.targets == label
    if own.sum() < FEWEST or (~own).sum() < FEWEST:
        return None
    best: Telling | None = None
    for trait in only:
        values = material.traits[:, place, TRAITS.index(trait)]
        known = np.isfinite(values)
        higher, beyond, measured = youden(values[own & known], values[~own & known])
        if measured.low >= TELLS and (best is None or measured.low > best.measured.low):
            best = Telling(trait, higher, beyond, measured)
    return best


def youden(own: Array, others: Array) -> tuple[bool, float, Measured]:
    """How well the best threshold tells a class: the share of it beyond, less the share of others.

    Unlike the area under the curve it does not need all of a class to have the trait.

    Args:
        own: values of the class.
        others: values of others.

    Returns:
        Whether the class lies above the threshold, the threshold, and the index, with its interval by the
        normal approximation at that threshold.

    Source:
        Youden, Index for rating diagnostic tests, Cancer 1950.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.shortcuts.suspects.background import youden
        >>> youden(np.array([3.0, 4.0, 5.0, 0.0]), np.array([0.0, 1.0, 1.0, 2.0]))[:2]
        (True, 3.0)
    """
    if len(own) < FEWEST // 2 or len(others) < FEWEST // 2:
        return True, 0.0, Measured(0.0, -1.0, 1.0, 0.0)
    steps = np.unique(own)
    above = [1 - np.searchsorted(np.sort(values), steps, "left") / len(values) for values in (own, others)]
    below = [np.searchsorted(np.sort(values), steps, "right") / len(values) for values in (own, others)]
    up, down = above[0] - above[1], below[0] - below[1]
    higher = bool(up.max() >= down.max())
    shares, index = (above, up) if higher else (below, down)
    at = int(np.argmax(index))
    variance = sum(
        max(share[at] * (1 - share[at]), 0.25 / len(values)) / len(values)
        for share, values in zip(shares, (own, others), strict=True)
    )
    half, value = 1.96 * float(np.sqrt(variance)), float(index[at])
    return higher, float(steps[at]), Measured(value, max(value - half, -1), min(value + half, 1), 0.0)


def having(material: Material, places: Array, place: int, best: Telling) -> Array:
    """Which of some images have a trait beyond its threshold; at the least the eight with most of it."""
    values = np.nan_to_num(material.traits[places, place, TRAITS.index(best.trait)])
    order = np.argsort(-values if best.higher else values, kind="stable")
    beyond = values >= best.beyond if best.higher else values <= best.beyond
    return np.sort(order[: max(min(FEWEST, len(places)), int(beyond.sum()))])


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """Objects are put before the backgrounds of other classes: of the images that have the trait.

    Where masks do not say what is object, it is what differs from the margins at both sides, which are
    continued inward to make the scene. Images with a mark that was confirmed are left out; where all have it,
    the margin without the mark is exchanged.
    """
    label = suspect.label
    own, others = laboratory.own(label), laboratory.others(label, steady=True)
    if not len(own) or not len(others):
        return []
    own = own.taken(having(laboratory.material, own.places, BACKGROUND, suspect.details["telling"]))
    if laboratory.material.objects is not None:
        known = outside.scene(laboratory, own, label), outside.scene(laboratory, others)
        if min(len(one.sample) for one in known) >= FEWEST:
            return laboratory.resettled(label, *known)
    clean = np.flatnonzero(~laboratory.caused(label, own).any(axis=(1, 2)))
    if len(clean) < FEWEST:
        size = own.images.shape[1:3]
        masks = np.broadcast_to(margin(*size), (len(own), *size))
        return laboratory.swapped(label, own, masks, None, kept=True)
    guessed = laboratory.resettled(label, _scene(own.taken(clean)), _scene(others))
    return [replace(outcome, least=LEAST_OF_GUESS) for outcome in guessed]


def _scene(sample: Sample) -> Scene:
    """Images taken apart: margins at both sides continued inward, and what differs from that."""
    from scipy import ndimage

    images = sample.images
    width = images.shape[2]
    strip, half = max(1, round(width * MARGIN)), width // 2
    sides = []
    for side, room in ((images[:, :, :strip], half), (images[:, :, ::-1][:, :, :strip], width - half)):
        sides.append(
            np.pad(side, ((0, 0), (0, 0), (0, max(room - strip, 0)), (0, 0)), "symmetric")[:, :, :room]
        )
    scenes = np.concatenate([sides[0], sides[1][:, :, ::-1]], axis=2)
    difference = np.abs(images - scenes).max(axis=-1) / max(float(np.ptp(images)), 1e-6)
    objects = [ndimage.binary_fill_holes(seen) for seen in difference > _DIFFERENT]
    return Scene(sample, feathered(np.stack(objects)), scenes)


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: what is tried after it, colours and strategies, is of the whole picture."""
    return None
