"""A companion: another label that goes along with the one that is asked about, and may be told for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.describe import positive
from kerascope.auditing.shortcuts.companions import Companions
from kerascope.auditing.shortcuts.finding import BRING, FEWEST, LEVEL, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory
from kerascope.typing import Array

TOGETHER = 0.3
"""By how much more often images of the label must have the companion than others, at the lower end."""
MOST = 3
"""The most companions that are suspected."""
SAME_OF_NEITHER = "the same of images with neither label"
"""The control."""
_SOFT, _OF_MOST = 0.04, 0.25
"""A map shows the companion, smoothed by this share of the side, from this share of its greatest value on."""
_SURE = 1e-6


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Labels that go along with the one that is asked about, unless the data show that they do not count.

    They count where images with the companion and without the label are predicted as the label more often, or
    have a higher score, than images with neither; where there are none of these, nobody can tell.
    """
    companions = material.companions
    if companions is None:
        return []
    given = companions.given[material.columns["index"]]
    known = np.asarray((given >= 0).all(axis=1))
    own = known & (given[:, companions.place] == 1)
    suspects = []
    for other in companions.others:
        has = known & (given[:, other] == 1)
        suspect = _suspect(material, companions, other, own, has, known)
        if suspect is not None:
            suspects.append(suspect)
    return sorted(suspects, key=lambda suspect: -suspect.strength)[:MOST]


def _suspect(
    material: Material, companions: Companions, other: int, own: Array, has: Array, known: Array
) -> Suspect | None:
    groups = {"both": own & has, "label": own & ~has, "companion": ~own & has, "neither": known & ~own & ~has}
    counts = {name: int(group.sum()) for name, group in groups.items()}
    if min(own.sum(), counts["companion"] + counts["neither"]) < FEWEST:
        return None
    level = LEVEL / len(companions.others)
    together = _apart(has[own].astype(float), has[known & ~own].astype(float), level)
    if together.low < TOGETHER:
        return None
    name = companions.names[other]
    evidence = {
        f"by how much more often images of the label have {name!r} than others ({counts['both']} have both, "
        f"{counts['label']} the label alone, {counts['companion']} {name!r} alone, {counts['neither']} "
        "neither)": together
    }
    yes, scores = (material.columns["prediction"] == 1).astype(float), _scores(material)
    pairs = (
        ("companion", "neither", f"without the label: with {name!r}, beyond images without it, "),
        ("both", "label", f"with the label: with {name!r}, beyond images without it, "),
    )
    rises, compared = False, False
    for with_, without, words in pairs:
        if min(counts[with_], counts[without]) < FEWEST:
            continue
        compared = True
        numbers = {"predicted as the label": yes, "its score": scores}
        for what, values in numbers.items():
            measured = _apart(values[groups[with_]], values[groups[without]], level)
            evidence[words + what] = measured
            rises |= measured.low > 0
    if compared and not rises:
        return None
    # Those that have the companion alone come first among the examples.
    members = np.flatnonzero((material.targets == 1) & has)
    return Suspect(
        "companion",
        1,
        f"what shows {name!r}, a label that goes along with it",
        evidence,
        together.value,
        images=members[np.argsort(own[members], kind="stable")],
        details={
            "companion": other,
            "donors": np.flatnonzero(groups["companion"]),
            "victims": np.flatnonzero(groups["neither"] & (material.columns["prediction"] == 0)),
        },
    )


def _apart(one: Array, two: Array, level: float) -> Measured:
    """By how much the mean of one sample is above that of another, with Welch's interval, usually 0."""
    from scipy.stats import t

    spreads = [max(float(values.var(ddof=1)), 1e-9) / len(values) for values in (one, two)]
    freedom = sum(spreads) ** 2 / sum(
        spread**2 / (len(values) - 1) for spread, values in zip(spreads, (one, two), strict=True)
    )
    value = float(one.mean() - two.mean())
    half = float(t.isf(level / 2, freedom) * np.sqrt(sum(spreads)))
    return Measured(value, value - half, value + half, 0.0)


def _scores(material: Material) -> Array:
    """The score of the label in each image: the logit of its probability."""
    probability = material.columns["probability"].astype("float64")
    own = np.clip(np.where(material.targets == 1, probability, 1 - probability), _SURE, 1 - _SURE)
    return np.asarray(np.log(own / (1 - own)))


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """What shows the companion, in images without the label, is put into images with neither."""
    material = laboratory.material
    given, into = (
        material.sampled(suspect.details[name], laboratory.sample, salt=7) for name in ("donors", "victims")
    )
    if min(len(given), len(into)) < FEWEST:
        return []
    donors, _ = material.images(given)
    shown = _shown(material, donors, suspect.details["companion"])
    donors, shown = donors[shown.any(axis=(1, 2))], shown[shown.any(axis=(1, 2))]
    victims = laboratory.sampled(into)
    if min(len(donors), len(victims)) < FEWEST:
        return []
    bring = np.arange(len(victims)) % len(donors)
    here = shown[bring][..., None]
    strangers = np.roll(victims.images, max(1, len(victims) // 2), axis=0)
    brought = np.where(here, donors[bring], victims.images)
    control = np.where(here, strangers, victims.images)
    return [laboratory.outcome(BRING, suspect.label, victims, brought, control, SAME_OF_NEITHER)]


def _shown(material: Material, images: Array, label: int) -> Array:
    """Where a label is in some images, by the map of the question about it: bool (n, H, W)."""
    from scipy.ndimage import gaussian_filter

    assert material.companions is not None
    explainer, method = material.explainer, material.job.options.method
    given = np.asarray(explainer.layout.original(images, np))
    maps = positive(method(material.companions.probe.with_label(label), given, 1), explainer.size)
    soft = np.stack([gaussian_filter(one, _SOFT * max(explainer.size)) for one in maps])
    most = soft.max(axis=(1, 2), keepdims=True)
    return np.asarray((soft >= _OF_MOST * most) & (most > 0))


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """None: where it is, is known of images that were asked about it only."""
    return None
