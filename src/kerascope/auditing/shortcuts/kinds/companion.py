"""A companion: another label that often occurs with the audited one, and may be predicted in its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.label_matrix import LabelMatrix
from kerascope.auditing.description.relevance import positive_relevance
from kerascope.auditing.shortcuts.estimate import LEVEL, Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.controls import SAME_OF_NEITHER
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, TrialData
from kerascope.typing import Array

TOGETHER = 0.3
"""How much more often images of the label must have the companion than others, at the lower end."""
MOST = 3
"""The most companions that are suspected."""
_SOFT, _OF_MOST = 0.04, 0.25
"""A map shows the companion, smoothed by this share of the side, from this share of its greatest value on."""
_SURE = 1e-6


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Labels that occur with the audited one, unless the data show that the model ignores them.

    They count where images with the companion and without the label are predicted as the label more often, or
    have a higher score, than images with neither; without images of both groups, it cannot be decided.
    """
    matrix = data.label_matrix
    if matrix is None:
        return []
    values = matrix.values[data.columns["index"]]
    known = np.asarray((values >= 0).all(axis=1))
    own = known & (values[:, matrix.label] == 1)
    found = []
    for companion in matrix.others:
        has = known & (values[:, companion] == 1)
        suspect = _to_suspect(data, matrix, companion, own, has, known)
        if suspect is not None:
            found.append(suspect)
    return sorted(found, key=lambda suspect: -suspect.strength)[:MOST]


def _to_suspect(
    data: AuditData, matrix: LabelMatrix, companion: int, own: Array, has: Array, known: Array
) -> Suspect | None:
    groups = {"both": own & has, "label": own & ~has, "companion": ~own & has, "neither": known & ~own & ~has}
    counts = {name: int(group.sum()) for name, group in groups.items()}
    if min(own.sum(), counts["companion"] + counts["neither"]) < FEWEST:
        return None
    level = LEVEL / len(matrix.others)
    together = _mean_difference(has[own].astype(float), has[known & ~own].astype(float), level)
    if together.low < TOGETHER:
        return None
    name = matrix.names[companion]
    evidence = {
        f"by how much more often images of the label have {name!r} than others ({counts['both']} have both, "
        f"{counts['label']} the label alone, {counts['companion']} {name!r} alone, {counts['neither']} "
        "neither)": together
    }
    yes, scores = (data.columns["prediction"] == 1).astype(float), _logits(data)
    pairs = (
        ("companion", "neither", f"without the label: with {name!r}, beyond images without it, "),
        ("both", "label", f"with the label: with {name!r}, beyond images without it, "),
    )
    rises, comparable = False, False
    for with_, without, words in pairs:
        if min(counts[with_], counts[without]) < FEWEST:
            continue
        comparable = True
        for quantity, values in {"predicted as the label": yes, "its score": scores}.items():
            estimate = _mean_difference(values[groups[with_]], values[groups[without]], level)
            evidence[words + quantity] = estimate
            rises |= estimate.low > 0
    if comparable and not rises:
        return None
    # Images with the companion alone come first among the examples.
    members = np.flatnonzero((data.targets == 1) & has)
    return Suspect(
        "companion",
        1,
        f"what shows {name!r}, a label that goes along with it",
        evidence,
        together.value,
        rows=members[np.argsort(own[members], kind="stable")],
        details={
            "companion": companion,
            "donors": np.flatnonzero(groups["companion"]),
            "recipients": np.flatnonzero(groups["neither"] & (data.columns["prediction"] == 0)),
        },
    )


def _mean_difference(first: Array, second: Array, level: float) -> Estimate:
    """How much the mean of one sample exceeds that of another, with Welch's interval, usually 0."""
    from scipy.stats import t

    samples = (first, second)
    variances = [max(float(values.var(ddof=1)), 1e-9) / len(values) for values in samples]
    freedom = sum(variances) ** 2 / sum(
        variance**2 / (len(values) - 1) for variance, values in zip(variances, samples, strict=True)
    )
    value = float(first.mean() - second.mean())
    half = float(t.isf(level / 2, freedom) * np.sqrt(sum(variances)))
    return Estimate(value, value - half, value + half, 0.0)


def _logits(data: AuditData) -> Array:
    """The score of the label in each image: the logit of its probability."""
    probability = data.columns["probability"].astype("float64")
    own = np.clip(np.where(data.targets == 1, probability, 1 - probability), _SURE, 1 - _SURE)
    return np.asarray(np.log(own / (1 - own)))


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Insert the companion, as images without the label show it, into images with neither."""
    data, samples = interventions.data, interventions.samples
    donor_rows, recipient_rows = (
        data.sample(suspect.details[name], samples.most, salt=7) for name in ("donors", "recipients")
    )
    if min(len(donor_rows), len(recipient_rows)) < FEWEST:
        return []
    donors, _ = data.load_images(donor_rows)
    masks = _locate(data, donors, suspect.details["companion"])
    visible = masks.any(axis=(1, 2))
    donors, masks = donors[visible], masks[visible]
    recipients = samples.load(recipient_rows)
    if min(len(donors), len(recipients)) < FEWEST:
        return []
    images = recipients.images
    donor = np.arange(len(recipients)) % len(donors)
    inserted = masks[donor][..., None]
    changed = np.where(inserted, donors[donor], images)
    control = np.where(inserted, np.roll(images, max(1, len(images) // 2), axis=0), images)
    return [interventions.measure(INSERT, suspect.label, recipients, changed, control, SAME_OF_NEITHER)]


def _locate(data: AuditData, images: Array, label: int) -> Array:
    """Where a label is in some images, by its own map: bool (n, H, W)."""
    from scipy.ndimage import gaussian_filter

    assert data.label_matrix is not None
    explainer, method = data.explainer, data.job.options.method
    inputs = np.asarray(explainer.layout.original(images, np))
    maps = positive_relevance(method(data.label_matrix.probe.with_label(label), inputs, 1), explainer.size)
    soft = np.stack([gaussian_filter(values, _SOFT * max(explainer.size)) for values in maps])
    most = soft.max(axis=(1, 2), keepdims=True)
    return np.asarray((soft >= _OF_MOST * most) & (most > 0))
